"""docs/install.ko.md shows what docs/install.md shows: the projects below hosts/ run the English blocks,
so the Korean ones have to be the same.
"""

import re

import pytest

from config.tests.hosts import guide

ENGLISH, KOREAN = guide.PAGE, guide.PAGE.with_name("install.ko.md")
COMMENT = re.compile(r"[ \t]*(?<!\S)# .*$", re.MULTILINE)
COMMAND = re.compile(r"^    (?=\S)(.+)$", re.MULTILINE)


def without_comments(text):
    return COMMENT.sub("", text)


def code(page):
    """Every block: its language, the file that it names, its code."""
    return [
        (block.language, block.file, without_comments(block.code)) for block in guide.blocks(page)
    ]


def commands(page):
    """What is typed in a shell: the indented lines outside the blocks."""
    text = guide.BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [without_comments(line) for line in COMMAND.findall(text)]


def test_the_same_blocks_in_the_same_order():
    assert code(KOREAN) == code(ENGLISH)
    assert len(code(ENGLISH)) >= 14


def test_the_same_commands_in_the_same_order():
    assert commands(KOREAN) == commands(ENGLISH)
    assert "python manage.py migrate" in commands(ENGLISH)


def test_the_settings_stand_in_one_table():
    """The one that is made from billing/conf.py; the Korean page leads to it."""
    text = KOREAN.read_text(encoding="utf-8")
    assert "(install.md#8-settings)" in text
    assert "## 8. Settings\n" in ENGLISH.read_text(encoding="utf-8")
    assert "| `BILLING_" not in text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("# settings.py\na = 1  # one\n", "\na = 1\n"),
        ("make wheel    # here: dist/", "make wheel"),
        ("  --accent: #0a7d5a;", "  --accent: #0a7d5a;"),
        ('"[x](install.md#8-settings)"', '"[x](install.md#8-settings)"'),
    ],
)
def test_only_comments_are_set_aside(text, left):
    """--accent: #… is a colour, no comment."""
    assert without_comments(text) == left
