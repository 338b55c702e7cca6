"""The control API's part for payments: plays the buyer, the bank and the merchant's console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.forms.models import model_to_dict
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from billing_sandbox import parsing, serializer
from billing_sandbox.control.endpoint import ControlError, control_view, unknown_address
from billing_sandbox.engine import payments, processor, request_pay, webhook_queue
from billing_sandbox.models import Payment, Prepared

OUTCOMES = ("paid", "failed", "ready", "vbank")


@control_view(
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
        raise ControlError("outcome", f"outcome is one of {', '.join(OUTCOMES)}.")
    if method not in processor.PAY_METHODS:
        raise ControlError(
            "pay_method", f"pay_method is one of {', '.join(processor.PAY_METHODS)}."
        )
    if outcome == "vbank" and method != "vbank":
        raise ControlError("outcome", "outcome vbank needs pay_method vbank.")
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
        raise ControlError(
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
        site=request_pay.base_url(request),
    ).imp_uid
    if method == "vbank" and outcome in ("vbank", "paid"):
        payments.issue_account(imp_uid, webhook=webhook)
    if outcome == "paid":
        payments.approve(imp_uid, webhook=webhook)
    elif outcome == "failed":
        payments.decline(imp_uid)
    return {"imp_uid": imp_uid}


@csrf_exempt
def payment_action(request: HttpRequest, imp_uid: str, verb: str) -> JsonResponse:
    """`payments/<imp_uid>/<verb>`."""
    return _ACTIONS.get(verb, unknown_address)(request, imp_uid=imp_uid)


def _payment_view(
    *allowed: str,
) -> Callable[[Callable[..., dict[str, Any] | None]], Callable[..., JsonResponse]]:
    """As control_view; unknown payments are 404, wrong states 409."""

    def decorate(
        handler: Callable[..., dict[str, Any] | None],
    ) -> Callable[..., JsonResponse]:
        @control_view("POST", *allowed)
        def view(request: HttpRequest, values: Mapping[str, Any], imp_uid: str) -> dict[str, Any]:
            try:
                if not parsing.is_imp_uid(imp_uid):
                    raise Payment.DoesNotExist
                return handler(imp_uid, values) or serializer.payment_json(
                    Payment.objects.get(imp_uid=imp_uid)
                )
            except Payment.DoesNotExist:
                raise ControlError("not_found", "There is no such payment.", 404) from None
            except payments.WrongState as error:
                raise ControlError("wrong_state", f"Not possible: {error}.", 409) from None

        return view

    return decorate


@_payment_view("amount", "reason")
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
        raise ControlError(
            "amount", "amount is a positive number up to what remains; leave it out for all of it."
        ) from None


@_payment_view("amount")
def _approve(imp_uid: str, values: Mapping[str, Any]) -> None:
    """Paid, now or late; amount: another one than the page asked for, as after tampering."""
    payments.approve(imp_uid, amount=_amount(values, Payment.objects.get(imp_uid=imp_uid).currency))


@_payment_view("reason")
def _decline(imp_uid: str, values: Mapping[str, Any]) -> None:
    """Refused by the card company or bank, in its words."""
    payments.decline(
        imp_uid, reason=_text(values, "reason", lambda value: parsing.text(value, 255), "") or None
    )


@_payment_view()
def _close(imp_uid: str, values: Mapping[str, Any]) -> None:
    """The buyer closes the window."""
    payments.abandon(imp_uid)


@_payment_view()
def _account(imp_uid: str, values: Mapping[str, Any]) -> None:
    """A virtual account is issued."""
    payments.issue_account(imp_uid)


@_payment_view("amount")
def _deposit(imp_uid: str, values: Mapping[str, Any]) -> None:
    """Money arrives. Another amount than asked for is sent back by the bank: 409, and nothing
    changes.
    """
    payments.deposit(imp_uid, amount=_amount(values, Payment.objects.get(imp_uid=imp_uid).currency))


@_payment_view()
def _webhook(imp_uid: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Send the newest webhook of this payment again, or its present status where there was none."""
    return {
        "deliveries": [
            model_to_dict(row) for row in webhook_queue.resend(Payment.objects.get(imp_uid=imp_uid))
        ]
    }


_ACTIONS = {
    "cancel": _cancel, "approve": _approve, "decline": _decline, "close": _close,
    "account": _account, "deposit": _deposit,
    "webhook": _webhook,
}  # fmt: skip


def _flag(values: Mapping[str, Any], name: str, default: bool) -> bool:
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise ControlError(name, f"{name} is true or false.")
    return value


def _amount(values: Mapping[str, Any], currency: str) -> Decimal | None:
    if "amount" not in values:
        return None
    try:
        return parsing.amount(values["amount"], currency)
    except ValueError:
        raise ControlError(
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
        raise ControlError(name, f"{name} is missing or not usable.") from None
