"""Personal data as most of the staff see them: enough to recognise, not enough to use."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, ip_address

DOT = "•"


def email(address: str) -> str:
    """hong@example.com → h•••@example.com"""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}{DOT * 3}@{domain}" if at else person_name(address)


def telephone(number: str) -> str:
    """010-1234-5678 → 010-••••-5678"""
    digits = re.sub(r"\D", "", number)
    return f"{digits[:3]}-{DOT * 4}-{digits[-4:]}" if len(digits) >= 9 else DOT * 4


def account(number: str) -> str:
    """A bank account: its last 4 digits."""
    return f"{DOT * 4}{number[-4:]}" if len(number) > 4 else DOT * 4


def person_name(name: str) -> str:
    """A person's name: 홍길동 → 홍•동, 홍길 → 홍•"""
    if len(name) < 2:
        return DOT * len(name)
    last = name[-1] if len(name) > 2 else ""
    return f"{name[0]}{DOT * (len(name) - 1 - len(last))}{last}"


def login(name: str) -> str:
    """A login name, masked where it is an e-mail address or a telephone number."""
    if "@" in name:
        return email(name)
    if re.fullmatch(r"[+\d][\d\s()-]{8,}", name):
        return telephone(name)
    return name


def ip(address: str) -> str:
    """A member's IP address: its network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return DOT * 4
    if isinstance(parsed, IPv4Address):
        return f"{address.rpartition('.')[0]}.{DOT * 3}"
    return f"{':'.join(parsed.exploded.split(':')[:3])}:{DOT * 3}"


# Neither inside of an id (imp_123…, 20261126k3…) nor of a longer number; Hangul may stand right
# beside it.
_ALONE, _ENDS = r"(?<![A-Za-z0-9_-])", r"(?![A-Za-z0-9_-])"
_MAIL = re.compile(
    r"([^\s@%\"'<>(),;:=&])[^\s@%\"'<>(),;:=&]{0,63}(@|%40)([A-Za-z0-9.-]+\.[A-Za-z]{2,})"
)
_TELEPHONE = re.compile(r"(?:\+82[ .-]?|0)\d{1,2}[ .-]?\d{3,4}[ .-]?\d{4}")
_NUMBER = re.compile(
    rf"{_ALONE}(?!\d{{4}}-\d\d-\d\d)"
    rf"(?:0\d\d?\.\d{{3,4}}\.\d{{4}}|\+?\d(?:[ -]?\d){{8,}}){_ENDS}(?!\s*(?:KRW|won|원))"
)


def free_text(written: str, *, keep: Collection[str] = ()) -> str:
    """What people wrote, with e-mail addresses, telephone numbers and other long numbers masked;
    not ids, amounts and days.

    keep: ids that look like such a number. Twice: nothing more is masked.
    """

    def number(match: re.Match[str]) -> str:
        text = match[0]
        if text in keep:
            return text
        return telephone(text) if _TELEPHONE.fullmatch(text) else account(text)

    written = _MAIL.sub(rf"\1{DOT * 3}\2\3", written)
    return _NUMBER.sub(number, written)


def shown(text: str, *, in_full: bool = False) -> str:
    """What people or the gateway wrote, as a page shows it."""
    return text if in_full else free_text(text)
