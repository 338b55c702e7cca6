"""The state machine: who may turn a payment into what, and which webhook follows (reference, state machine).

Every verb takes the lock (an IMMEDIATE transaction), reads the row again and decides on that. Payment.DoesNotExist: unknown imp_uid.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from sandbox import clock, notices, processor
from sandbox.models import Cancellation, Payment, Status
from sandbox.router import ALIAS

CONSOLE_REASON = "관리자페이지취소"  # what a cancel at the vendor's console leaves as its reason


class WrongState(Exception):
    """The payment cannot do that from where it stands."""


def create(**facts: Any) -> Payment:
    """A new `ready` row with an imp_uid of its own: `imp_` and 12 digits."""
    now = clock.now()
    while True:
        try:
            with transaction.atomic(using=ALIAS):
                return Payment.objects.create(imp_uid=f"imp_{processor.digits(12)}", started_at=now, updated_at=now, **facts)
        except IntegrityError as error:
            if "imp_uid" not in str(error):
                raise


def approve(imp_uid: str, *, late: bool = True, webhook: bool = True) -> Payment:
    """ready or (late) failed → paid: some processors report an approval after a failure. Webhook `paid`."""
    with transaction.atomic(using=ALIAS):
        payment = _one_of(imp_uid, Status.READY, *([Status.FAILED] if late else []))
        if payment.pay_method == "vbank" and not payment.has_account:
            raise WrongState("no virtual account was issued")
        now = clock.now()
        processor.approved(payment, now)
        payment.status, payment.paid_at = Status.PAID, now
        payment.failed_at, payment.fail_reason, payment.error_code = 0, "", ""
        return _changed(payment, now, webhook)


def issue_account(imp_uid: str, *, webhook: bool = True) -> Payment:
    """ready → ready with a virtual account. Webhook `ready`."""
    with transaction.atomic(using=ALIAS):
        payment = _one_of(imp_uid, Status.READY)
        if payment.pay_method != "vbank" or payment.has_account:
            raise WrongState("a virtual account is issued once, and only for pay_method vbank")
        now = clock.now()
        processor.account_issued(payment, now)
        return _changed(payment, now, webhook)


def deposit(imp_uid: str, *, webhook: bool = True) -> Payment:
    """ready with a virtual account → paid: its whole amount arrived. Webhook `paid`."""
    with transaction.atomic(using=ALIAS):
        payment = _one_of(imp_uid, Status.READY)
        if not payment.has_account:
            raise WrongState("no virtual account was issued")
        return approve(imp_uid, webhook=webhook)


def decline(imp_uid: str) -> Payment:
    """ready → failed by the card company or bank. No webhook."""
    return _fail(imp_uid, reason=None, error_code="F1003")


def give_up(imp_uid: str) -> Payment:
    """ready → failed by the buyer, as Inicis reports it (other processors leave it ready). No webhook."""
    return _fail(imp_uid, reason=processor.GAVE_UP, error_code="F1004")


def _fail(imp_uid: str, *, reason: str | None, error_code: str) -> Payment:
    with transaction.atomic(using=ALIAS):
        payment = _one_of(imp_uid, Status.READY)
        if payment.has_account:
            raise WrongState("the window has done its work: an account was issued")
        now = clock.now()
        processor.answered(payment)
        payment.status, payment.failed_at = Status.FAILED, now
        payment.fail_reason, payment.error_code = reason or processor.declined(payment), error_code
        return _changed(payment, now, webhook=False)


def cancel(imp_uid: str, *, amount: Decimal | None = None, reason: str = CONSOLE_REASON, webhook: bool = True) -> Cancellation:
    """paid → cancelled, wholly or in part (V1 calls both `cancelled`), as the vendor's console does. Webhook `cancelled`.

    amount: major units, None for all that remains. Raises ValueError for more than remains, WrongState where nothing was paid or is left.
    """
    with transaction.atomic(using=ALIAS):
        payment = _one_of(imp_uid, Status.PAID, Status.CANCELLED)
        if not payment.remaining:
            raise WrongState("it is cancelled already")
        part = payment.remaining if amount is None else amount
        if part > payment.remaining:
            raise ValueError("more than remains")
        now = clock.now()
        made = Cancellation.objects.create(
            payment=payment,
            cancellation_id=processor.cancellation_id(),
            pg_tid=payment.pg_tid,
            amount=part,
            reason=reason,
            cancelled_at=now,
        )
        payment.status, payment.cancelled_at, payment.cancel_reason = Status.CANCELLED, now, reason
        payment.cancel_amount += part
        _changed(payment, now, webhook, made.cancellation_id)
        return made


def _one_of(imp_uid: str, *statuses: Status) -> Payment:
    payment = Payment.objects.get(imp_uid=imp_uid)
    if payment.status not in statuses:
        raise WrongState(f"it is {payment.status}")
    return payment


def _changed(payment: Payment, now: int, webhook: bool, cancellation_id: str = "") -> Payment:
    payment.updated_at = now
    payment.save()
    if webhook:
        notices.queue(payment, cancellation_id)
    return payment
