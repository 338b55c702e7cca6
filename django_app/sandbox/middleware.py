"""Sandbox mode serves the person at this machine and nobody else."""

from collections.abc import Callable
from ipaddress import ip_address

from django.http import HttpRequest, HttpResponse

PANEL = "/sandbox/"
CONTROL = "/sandbox/control/"
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP")


class LoopbackOnly:
    """403 for whatever a proxy forwarded, and for panel and control from any address but this machine's own.

    A forwarded request seems to come from loopback although its sender sits elsewhere, so such a header is reason enough to
    refuse. Host names are ALLOWED_HOSTS' business (in sandbox mode loopback names only).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if any(name in request.META for name in _FORWARDED):
            return _refuse("Sandbox mode serves only this machine, but this request was forwarded by a proxy.")
        path = request.path_info
        if (path == PANEL or path.startswith(CONTROL)) and not is_loopback(request.META.get("REMOTE_ADDR", "")):
            return _refuse("The sandbox's control panel serves only this machine.")
        return self.get_response(request)


def is_loopback(address: str) -> bool:
    """Whether `address` is an IP address of this machine's loopback interface (127.0.0.0/8, ::1, ::ffff:127.0.0.1)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _refuse(sentence: str) -> HttpResponse:
    return HttpResponse(sentence + "\n", status=403, content_type="text/plain; charset=utf-8")
