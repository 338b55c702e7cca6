"""Finds words on a page that are not in the reader's language. For any page: hand in its HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

# Attributes that people read or hear.
SPOKEN = {
    "aria-label",
    "alt",
    "title",
    "placeholder",
    "content",
}
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
HANGUL = re.compile(r"[ㄱ-ㆎ가-힣]")
LATIN = re.compile(r"[A-Za-z]{2,}")
# Names that are the same in every language.
APP = Path(__file__).resolve().parents[3]
NAMES = {"JavaScript", "PAYCO", "CSV", "ID", "SMS", "Sandbox", "http", "https", "www"}


class _Reader(HTMLParser):
    """Collects (language, text) of everything that people read. What is marked translate="no" is
    data, and nobody's language.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        # Tag, language, whether it is skipped.
        self._open: list[tuple[str, str, bool]] = [("", "", False)]
        self._json: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        _tag, language, skipped = self._open[-1]
        language = given.get("lang") or language
        skipped = skipped or tag in {"style", "svg"} or given.get("translate") == "no"
        if not skipped:
            names = SPOKEN if tag != "meta" or given.get("name") == "description" else set()
            self.found += [(language, given[name] or "") for name in sorted(names & set(given))]
            if tag == "input" and given.get("type") in {"submit", "button"}:
                self.found.append((language, given.get("value") or ""))
        if tag == "script":
            self._json = [] if given.get("type") == "application/json" else None
            skipped = True
        if tag not in VOID:
            self._open.append((tag, language, skipped))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._json:
            self.found += [
                (self._open[-2][1], text) for text in _texts(json.loads("".join(self._json)))
            ]
            self._json = None
        while len(self._open) > 1 and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        _tag, language, skipped = self._open[-1]
        if self._json is not None:
            self._json.append(data)
        elif not skipped and data.strip():
            self.found.append((language, " ".join(data.split())))


def _texts(value: Any, key: str = "") -> Iterator[str]:
    """What a data block holds for people: everything below `texts` or `words`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, key or (name if name in {"texts", "words"} else ""))
    elif isinstance(value, str) and key:
        yield value


@cache
def _untranslated(language: str) -> dict[str, str]:
    """English source text → its translation, where they differ."""
    from babel.messages.pofile import read_po

    pairs: dict[Any, Any] = {}
    for path in sorted(APP.glob(f"*/locale/{language}/LC_MESSAGES/django.po")):
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
        for message in catalog:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            pairs.update(
                {text: strings[0] for text in ids if text and strings[0] and text not in strings}
            )
    assert pairs, f"no translation for {language}"
    return pairs


def strangers(html: str, language: str, *, allow: Collection[str] = ()) -> list[str]:
    """Texts of a page in `language` ("ko", "en") that are written in the other one: whole sources
    of ours, or single words.

    allow: words that are data of the test, such as a user's name. Parts of the page that say `lang`
    are judged by that language.
    """
    reader = _Reader()
    reader.feed(html)
    allowed = NAMES | set(allow)
    wrong = []
    for said, text in reader.found:
        for word in sorted(allowed, key=len, reverse=True):
            text = re.sub(rf"(?<![A-Za-z가-힣]){re.escape(word)}(?![A-Za-z])", "", text)
        text = re.sub(r"\{\w+\}|\S+@\S+|https?://\S+", "", text)
        spoken = (said or language)[:2]
        if spoken == "ko" and (text in _untranslated("ko") or LATIN.search(text)):
            wrong.append(text)
        if spoken == "en" and HANGUL.search(text):
            wrong.append(text)
    return wrong
