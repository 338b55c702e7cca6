"""Django's WSGI handler, made so that a request which Django cannot even build answers 400.

Django decodes the query by the charset of the content type while it makes its request object.
Python knows charsets that are none for text ("hex"), and a query may hold too many names: both
raise before any middleware is asked, and the server would answer a bare 500. The site has the same
in `config.malformed`; the stand-in alone must not need the site.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import django
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

logger = logging.getLogger(__name__)

BODY = b"unreadable request\n"
HEADERS = {
    "Content-Type": "text/plain",
    "Content-Length": str(len(BODY)),
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# What building a request raises when the request is at fault.
UNREADABLE = (LookupError, UnicodeError, ValueError, SuspiciousOperation)
MAX_LOGGED = 200  # characters of a path


class MalformedRequest(Exception):
    """The request cannot be read. The text names the kind of error, never what the client wrote."""


class _Request(WSGIRequest):
    def __init__(self, environ: dict[str, Any]) -> None:
        try:
            super().__init__(environ)
        except UNREADABLE as error:
            raise MalformedRequest(type(error).__name__) from None


class SandboxWSGIApplication(WSGIHandler):
    """Answers 400 as plain text, with one line in the log, where the request cannot be built."""

    request_class = _Request

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        try:
            return super().__call__(environ, start_response)
        except MalformedRequest as error:
            method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")
            logger.warning(
                "unreadable request (%s): %r %r", error, method[:MAX_LOGGED], path[:MAX_LOGGED]
            )
            start_response("400 Bad Request", list(HEADERS.items()))
            return [] if method == "HEAD" else [BODY]


def wsgi_application() -> SandboxWSGIApplication:
    """As django.core.wsgi.get_wsgi_application. Raises ImproperlyConfigured for settings that
    cannot be used.
    """
    django.setup(set_prefix=False)
    return SandboxWSGIApplication()
