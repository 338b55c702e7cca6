"""The API's cancel: what it refuses, what it does at once, and what it accepts now and does later
(reference, payments/cancel).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connections
from django.db.models import F

from billing_sandbox import serializer
from billing_sandbox.database import alias, exclusive
from billing_sandbox.engine import clock, payments, processor
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import CancelLater, Delivery, Payment

# documented by the official clients' tests, HTTP 200 and code 1
NONE_TO_CANCEL = "취소할 결제건이 존재하지 않습니다."
ALL_CANCELLED = "이미 전액취소된 주문입니다."  # captured
AMOUNT_TOO_LARGE = (
    "requested cancel amount is bigger than cancelable amount"  # captured, as a processor's text
)
CANCEL_PENDING = "취소 처리가 진행 중인 거래입니다."  # ours
WRONG_CHECKSUM = "취소 가능 잔액이 checksum 파라메터와 일치하지 않습니다."  # ours
REFUND_MISSING = (
    "가상계좌 환불에는 refund_holder, refund_bank, refund_account 파라메터가 필요합니다."  # ours
)
_LIMITS = {"refund_holder": 16, "refund_bank": 4, "refund_account": 16}


@dataclass(frozen=True)
class CancelRequest:
    """A cancel as the caller asked for it. Amounts in major units; None and 0: all that remains."""

    imp_uid: str = ""
    merchant_uid: str = ""
    amount: Decimal | None = None
    checksum: Decimal | None = None
    reason: str = ""
    refund: dict[str, str] = field(default_factory=dict)
    enable_webhook: bool = False
    later_s: int | None = None  # a fault: accept it now, do it after so many seconds


def cancel_by_api(asked: CancelRequest) -> Payment:
    """The payment after its cancel, or as it was where the cancel is done later. Raises Refusal,
    and then nothing was done.
    """
    with exclusive():
        payment = _find_payment(asked)
        if payment.amount == payment.cancel_amount:
            raise Refusal(200, 1, ALL_CANCELLED)
        left = payments.cancellable(payment)
        part = asked.amount or left
        _check(asked, payment, part, left)
        if asked.later_s is not None:
            CancelLater.objects.create(
                payment=payment,
                amount=part,
                reason=asked.reason,
                due_at=clock.now() + asked.later_s,
            )
        else:
            send_webhook = asked.enable_webhook and _had_webhook(payment)
            payments.add_cancellation(
                payment, part, reason=asked.reason, webhook=send_webhook, console_only=True
            )
        return payment


def finish_due_cancels() -> int:
    """Do the accepted cancels whose time has come; each tells by webhook (documented for
    smartro_v2). Returns how many.
    """
    now = clock.now()
    with connections[alias()].cursor() as cursor:  # a cheap look, because every call asks
        cursor.execute("SELECT 1 FROM sandbox_cancellater WHERE due_at <= %s LIMIT 1", [now])
        if cursor.fetchone() is None:
            return 0
    with exclusive():
        due = list(CancelLater.objects.filter(due_at__lte=now).order_by("due_at", "pk"))
        for item in due:
            item.delete()
            payments.add_cancellation(
                Payment.objects.get(pk=item.payment_id),
                item.amount,
                reason=item.reason,
                webhook=True,
            )
    return len(due)


def _find_payment(asked: CancelRequest) -> Payment:
    """imp_uid wins, and a wrong one fails whatever merchant_uid says (documented). Of several under
    one merchant_uid: the one paid last that has something left (unknown: the only choice that
    helps).
    """
    rows = Payment.objects.filter(paid_at__gt=0)
    if asked.imp_uid:
        found = rows.filter(imp_uid=asked.imp_uid).first()
    else:
        rows = rows.filter(merchant_uid=asked.merchant_uid).order_by("-paid_at", "-pk")
        found = rows.filter(cancel_amount__lt=F("amount")).first() or rows.first()
    if found is None:  # ready and failed ones too: nothing was paid (stricter reading)
        raise Refusal(200, 1, NONE_TO_CANCEL)
    return found


def _check(asked: CancelRequest, payment: Payment, part: Decimal, left: Decimal) -> None:
    if payment.currency == "KRW" and part % 1:
        raise Refusal(400, -1, "amount 파라메터가 올바르지 않습니다.")
    if not left:
        raise _processor_refusal(CANCEL_PENDING)
    if asked.checksum is not None and asked.checksum != left:
        raise Refusal(200, 1, f"{WRONG_CHECKSUM}({serializer.json_number(left)})")
    if part > left:
        raise _processor_refusal(AMOUNT_TOO_LARGE)
    if _needs_refund_account(payment) and not all(
        asked.refund.get(name) for name in _required_refund_fields(payment)
    ):
        raise Refusal(200, 1, REFUND_MISSING)
    if any(len(asked.refund.get(name, "")) > limit for name, limit in _LIMITS.items()):
        raise _processor_refusal("환불계좌 정보가 올바르지 않습니다.")
    refusal = processor.cancel_refusal(
        payment, part, clock.now(), refund_account=all(asked.refund.get(name) for name in _LIMITS)
    )
    if refusal:
        raise _processor_refusal(refusal)


def _needs_refund_account(payment: Payment) -> bool:
    """Virtual accounts do, and smartro_v2 asks for one for transfers too (documented)."""
    return payment.has_account or (
        payment.pg_provider == "smartro_v2" and payment.pay_method == "trans"
    )


def _required_refund_fields(payment: Payment) -> tuple[str, ...]:
    return (*_LIMITS, "refund_tel") if payment.pg_provider.startswith("smartro") else tuple(_LIMITS)


def _processor_refusal(text: str) -> Refusal:
    """HTTP 200 and code -1 (captured)."""
    return Refusal(200, -1, f"결제취소에 실패하였습니다.({text})")


def _had_webhook(payment: Payment) -> bool:
    """enable_webhook counts only then (documented)."""
    return Delivery.objects.filter(imp_uid=payment.imp_uid).exists()
