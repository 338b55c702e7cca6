"""The door of the REST API: method, body, token, envelope and the log of calls, the same for every address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sandbox import clock, reading, redaction, tokens, worker
from sandbox.envelope import Refusal, answer
from sandbox.models import ApiCall
from sandbox.reading import Fields
from sandbox.redaction import printable

Handler = Callable[..., Any]


def door(*, token: bool = True, **handlers: Handler) -> Callable[..., HttpResponse]:
    """A view that answers like the gateway. `handlers` by method (ANY: all) get the request, the body's fields and the path's parts.

    They return what goes into `response`, or raise Refusal. token: ask for a running access token first.
    """

    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        worker.ensure_running()
        fields, code, made = Fields(), 0, None
        try:
            handler = handlers.get(request.method or "") or handlers.get("ANY")
            if handler is None:
                raise Refusal(405, -1, "Method Not Allowed")
            fields = _fields(request)
            if token:
                tokens.check(request)
            made = answer(handler(request, fields, **parts))
        except Refusal as refusal:
            code = refusal.code
            made = answer(code=code, message=refusal.message, http_status=refusal.http_status)
            if refusal.http_status == 405:
                made["Allow"] = ", ".join(handlers)
        _log(request, fields, made.status_code, code)
        return made

    return view


def _fields(request: HttpRequest) -> Fields:
    if request.method in ("GET", "HEAD"):
        return Fields()
    try:
        return reading.body(request)
    except reading.TooBig:
        raise Refusal(413, -1, "Request Entity Too Large") from None


def _log(request: HttpRequest, fields: Fields, http_status: int, code: int) -> None:
    """Keep the call. A body that could not be read is not kept: a key might be hidden in it."""
    ApiCall.objects.create(
        method=printable(request.method or "")[:10],
        path=printable(request.path_info)[:500],
        query=redaction.query(request.META.get("QUERY_STRING", ""))[:500],
        body=redaction.body(dict(fields.values))[:2000],
        http_status=http_status,
        code=code,
        created_at=clock.now(),
    )
