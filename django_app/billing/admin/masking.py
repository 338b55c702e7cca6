"""Personal data as most of the staff see them: enough to recognise, not enough to use."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address

DOT = "•"


def email(address: str) -> str:
    """hong@example.com → h•••@example.com"""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}{DOT * 3}@{domain}" if at else text(address)


def telephone(number: str) -> str:
    """010-1234-5678 → 010-••••-5678"""
    digits = re.sub(r"\D", "", number)
    return f"{digits[:3]}-{DOT * 4}-{digits[-4:]}" if len(digits) >= 9 else DOT * 4


def account(number: str) -> str:
    """A bank account: its last 4 digits."""
    return f"{DOT * 4}{number[-4:]}" if len(number) > 4 else DOT * 4


def text(name: str) -> str:
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


def address(ip: str) -> str:
    """A member's IP address: its network."""
    try:
        known = ip_address(ip)
    except ValueError:
        return DOT * 4
    if isinstance(known, IPv4Address):
        return f"{ip.rpartition('.')[0]}.{DOT * 3}"
    return f"{':'.join(known.exploded.split(':')[:3])}:{DOT * 3}"
