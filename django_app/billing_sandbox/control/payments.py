"""The control API: what tests and scripts use to play buyer, bank and console. JSON in, JSON out.

A POST must say `Content-Type: application/json`: a foreign web page cannot send that from a browser
without asking first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.forms.models import model_to_dict
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from billing_sandbox import parsing, serializer
from billing_sandbox.engine import (
    due_jobs,
    payments,
    processor,
    request_pay,
    webhook_delivery,
    webhook_queue,
    worker,
)
from billing_sandbox.models import ApiCall, Delivery, Payment, Prepared

OUTCOMES = ("paid", "failed", "ready", "vbank")


class Bad(Exception):
    """An answer `{"error": {"code", "message"}}`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def endpoint(methods: str, *allowed: str) -> Callable[..., Any]:
    """A control view for some methods ("GET POST"). allowed: names a POST's JSON object may hold;
    the view gets the object.
    """

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        @csrf_exempt
        def view(request: HttpRequest, **parts: str) -> JsonResponse:
            worker.ensure_running()
            try:
                if request.method not in methods.split():
                    raise Bad("method_not_allowed", f"Use {methods.replace(' ', ' or ')}.", 405)
                return JsonResponse(
                    handler(
                        request,
                        _read(request, allowed) if request.method == "POST" else {},
                        **parts,
                    )
                )
            except Bad as bad:
                made = JsonResponse(
                    {"error": {"code": bad.code, "message": bad.message}}, status=bad.status
                )
                if bad.status == 405:
                    made["Allow"] = ", ".join(methods.split())
                return made

        decorated: Callable[..., Any] = view
        return decorated

    return decorate


def _read(request: HttpRequest, allowed: tuple[str, ...]) -> dict[str, Any]:
    if request.content_type != parsing.JSON:
        raise Bad("content_type", "Send Content-Type: application/json.")
    try:
        raw = parsing.raw_body(request)
        values = parsing.json_object(raw) if raw.strip() else {}
    except parsing.TooBig:
        raise Bad("too_big", "The body is too big.") from None
    except ValueError:
        raise Bad("json", "The body is not a JSON object.") from None
    unknown = sorted(set(values) - set(allowed)) if allowed else sorted(values)
    if unknown:
        raise Bad("unknown_field", f"Unknown field; known are: {', '.join(allowed) or 'none'}.")
    return values


@endpoint("POST")
def reset(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Empty every table of the sandbox: no payment, no fault, no seed, and the clock shows this
    machine's time again.
    """
    for model in apps.get_app_config("sandbox").get_models():
        model._default_manager.all().delete()
    return {}


@endpoint(
    "POST",
    "merchant_uid",
    "amount",
    "pay_method",
    "outcome",
    "webhook",
    "currency",
    "sandbox",
    "pg_provider",
)
def pay(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Pay without a window: opens one, and lets it end as `outcome` says. Not held to the prepared
    amount; may be repeated.
    """
    outcome, webhook, method = (
        values.get("outcome"),
        _flag(values, "webhook", True),
        values.get("pay_method"),
    )
    if outcome not in OUTCOMES:
        raise Bad("outcome", f"outcome is one of {', '.join(OUTCOMES)}.")
    if method not in processor.PAY_METHODS:
        raise Bad("pay_method", f"pay_method is one of {', '.join(processor.PAY_METHODS)}.")
    if outcome == "vbank" and method != "vbank":
        raise Bad("outcome", "outcome vbank needs pay_method vbank.")
    merchant_uid = _text(values, "merchant_uid", parsing.merchant_uid)
    prepared = Prepared.objects.filter(merchant_uid=merchant_uid).first()
    currency = _text(
        values, "currency", parsing.currency, (prepared.currency if prepared else "") or "KRW"
    )
    provider = _text(values, "pg_provider", lambda value: parsing.text(value, 16), "")
    try:
        amount = (
            parsing.amount(values["amount"], currency)
            if "amount" in values
            else prepared.amount
            if prepared
            else None
        )
    except ValueError:
        amount = None
    if amount is None:
        raise Bad(
            "amount",
            "amount is a positive number (whole in KRW); it may be left out where one was "
            "prepared.",
        )
    imp_uid = payments.create(
        merchant_uid=merchant_uid,
        amount=amount,
        currency=currency,
        pay_method=method,
        sandbox=_flag(values, "sandbox", False),
        asked_pg=f"{provider}.sandbox" if provider else processor.DEFAULT_PG,
        site=request_pay.site(request),
    ).imp_uid
    if method == "vbank" and outcome in ("vbank", "paid"):
        payments.issue_account(imp_uid, webhook=webhook)
    if outcome == "paid":
        payments.approve(imp_uid, webhook=webhook)
    elif outcome == "failed":
        payments.decline(imp_uid)
    return {"imp_uid": imp_uid}


@csrf_exempt
def act(request: HttpRequest, imp_uid: str, verb: str) -> JsonResponse:
    """`payments/<imp_uid>/<verb>`."""
    answer: JsonResponse = _VERBS.get(verb, nothing)(request, imp_uid=imp_uid)
    return answer


def _verb(*allowed: str) -> Callable[..., Any]:
    """As endpoint; unknown payments are 404, wrong states 409."""

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        @endpoint("POST", *allowed)
        def view(request: HttpRequest, values: Mapping[str, Any], imp_uid: str) -> dict[str, Any]:
            try:
                if not parsing.is_imp_uid(imp_uid):
                    raise Payment.DoesNotExist
                return handler(imp_uid, values) or serializer.payment(
                    Payment.objects.get(imp_uid=imp_uid)
                )
            except Payment.DoesNotExist:
                raise Bad("not_found", "There is no such payment.", 404) from None
            except payments.WrongState as error:
                raise Bad("wrong_state", f"Not possible: {error}.", 409) from None

        decorated: Callable[..., Any] = view
        return decorated

    return decorate


@_verb("amount", "reason")
def _cancel(imp_uid: str, values: Mapping[str, Any]) -> None:
    """The console's cancel, whole (no amount) or in part."""
    payment = Payment.objects.get(imp_uid=imp_uid)
    reason = _text(
        values, "reason", lambda value: parsing.text(value, 256), payments.CONSOLE_REASON
    )
    try:
        payments.cancel(
            imp_uid,
            amount=parsing.amount(values["amount"], payment.currency)
            if "amount" in values
            else None,
            reason=reason,
        )
    except ValueError:
        raise Bad(
            "amount", "amount is a positive number up to what remains; leave it out for all of it."
        ) from None


@_verb("amount")
def _approve(imp_uid: str, values: Mapping[str, Any]) -> None:
    """Paid, now or late; amount: another one than the page asked for, as after tampering."""
    payments.approve(imp_uid, amount=_amount(values, Payment.objects.get(imp_uid=imp_uid).currency))


@_verb("reason")
def _decline(imp_uid: str, values: Mapping[str, Any]) -> None:
    """Refused by the card company or bank, in its words."""
    payments.decline(
        imp_uid, reason=_text(values, "reason", lambda value: parsing.text(value, 255), "") or None
    )


@_verb()
def _close(imp_uid: str, values: Mapping[str, Any]) -> None:
    """The buyer closes the window."""
    payments.give_up(imp_uid)


@_verb()
def _account(imp_uid: str, values: Mapping[str, Any]) -> None:
    """A virtual account is issued."""
    payments.issue_account(imp_uid)


@_verb("amount")
def _deposit(imp_uid: str, values: Mapping[str, Any]) -> None:
    """Money arrives. Another amount than asked for is sent back by the bank: 409, and nothing
    changes.
    """
    payments.deposit(imp_uid, amount=_amount(values, Payment.objects.get(imp_uid=imp_uid).currency))


@_verb()
def _webhook(imp_uid: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Send the newest webhook of this payment again, or its present status where there was none."""
    return {
        "deliveries": [
            model_to_dict(row) for row in webhook_queue.resend(Payment.objects.get(imp_uid=imp_uid))
        ]
    }


_VERBS = {
    "cancel": _cancel, "approve": _approve, "decline": _decline, "close": _close,
    "account": _account, "deposit": _deposit,
    "webhook": _webhook,
}  # fmt: skip


@endpoint("POST", "format")
def deliver(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Hand out all that is queued, in this call."""
    if "format" in values and values["format"] not in Delivery.Format:
        raise Bad("format", "format is json or form.")
    due_jobs.do_due()
    return {
        "deliveries": [
            model_to_dict(row) for row in webhook_delivery.deliver_now(values.get("format"))
        ]
    }


@endpoint("GET")
def log(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Every call and every delivery, oldest first."""
    calls = ApiCall.objects.order_by("pk").values(
        "method", "path", "query", "body", "http_status", "code", "imp_uid", "fault", "created_at"
    )
    return {
        "calls": list(calls),
        "deliveries": [model_to_dict(row) for row in Delivery.objects.order_by("pk")],
    }


@csrf_exempt
def nothing(request: HttpRequest, **parts: str) -> JsonResponse:
    """The control API's 404."""
    return JsonResponse(
        {"error": {"code": "not_found", "message": "There is no such address."}}, status=404
    )


def _flag(values: Mapping[str, Any], name: str, default: bool) -> bool:
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise Bad(name, f"{name} is true or false.")
    return value


def _amount(values: Mapping[str, Any], currency: str) -> Decimal | None:
    if "amount" not in values:
        return None
    try:
        return parsing.amount(values["amount"], currency)
    except ValueError:
        raise Bad(
            "amount",
            "amount is a positive number (whole in KRW); leave it out for the amount asked for.",
        ) from None


def _text(
    values: Mapping[str, Any], name: str, read: Callable[[Any], str], default: str | None = None
) -> str:
    if default is not None and name not in values:
        return default
    try:
        return read(values.get(name))
    except ValueError:
        raise Bad(name, f"{name} is missing or not usable.") from None
