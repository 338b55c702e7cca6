"""What stands before everything else: health checks, headers for browsers, and requests that nobody
could read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import ip_address

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError

from billing.conf import conf
from config import csp, health

logger = logging.getLogger(__name__)

# "unicode_escape" and "utf-7" read half of a pair here, which no database and no hash takes
HALF_LETTERS = rb"\ud800+2AA-"
LONGEST_NUMBER = 20  # digits of a length; Python itself refuses to read thousands

Handler = Callable[[HttpRequest], HttpResponse]


class HealthCheck:
    """Answer /healthz and /readyz whatever host name they are asked by: a probe asks by address."""

    views = {"/healthz": health.healthz, "/readyz": health.readyz}

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self.views.get(request.path_info)
        return view(request) if view else self.get_response(request)


class SecurityHeaders(CSPMiddleware):
    """Content-Security-Policy and Permissions-Policy on every answer, static files and errors
    included.

    Pages of the admin have the policy of their theme; whatever is not theirs has the strict one.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        used = (
            settings.CONTENT_SECURITY_POLICY_REPORT_ONLY
            if report_only
            else settings.CONTENT_SECURITY_POLICY
        )
        match = request.resolver_match
        if used and match and match.app_names[:1] == ["admin"] and response.status_code < 400:
            parts.config = csp.ADMIN
        return parts


class ForwardedHeaders:
    """One warning for each process when a proxy next door names clients that do not count: then all
    of them share its address.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._warned = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            not self._warned
            and "HTTP_X_FORWARDED_FOR" in request.META
            and "x-forwarded-for" not in conf.TRUSTED_PROXY_HEADERS
        ):
            self._look_at(request.META.get("REMOTE_ADDR", ""))
        return self.get_response(request)

    def _look_at(self, peer: str) -> None:
        try:
            # None: a Unix socket, and so a proxy of this machine.
            address = ip_address(peer.partition("%")[0]) if peer else None
        except ValueError:
            return
        if address is None or address.is_loopback or address.is_private:
            self._warned = True
            logger.warning(
                "a proxy at %s sends X-Forwarded-For, which does not count: all visitors "
                "share its address. Set DJANGO_TRUSTED_PROXY.",
                address or "a Unix socket",
            )


class RejectMalformedRequest:
    """400 for a request on which Django would fail: an unknown charset, a length that is no number,
    a NUL in a cookie.

    Python knows codecs that are none for text ("hex") or that read what is none ("unicode_escape"),
    and PostgreSQL refuses to look for a session whose key holds a NUL. Also for files beyond the
    limit of all other bodies: nobody uploads here, and Django itself would write them to the disk,
    however long.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self._readable(request):
            return HttpResponse("unreadable request\n", content_type="text/plain", status=400)
        return self.get_response(request)

    def _readable(self, request: HttpRequest) -> bool:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit() and len(length) < LONGEST_NUMBER):
            return False
        if (
            request.content_type == "multipart/form-data"
            and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        ):
            return False
        if any("\0" in value for value in request.COOKIES.values()):
            return False
        charset = (request.content_params or {}).get("charset", "utf-8")
        try:
            b"a".decode(charset)
            HALF_LETTERS.decode(charset, "replace").encode()
            if request.method == "POST" and request.content_type == "multipart/form-data":
                request.POST  # noqa: B018  (parsed now: a part may name a charset of its own)
        except (LookupError, UnicodeError):
            return False
        except (SuspiciousOperation, MultiPartParserError):
            pass  # Django answers these itself
        return True
