"""V1's answer: `{"code", "message", "response"}` in the bytes that the gateway sends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

CONTENT_TYPE = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class AnswerWithStatus:
    """A handler's answer with another HTTP status than 200 (207: some were found, some were
    not).
    """

    response: Any
    http_status: int


class Refusal(Exception):
    """An answer with code ≠ 0. Lookups that miss are HTTP 404, auth is 401, refused business is 200
    (reference, failure matrix).
    """

    def __init__(self, http_status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message


def json_response(
    response: Any = None, *, code: int = 0, message: str | None = None, http_status: int = 200
) -> HttpResponse:
    """The envelope as captured from the live service: non-ASCII as \\uXXXX, "/" as "\\/", no
    spaces, header with capital UTF-8.
    """
    body = json.dumps(
        {"code": code, "message": message, "response": response},
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return HttpResponse(body.replace("/", "\\/"), status=http_status, content_type=CONTENT_TYPE)
