"""The outermost door: a request that Django cannot even build answers 400, under WSGI and ASGI.

Django decodes the query by the charset of the content type while it makes its request object.
Python knows charsets that are none for text ("hex"), and a query may hold too many names: both
raise before any middleware is asked, and the server would answer a bare 500.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import django
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponse
from django.http.response import HttpResponseBase

logger = logging.getLogger("config.malformed")

BODY = b"unreadable request\n"
# No page, so nothing may load; the middleware that sets these for pages was not reached.
HEADERS = {
    "Content-Type": "text/plain",
    "Content-Length": str(len(BODY)),
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# What building a request raises when the request is at fault: unknown or odd charsets, bytes that
# are no text, too many names.
UNREADABLE = (LookupError, UnicodeError, ValueError, SuspiciousOperation)
LONGEST_SHOWN = 200  # characters of a path in the log


class MalformedRequest(Exception):
    """The request cannot be read. The text names the kind of error, never what the client wrote."""


class _Request(WSGIRequest):
    def __init__(self, environ: dict[str, Any]) -> None:
        try:
            super().__init__(environ)
        except UNREADABLE as error:
            raise MalformedRequest(type(error).__name__) from None


class WSGIApplication(WSGIHandler):
    """Django's handler; 400 as plain text and one line in the log where the request cannot be
    built. Errors of later stages pass.
    """

    request_class = _Request

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        try:
            return super().__call__(environ, start_response)
        except MalformedRequest as error:
            _log(error, environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", ""))
            start_response("400 Bad Request", list(HEADERS.items()))
            return [] if environ.get("REQUEST_METHOD") == "HEAD" else [BODY]


class ASGIApplication(ASGIHandler):
    """The same under ASGI."""

    def create_request(
        self, scope: Mapping[str, Any], body_file: Any
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        try:
            return super().create_request(scope, body_file)
        except UNREADABLE as error:
            _log(
                MalformedRequest(type(error).__name__),
                scope.get("method", ""),
                scope.get("path", ""),
            )
            return None, HttpResponse(BODY, status=400, headers=HEADERS)


def wsgi_application() -> WSGIApplication:
    """As django.core.wsgi.get_wsgi_application. Raises ImproperlyConfigured for settings that
    cannot be used.
    """
    django.setup(set_prefix=False)
    return WSGIApplication()


def asgi_application() -> ASGIApplication:
    """As django.core.asgi.get_asgi_application."""
    django.setup(set_prefix=False)
    return ASGIApplication()


def _log(error: MalformedRequest, method: str, path: str) -> None:
    logger.warning(
        "unreadable request (%s): %r %r", error, method[:LONGEST_SHOWN], path[:LONGEST_SHOWN]
    )
