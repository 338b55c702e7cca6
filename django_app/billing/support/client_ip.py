"""Where a request comes from, and whether such a place is on a list."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.http import HttpRequest

from billing.conf import conf

ONE_LINE = 64  # bits: what a provider hands out to one IPv6 line


def client_ip(request: HttpRequest) -> str | None:
    """The client's IP address, None where there is none (a Unix socket) or none can be read. IPv4
    inside IPv6 is written as IPv4.

    X-Forwarded-For counts only if DJANGO_TRUSTED_PROXY names it, and then its last entry: the one
    that our own proxy wrote. What stands before it was written by the client. Where the proxy wrote
    something else there, the address is unknown, not the proxy's.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if "x-forwarded-for" in conf.TRUSTED_PROXY_HEADERS:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").strip()
        address = forwarded.rpartition(",")[2].strip() if forwarded else address
    parsed = _parsed(address)
    return None if parsed is None else str(parsed)


def rate_limit_key(address: str | None) -> str:
    """What counts as one sender: an IPv4 address, or all the addresses of one IPv6 line, which a
    single machine may use in turn.
    """
    parsed = _parsed(address or "")
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, ONE_LINE), strict=False))
    return str(parsed or "unknown")


def parse_network(entry: object) -> IPv4Network | IPv6Network:
    """An entry of a list: one address, or a network such as 52.78.0.0/16. Raises ValueError for
    anything else, 52.78.1.1/16 included.
    """
    if not isinstance(entry, str):
        raise ValueError("not a text")
    return ip_network(entry.strip())


def is_listed(address: str | None, entries: Iterable[object]) -> bool:
    """Whether one of `entries` holds this address. An entry that cannot be read holds nobody."""
    parsed = _parsed(address or "")
    return parsed is not None and any(_holds(entry, parsed) for entry in entries)


def _holds(entry: object, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in parse_network(entry)
    except ValueError:
        return False


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        # Without an IPv6 zone: no database stores that.
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
