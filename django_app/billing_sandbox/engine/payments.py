"""The state machine: who may turn a payment into what, and which webhook follows (reference, state
machine).

Every verb takes the lock (an IMMEDIATE transaction), reads the row again and decides on that.
Payment.DoesNotExist: unknown imp_uid.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError
from django.db.models import Sum

from billing_sandbox.database import exclusive
from billing_sandbox.engine import clock, processor, webhook_queue
from billing_sandbox.models import Cancellation, Payment, Status

CONSOLE_REASON = "관리자페이지취소"  # what a cancel at the vendor's console leaves as its reason


class WrongState(Exception):
    """The payment cannot do that from where it stands."""


def create(**facts: Any) -> Payment:
    """A new `ready` row with an imp_uid of its own: `imp_` and 12 digits."""
    now = clock.now()
    while True:
        imp_uid = f"imp_{processor.random_digits(12)}"
        try:
            with exclusive():
                return Payment.objects.create(
                    imp_uid=imp_uid, started_at=now, updated_at=now, **facts
                )
        except IntegrityError:
            if not Payment.objects.filter(imp_uid=imp_uid).exists():
                raise


def approve(
    imp_uid: str, *, late: bool = True, webhook: bool = True, amount: Decimal | None = None
) -> Payment:
    """ready or (late) failed → paid: some processors report an approval after a failure. Webhook
    `paid`.

    amount: another one than the page asked for, as after tampering in the browser. A virtual
    account is paid by its whole amount, if it takes deposits still.
    """
    with exclusive():
        payment = _get_in_status(imp_uid, Status.READY, *([Status.FAILED] if late else []))
        now = clock.now()
        if payment.pay_method == "vbank":
            _check_accepts_deposit(payment, now)
            if amount is not None and amount != payment.amount:
                raise WrongState(
                    "An account takes its whole amount only: the bank sends any other back."
                )
        payment.amount = payment.amount if amount is None else amount
        processor.set_approval(payment, now)
        payment.status, payment.paid_at = Status.PAID, now
        payment.failed_at, payment.fail_reason, payment.error_code = 0, "", ""
        return _save_and_notify(payment, now, webhook)


def issue_account(
    imp_uid: str, *, webhook: bool = True, account: Mapping[str, str] | None = None
) -> Payment:
    """ready → ready with a virtual account. Webhook `ready`. account: other vbank_code, vbank_name,
    vbank_holder than the usual.
    """
    with exclusive():
        payment = _get_in_status(imp_uid, Status.READY)
        if payment.pay_method != "vbank" or payment.has_account:
            raise WrongState("a virtual account is issued once, and only for pay_method vbank")
        now = clock.now()
        processor.set_virtual_account(payment, now)
        for name, value in (account or {}).items():
            setattr(payment, name, value)
        return _save_and_notify(payment, now, webhook)


def deposit(imp_uid: str, *, amount: Decimal | None = None, webhook: bool = True) -> Payment:
    """ready with a virtual account → paid: its whole amount arrived (None: just that). Webhook
    `paid`.

    Less or more, a deposit past the deadline, or into a closed account: WrongState, the bank sends
    it back and nothing changes (what V1 makes of them is unknown: stricter reading).
    """
    with exclusive():
        payment = _get_in_status(imp_uid, Status.READY)
        _check_accepts_deposit(payment, clock.now())
        if amount is not None and amount != payment.amount:
            raise WrongState(
                f"the account takes {payment.amount} and nothing else; the bank sends {amount} back"
            )
        return approve(imp_uid, webhook=webhook)


def _check_accepts_deposit(payment: Payment, now: int) -> None:
    if not payment.has_account:
        raise WrongState("no virtual account was issued")
    if payment.vbank_closed:
        raise WrongState("the virtual account was closed")
    if now > payment.vbank_date:
        raise WrongState("the virtual account's deadline is past")


def close_account(imp_uid: str) -> Payment:
    """End an account that nothing was paid into. It stays `ready` and looks as before (what V1
    makes of it is unknown).
    """
    with exclusive():
        payment = _get_in_status(imp_uid, Status.READY)
        if not payment.has_account or payment.vbank_closed:
            raise WrongState("there is no open virtual account")
        payment.vbank_closed = True
        return _save_and_notify(payment, clock.now(), webhook=False)


def change_account(
    imp_uid: str, *, amount: Decimal | None = None, due: int | None = None
) -> Payment:
    """Another amount or deadline (unix seconds) for an account that nothing was paid into."""
    with exclusive():
        payment = _get_in_status(imp_uid, Status.READY)
        if not payment.has_account or payment.vbank_closed:
            raise WrongState("there is no open virtual account")
        payment.amount = payment.amount if amount is None else amount
        payment.vbank_date = payment.vbank_date if due is None else due
        return _save_and_notify(payment, clock.now(), webhook=False)


def decline(imp_uid: str, *, reason: str | None = None, error_code: str = "F1003") -> Payment:
    """ready → failed by the card company or bank. reason: its text, else a typical one for the
    method. No webhook.
    """
    return _fail(imp_uid, reason=reason, error_code=error_code)


def abandon(imp_uid: str) -> Payment:
    """ready → failed by the buyer, as Inicis reports it (other processors leave it ready). No
    webhook.
    """
    return _fail(imp_uid, reason=processor.ABANDONED, error_code="F1004")


def _fail(imp_uid: str, *, reason: str | None, error_code: str) -> Payment:
    with exclusive():
        payment = _get_in_status(imp_uid, Status.READY)
        if payment.has_account:
            raise WrongState("the window has done its work: an account was issued")
        now = clock.now()
        processor.set_provider(payment)
        payment.status, payment.failed_at = Status.FAILED, now
        payment.fail_reason, payment.error_code = (
            reason or processor.decline_reason(payment),
            error_code,
        )
        return _save_and_notify(payment, now, webhook=False)


def cancel(
    imp_uid: str,
    *,
    amount: Decimal | None = None,
    reason: str = CONSOLE_REASON,
    webhook: bool = True,
) -> Cancellation:
    """paid → cancelled, wholly or in part (V1 calls both `cancelled`), as the vendor's console
    does. Webhook `cancelled`.

    amount: major units, None for all that remains. Raises ValueError for more than remains,
    WrongState where nothing was paid, nothing is left, or the processor refuses.
    """
    with exclusive():
        payment = _get_in_status(imp_uid, Status.PAID, Status.CANCELLED)
        left = cancellable(payment)
        if not left:
            raise WrongState("it is cancelled already, or a cancel is under way")
        part = left if amount is None else amount
        if part > left:
            raise ValueError("more than remains")
        refusal = processor.cancel_refusal(payment, part, clock.now(), refund_account=True)
        if refusal:
            raise WrongState(refusal)
        return add_cancellation(payment, part, reason=reason, webhook=webhook)


def cancellable(payment: Payment) -> Decimal:
    """What a cancel could give back now: the remainder, less what was accepted to be given back
    later.
    """
    accepted = payment.cancels_later.aggregate(total=Sum("amount"))["total"]
    return payment.remaining - (accepted or Decimal(0))


def add_cancellation(
    payment: Payment, part: Decimal, *, reason: str, webhook: bool, console_only: bool = False
) -> Cancellation:
    """One more item of the cancel_history. The caller holds the lock, read the row under it and
    checked the amount.
    """
    now = clock.now()
    cancellation = Cancellation.objects.create(
        payment=payment,
        cancellation_id=processor.new_cancellation_id(),
        pg_tid=payment.pg_tid,
        amount=part,
        reason=reason,
        cancelled_at=now,
    )
    payment.status, payment.cancelled_at, payment.cancel_reason = Status.CANCELLED, now, reason
    payment.cancel_amount += part
    _save_and_notify(payment, now, webhook, cancellation.cancellation_id, console_only=console_only)
    return cancellation


def _get_in_status(imp_uid: str, *statuses: Status) -> Payment:
    payment = Payment.objects.get(imp_uid=imp_uid)
    if payment.status not in statuses:
        raise WrongState(f"it is {payment.status}")
    return payment


def _save_and_notify(
    payment: Payment,
    now: int,
    webhook: bool,
    cancellation_id: str = "",
    *,
    console_only: bool = False,
) -> Payment:
    payment.updated_at = now
    payment.save()
    if webhook:
        webhook_queue.queue(payment, cancellation_id, console_only=console_only)
    return payment
