"""Leaves a call without an answer: the connection is closed, or held open in silence until the
caller gives up.

WSGI knows no way to send nothing, so the socket is taken from the server: gunicorn hands it over,
wsgiref's (runserver) stands behind the request's body. Where there is none, as in Django's test
client, the answer is MARKED instead: HTTP 599 with `X-Sandbox-Fault: drop` or `timeout`, for the
test's transport to turn into requests.ConnectionError and requests.ReadTimeout.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any, cast

from django.http import HttpRequest, HttpResponse

FAULT_HEADER = "X-Sandbox-Fault"
FAULT_STATUS = 599
MAX_SILENCE = 25.0  # seconds: a server that kills workers after 30 must not take this one for dead


def drop_connection(request: HttpRequest) -> HttpResponse:
    """Close the caller's connection now."""
    return _fault_response("drop", _close(_client_socket(request)))


def answer_nothing(request: HttpRequest) -> HttpResponse:
    """Say nothing until the caller has given up, or for LONGEST_SILENCE; then close."""
    found = _client_socket(request)
    end = time.monotonic() + MAX_SILENCE
    while found is not None and time.monotonic() < end and _is_connected(found):
        time.sleep(0.05)
    return _fault_response("timeout", _close(found))


def _fault_response(fault: str, closed: bool) -> HttpResponse:
    return HttpResponse(
        b"" if closed else f"The sandbox answers nothing here ({fault}).\n",
        status=FAULT_STATUS,
        headers={FAULT_HEADER: fault},
    )


def _client_socket(request: HttpRequest) -> socket.socket | None:
    given = request.META.get("gunicorn.socket")
    if given is not None:
        return cast("socket.socket", given)
    stream: Any = request.META.get("wsgi.input")
    # django.core.handlers.wsgi.LimitedStream around the connection's file.
    read = getattr(stream, "_read", None)
    stream = getattr(read, "__self__", stream)
    found = getattr(getattr(stream, "raw", None), "_sock", None)
    return found if isinstance(found, socket.socket) else None


def _is_connected(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except (OSError, ValueError):  # ValueError: TLS sockets take no flags
        return False


def _close(connection: socket.socket | None) -> bool:
    if connection is None:
        return False
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    return True
