"""What every address of the REST API goes through: method, body, token, envelope, faults in force
and the log of calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from billing_sandbox import parsing, redaction
from billing_sandbox.engine import cancels, clock, tokens, worker
from billing_sandbox.envelope import AnswerWithStatus, Refusal, json_response
from billing_sandbox.faults import active_faults, connection_faults
from billing_sandbox.models import ApiCall
from billing_sandbox.parsing import Fields
from billing_sandbox.redaction import printable

Handler = Callable[..., Any]
CANCEL_LATER_KEY = "sandbox.cancel_later_s"  # in request.META: a fault for the cancel's handler
KEPT_CALLS = 10_000
_PRUNED_EVERY = 500  # calls
_API_PREFIX = "/sandbox/api/"


@dataclass
class _Call:
    """What became of one call."""

    response: HttpResponse
    code: int = 0
    fields: Fields = field(default_factory=Fields)
    imp_uid: str = ""
    fault: str = ""


def api_view(*, token: bool = True, **handlers: Handler) -> Callable[..., HttpResponse]:
    """A view that answers like the gateway. `handlers` by method (ANY: all) get the request, the
    body's fields and the path's parts.

    They return what goes into `response` (or an Answer, for another HTTP status than 200), or raise
    Refusal. token: ask for a running access token first.
    """

    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        worker.ensure_running()
        cancels.finish_due_cancels()
        plan = active_faults.for_call(
            request.method or "", request.path_info.removeprefix(_API_PREFIX)
        )
        if plan is None:
            call = _answer(request, handlers, token, parts)
            _log(request, call)
            return call.response
        return _answer_with_fault(plan, request, handlers, token, parts)

    return view


def _answer_with_fault(
    plan: active_faults.CallFault,
    request: HttpRequest,
    handlers: dict[str, Handler],
    token: bool,
    parts: dict[str, str],
) -> HttpResponse:
    """The call as the rule wants it to go."""
    time.sleep(plan.latency_ms / 1000)
    if plan.cancel_later_s is not None:
        request.META[CANCEL_LATER_KEY] = plan.cancel_later_s
    call = (
        _answer(request, handlers, token, parts)
        if plan.takes_effect
        else _Call(HttpResponse(), fields=_fields_for_log(request))
    )
    call.fault = str(plan)
    if plan.answers_itself:
        http_status, call.code, message = plan.refusal()
        call.response = json_response(code=call.code, message=message, http_status=http_status)
    if plan.invalid_json:
        call.response.content = call.response.content[: len(call.response.content) // 2]
    _log(request, call, answered=not (plan.drop or plan.timeout))
    if plan.drop:
        return connection_faults.drop_connection(request)
    return connection_faults.answer_nothing(request) if plan.timeout else call.response


def _answer(
    request: HttpRequest, handlers: dict[str, Handler], token: bool, parts: dict[str, str]
) -> _Call:
    """The gateway's own answer."""
    fields = Fields()
    try:
        handler = handlers.get(request.method or "") or handlers.get("ANY")
        if handler is None:
            raise Refusal(405, -1, "Method Not Allowed")
        fields = _fields(request)
        if token:
            tokens.require_token(request)
        result = handler(request, fields, **parts)
        status = 200
        if isinstance(result, AnswerWithStatus):
            result, status = result.response, result.http_status
        return _Call(
            json_response(result, http_status=status),
            fields=fields,
            imp_uid=_payment_id(result, fields, parts),
        )
    except SuspiciousOperation:  # e.g. a query of more than a thousand names
        refusal = Refusal(400, -1, "Bad Request")
    except Refusal as caught:
        refusal = caught
    response = json_response(
        code=refusal.code, message=refusal.message, http_status=refusal.http_status
    )
    if refusal.http_status == 405:
        response["Allow"] = ", ".join(handlers)
    return _Call(
        response, code=refusal.code, fields=fields, imp_uid=_payment_id(None, fields, parts)
    )


def _payment_id(result: Any, fields: Fields, parts: dict[str, str]) -> str:
    """The imp_uid of the one payment that a call was about, or ""."""
    imp_uid = result.get("imp_uid") if isinstance(result, dict) else None
    imp_uid = imp_uid or parts.get("imp_uid") or fields.get("imp_uid")
    return imp_uid if parsing.is_imp_uid(imp_uid) else ""


def _fields(request: HttpRequest) -> Fields:
    if request.method in ("GET", "HEAD"):
        return Fields()
    try:
        return parsing.request_fields(request)
    except parsing.BodyTooLarge:
        raise Refusal(413, -1, "Request Entity Too Large") from None


def _fields_for_log(request: HttpRequest) -> Fields:
    """The body of a call that does nothing: for the log only."""
    try:
        return _fields(request)
    except Refusal:
        return Fields()


def _log(request: HttpRequest, call: _Call, *, answered: bool = True) -> None:
    """Keep the call. A body that could not be read is not kept: a key might be hidden in it. Old
    calls make room now and then.
    """
    row = ApiCall.objects.create(
        method=printable(request.method or "")[:10],
        path=printable(request.path_info)[:500],
        query=redaction.redacted_query(request.META.get("QUERY_STRING", ""))[:500],
        body=redaction.redacted_body(dict(call.fields.values))[:2000],
        http_status=call.response.status_code if answered else 0,
        code=call.code if answered else 0,
        imp_uid=printable(call.imp_uid),
        fault=call.fault,
        created_at=clock.now(),
    )
    if row.pk % _PRUNED_EVERY == 0:
        ApiCall.objects.filter(pk__lte=row.pk - KEPT_CALLS).delete()


def _unknown_address(request: HttpRequest, fields: Fields) -> None:
    """An address that V1 does not know."""
    raise Refusal(404, -1, "Not Found")


unknown_address = api_view(token=False, ANY=_unknown_address)
