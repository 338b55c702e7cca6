"""Finds texts of a page that are not in the language they should be in."""

from __future__ import annotations

import re
from html.parser import HTMLParser

LATIN, HANGUL = re.compile(r"[A-Za-z]{2,}"), re.compile(r"[ㄱ-ㅎ가-힣]")
SPOKEN = ("alt", "aria-label", "content", "placeholder", "title")
VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
}
MACHINES = {"viewport", "color-scheme", "robots"}  # meta elements that nobody reads
NO_WORDS = re.compile(r"\S+@\S+|https?://\S+|/\S+|\b(?:CSV|P|KRW|PAYCO)\b")


class _Texts(HTMLParser):
    """(language, text) of all that is read or read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        # Element, language; "" for what nobody translates.
        self._open: list[tuple[str, str]] = [("", "")]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        language = given.get("lang", self._open[-1][1])
        if given.get("translate") == "no" or tag in {"script", "style", "svg"}:
            language = ""
        if tag != "meta" or (given.get("name") not in MACHINES and "charset" not in given):
            self.found += [(language, given[name]) for name in SPOKEN if given.get(name)]
        if tag not in VOID:
            self._open.append((tag, language))

    def handle_endtag(self, tag: str) -> None:
        while len(self._open) > 1:
            if self._open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        if data.strip() and not data.startswith("html"):
            self.found.append((self._open[-1][1], data.strip()))


def strangers(html: str, *, language: str, data: tuple[str, ...] = ()) -> list[str]:
    """Texts of this page that hold words of the other language. data: what people or the gateway
    wrote, which is nobody's to translate.
    """
    parser = _Texts()
    parser.feed(html)
    assert any(own == language for own, _text in parser.found), f"no text is marked as {language}"
    wrong = []
    for own, text in parser.found:
        bare = text
        for piece in data:
            bare = bare.replace(piece, "")
        bare = NO_WORDS.sub("", bare)
        if own and (HANGUL if own == "en" else LATIN).search(bare):
            wrong.append(f"{own}: {text}")
    return wrong
