"""Sandbox mode serves the person at this machine and nobody else."""

from collections.abc import Callable
from ipaddress import ip_address

from django.http import HttpRequest, HttpResponse

_FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_REAL_IP",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
)


class LoopbackOnly:
    """403 for every request from another machine, and for whatever a proxy forwarded.

    The host name is no guard: whoever sends a request writes it. A forwarded request seems to come
    from loopback although its sender sits elsewhere, so such a header is reason enough to refuse.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if any(name in request.META for name in _FORWARDED):
            return _refuse(
                "Sandbox mode serves only this machine, but this request was forwarded by a proxy."
            )
        if not is_loopback(request.META.get("REMOTE_ADDR", "")):
            return _refuse("Sandbox mode serves only this machine.")
        return self.get_response(request)


def is_loopback(address: str) -> bool:
    """Whether `address` is an IP address of this machine's loopback interface (127.0.0.0/8, ::1,
    ::ffff:127.0.0.1).
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _refuse(sentence: str) -> HttpResponse:
    return HttpResponse(sentence + "\n", status=403, content_type="text/plain; charset=utf-8")
