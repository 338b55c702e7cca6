"""docs/install.md as a project follows it: its blocks, by the file that they name in their first
line.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[4] / "docs" / "install.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w/]+\.\w+)(.*)")


class Block:
    """file: what the first line names, "" for none; about: the rest of that line; code: the
    block.
    """

    def __init__(self, language: str, text: str) -> None:
        self.language, self.code = language, text
        found = FILE.match(text)
        self.file, self.about = (found[1], found[2]) if found else ("", "")


def blocks(page: Path = PAGE) -> list[Block]:
    """All of them, in order."""
    return [Block(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def block(file: str, word: str = "") -> str:
    """The code of the only block of this file that holds `word`."""
    [found] = [one.code for one in blocks() if one.file == file and word in one.code]
    return found


def five_lines() -> dict[str, list[str]]:
    """What a project writes for a charge, by file: no comments, no empty lines."""
    return {
        file: [
            line
            for line in block(file, word).splitlines()
            if line and not line.startswith(("#", "import ", "from "))
        ]
        for file, word in (("settings.py", "IAMPORT_CODE"), ("urls.py", "billing.urls"))
    }
