"""The examples of docs/testing.md and of the READMEs, run as they stand there in a project that is
not this site.
"""

from __future__ import annotations

import re

import pytest

from billing.tests.support import host_project

ROOT = host_project.APP.parent
DOCS = ROOT / "docs"
FILES = {
    "# conftest.py\n": host_project.CONFTEST,
    "# settings of your tests\n": host_project.SETTINGS_OF_TESTS,
}
READMES = {
    "README.md": "## Test your own code against it\n",
    "README.ko.md": "## 내 코드를 테스트하기\n",
}


def blocks(name: str) -> list[str]:
    """The Python of a page, block by block."""
    return python((DOCS / name).read_text(encoding="utf-8"))


def readme_blocks(name: str) -> list[str]:
    """The Python of a README's section on tests."""
    _, section = (ROOT / name).read_text(encoding="utf-8").split(READMES[name])
    return python(section.split("\n## ")[0])


def python(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def bare(block: str) -> str:
    """Without comments, which may be Korean."""
    return re.sub(r"#.*", "", block).replace(" ", "")


@pytest.mark.parametrize("name", ["testing.md", "testing.ko.md"])
def test_the_two_lines_are_those_of_the_project_that_runs_them(name):
    lines, tests = blocks(name)[:2], blocks(name)[2:]
    assert lines == [first + line for first, line in FILES.items()]
    assert all("def test_" in block for block in tests)


def test_every_example_passes(tmp_path):
    tests = blocks("testing.md")[2:]
    host_project.make(tmp_path, **{f"test_{n}": block for n, block in enumerate(tests)})
    code, output = host_project.run_pytest(tmp_path)
    assert code == 0, output[-6000:]
    expected = sum(block.count("def test_") for block in tests)
    assert f"{expected} passed" in output
    assert expected >= 15


def test_the_korean_page_has_the_same_examples():
    assert [bare(block) for block in blocks("testing.ko.md")] == [
        bare(block) for block in blocks("testing.md")
    ]


def test_the_examples_of_both_readmes_pass(tmp_path):
    english, korean = (readme_blocks(name) for name in READMES)
    assert [bare(block) for block in korean] == [bare(block) for block in english]
    tests = {}
    for name, (*lines, example) in (("en", english), ("ko", korean)):
        assert lines == list(FILES.values())
        tests[f"test_readme_{name}"] = example
    host_project.make(tmp_path, **tests)
    code, output = host_project.run_pytest(tmp_path)
    assert code == 0, output[-6000:]
    expected = sum(example.count("def test_") for example in tests.values())
    assert f"{expected} passed" in output
    assert expected == 4
