"""The examples of docs/testing.md, run as they stand there in a project that is not this site."""

from __future__ import annotations

import re

import pytest

from billing.tests.support import host_project

DOCS = host_project.APP.parent / "docs"
FILES = {
    "# conftest.py\n": host_project.CONFTEST,
    "# settings of your tests\n": host_project.SETTINGS_OF_TESTS,
}


def blocks(name: str) -> list[str]:
    """The Python of a page, block by block."""
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)


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
    """Comments and texts may be Korean."""

    def bare(block: str) -> str:
        return re.sub(r"#.*", "", block).replace(" ", "")

    assert [bare(block) for block in blocks("testing.ko.md")] == [
        bare(block) for block in blocks("testing.md")
    ]
