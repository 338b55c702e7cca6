"""The examples of docs/sandbox.md, run as they stand there (on another port)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from billing_sandbox.tests.support.server import APP, command, free_port, running

TEXT = (APP.parent / "docs" / "sandbox.md").read_text(encoding="utf-8")
HERE = "http://127.0.0.1:9000"


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def here() -> Iterator[str]:
    port = free_port()
    with running(command(port), port) as address:
        yield address


def run(program: list[str], text: str, here: str) -> str:
    done = subprocess.run(
        program,
        input=text.replace(HERE, here),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python(here):
    assert run([sys.executable, "-"], blocks("python")[0], here) == "cancelled\n"


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_node(here):
    assert run(["node", "--input-type=module", "-"], blocks("js")[0], here) == "paid\n"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_curl(here):
    calls, control = (block for block in blocks("sh") if "curl" in block)
    assert run(["bash", "-e", "-o", "pipefail"], calls, here).endswith('"paid"\n300\n')
    assert '"error"' not in run(["bash", "-e", "-o", "pipefail"], control, here)


def test_the_page_names_this_sandbox():
    assert f'src="{HERE}/sandbox/iamport.js"' in blocks("html")[0]
    assert [
        line
        for block in blocks("sh")
        for line in block.splitlines()
        if "python -m billing_sandbox --port 9000" in line
    ]
