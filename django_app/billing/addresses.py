"""Where a request comes from."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address, None where there is none (a Unix socket).

    X-Forwarded-For counts only if DJANGO_TRUSTED_PROXY names it, and then its last entry: the one that our own proxy wrote.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if "x-forwarded-for" in settings.TRUSTED_PROXY_HEADERS:
        address = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    try:
        return str(ip_address(address.partition("%")[0]))  # without an IPv6 zone: no database stores that
    except ValueError:
        return None
