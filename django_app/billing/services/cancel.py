"""Cancels of ours: hold the points, ask the gateway, close. Unknown is treated as unknown, never as
failed.

C1  one durable transaction: the cancel is written, its points leave the balance,
  `pending_cancel_total`
  keeps them out whatever answer arrives
C2  no transaction: the gateway is asked, with the checksum that lets it happen once only
C3  what the answer proves closes the cancel, or leaves it open: accepted (done later) or unknown
  (`finish` asks again)
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from billing.db.routing import primary, write_alias
from billing.errors import (
    CannotCancel,
    GatewayPaymentNotFound,
    InvalidGatewayResponse,
    UnmatchedPaymentError,
)
from billing.gateway.api import Deadline, RefundAccount, gateway
from billing.gateway.payment import Payment, goes_to_an_account
from billing.models import PointCancellation, PointTransaction
from billing.note_codes import NO_TROUBLE, ErrorCode, Note, Trouble, Why
from billing.services.apply import apply
from billing.services.close_cancel import CRASHED_AFTER, end_cancel, open_cancel_of
from billing.services.locking import (
    by_whom,
    durable_transaction,
    lock_transaction,
    post_entry,
    retry_stale,
    write_row,
)
from billing.services.mismatch_refund import finish_mismatch_refund
from billing.services.notes import hand_to_staff
from billing.services.sending import (
    ACCEPTED_WAIT,
    UNKNOWN_WAIT,
    CancelResult,
    claim_try,
    in_time,
    is_given_to_staff,
    send,
    time_since_sent,
)
from billing.states import Review

RESENDS = 1  # of a cancel whose outcome is unknown


def cancel(
    txn: PointTransaction,
    *,
    reason: str,
    by: Any,
    amount: int | None = None,
    remaining: int | None = None,
    refund_account: RefundAccount | None = None,
    allow_negative: bool = False,
) -> PointCancellation:
    """The verb `PointTransaction.objects.cancel`; what it promises is said there."""
    cancellation = retry_stale(
        lambda: _hold(txn.pk, reason, by, amount, remaining, refund_account, allow_negative)
    )
    return send_and_conclude(cancellation, refund_account)


def finish(
    cancellation: PointCancellation, *, deadline: Deadline | None = None
) -> PointCancellation:
    """The verb `PointTransaction.objects.finish`; what it promises is said there."""
    cancellation.refresh_from_db(using=write_alias(PointTransaction))
    if cancellation.state not in cancellation.OPEN:
        return cancellation
    if cancellation.kind == cancellation.Kind.MISMATCH_REFUND:
        return finish_mismatch_refund(cancellation, deadline)
    if _ask_and_continue(cancellation, deadline):
        cancellation.refresh_from_db(using=write_alias(PointTransaction))
    return cancellation


def look_after_cancel(txn: PointTransaction, *, deadline: Deadline | None = None) -> bool:
    """The verb `PointTransaction.objects.look_after_cancel`; what it promises is said there."""
    cancellation = open_cancel_of(txn)
    return cancellation is not None and _ask_and_continue(cancellation, deadline, may_send=False)


def _ask_and_continue(
    cancellation: PointCancellation, deadline: Deadline | None, *, may_send: bool = True
) -> bool:
    """Ask how an open cancel stands and take the next step; False where its sender is still at
    it, and nothing was asked.
    """
    sent = time_since_sent(cancellation)  # before the question
    age = CRASHED_AFTER if sent is None else sent
    if cancellation.state == cancellation.State.REQUESTED and age < CRASHED_AFTER:
        return False
    try:
        _next_step(
            cancellation,
            gateway().payment(cancellation.imp_uid, deadline=deadline),
            age,
            may_send=may_send,
        )
    except (InvalidGatewayResponse, GatewayPaymentNotFound) as error:
        if is_given_to_staff(cancellation, age):
            _ask_staff(cancellation, Why.GATEWAY_TROUBLE, **vars(error.trouble))
        raise
    return True


def _hold(
    pk: int,
    reason: str,
    by: Any,
    amount: int | None,
    remaining: int | None,
    account: RefundAccount | None,
    allow_negative: bool,
) -> PointCancellation:
    with durable_transaction():
        txn = lock_transaction(pk=pk)
        left = txn.amount - txn.cancel_amount
        part = left if amount is None else amount
        _may_begin(txn, left, part, remaining, account)
        cancellation = txn.cancellations.create(
            kind="cancel",
            imp_uid=str(txn.imp_uid),
            amount=part,
            base=txn.cancel_amount,
            checksum=left,
            reason=reason.strip()[:200],
            tries=1,
            sent_at=timezone.now(),
            refund_last4=account.account[-4:] if account else "",
            **by_whom(by),
        )
        write_row(
            txn,
            {"pending_cancel_total": txn.cancel_amount + part, "credited": txn.credited - part},
        )
        if not post_entry(txn, "cancel", -part, by=by, floor=None if allow_negative else 0):
            missing = part - txn.owner.balance
            raise CannotCancel(
                "points_missing",
                f"{missing} of the {part} points have been spent",
                missing=missing,
            )
    return cancellation


def send_and_conclude(
    cancellation: PointCancellation, account: RefundAccount | None
) -> PointCancellation:
    if in_time(cancellation):
        result = send(cancellation, account, None)
        try:
            _conclude(cancellation, result)
        except (InvalidGatewayResponse, UnmatchedPaymentError) as error:
            # An answer that contradicts the row proves nothing.
            trouble = Trouble(ErrorCode.CONTRADICTS, str(error))
            _mark_open(cancellation, cancellation.State.UNKNOWN, trouble)
    cancellation.refresh_from_db(using=write_alias(PointTransaction))
    return cancellation


def _conclude(cancellation: PointCancellation, result: CancelResult) -> None:
    """C3. On a later try "not sent" proves nothing about the first; nor does a refusal where
    cancels may be done later.
    """
    state, payment = cancellation.State, result.payment
    later_try = cancellation.tries > 1
    if result.outcome == "accepted" and payment is not None:
        _mark_open(cancellation, state.ACCEPTED, result.trouble)
        apply(payment)
    elif result.outcome == "done" and payment is not None:
        close_cancel(cancellation, state.DONE, payment)
    elif result.outcome == "refused" and payment is not None:
        if later_try and not payment.cancels_at_once:
            _mark_open(cancellation, state.UNKNOWN, result.trouble)
        else:
            close_cancel(cancellation, state.REFUSED, payment, trouble=result.trouble)
    elif result.outcome == "not_sent" and not later_try:
        close_cancel(cancellation, state.REFUSED, None, trouble=result.trouble)
    else:
        _mark_open(cancellation, state.UNKNOWN, result.trouble)


def _mark_open(cancellation: PointCancellation, state: str, trouble: Trouble) -> None:
    """Still open. Unknown only from requested; accepted also from unknown, and never back."""
    values: dict[str, Any] = {"state": state, **trouble.columns()}
    states = ["requested"]
    if state == cancellation.State.ACCEPTED:
        states.append("unknown")
        values["waiting_since"] = timezone.now()
    with durable_transaction():
        primary(PointCancellation).filter(pk=cancellation.pk, state__in=states).update(**values)


def close_cancel(
    cancellation: PointCancellation,
    state: str,
    payment: Payment | None,
    *,
    trouble: Trouble = NO_TROUBLE,
    by_staff: bool = False,
) -> bool:
    """End it, take over what the gateway says, and give back the points that did not go.
    Whether it was this call that ended it; else only the answer is taken over.

    Refused counts only from the newest try, or by_staff while it waits for them: nobody closes
    what somebody else is sending.
    """

    def act() -> bool:
        with durable_transaction():
            txn = lock_transaction(pk=cancellation.txn_id)
            rows = primary(PointCancellation).filter(
                pk=cancellation.pk, state__in=cancellation.OPEN
            )
            if state == cancellation.State.REFUSED:
                rows = (
                    rows.filter(needs_staff=True)
                    if by_staff
                    else rows.filter(tries=cancellation.tries)
                )
            moved = end_cancel(txn, cancellation, rows, state, payment, trouble=trouble)
            return moved is not None

    ended = retry_stale(act)
    if not ended and payment is not None:
        apply(payment)
    return ended


def _next_step(
    cancellation: PointCancellation, payment: Payment, age: timedelta, *, may_send: bool
) -> None:
    state = cancellation.State
    if payment.cancel_amount >= cancellation.base + cancellation.amount:
        close_cancel(cancellation, state.DONE, payment)
        return
    if payment.cancel_amount > cancellation.base:
        apply(payment)  # cancelled at the console meanwhile
    if cancellation.needs_staff:
        return
    if cancellation.state == state.ACCEPTED:
        if timezone.now() - (cancellation.waiting_since or cancellation.created_at) > ACCEPTED_WAIT:
            _ask_staff(cancellation, Why.ACCEPTED_TOO_LONG)
    elif payment.cancel_amount > cancellation.base:
        if payment.cancels_at_once:  # the checksum cannot match any more
            close_cancel(
                cancellation,
                state.REFUSED,
                payment,
                trouble=Trouble(ErrorCode.CANCELLED_AT_CONSOLE),
            )
        else:
            _ask_staff(cancellation, Why.PART_CANCELLED)
    elif age < UNKNOWN_WAIT or payment.cancel_amount < cancellation.base:
        return  # the answer may be older than the row
    elif not payment.cancels_at_once or cancellation.refund_last4:
        _ask_staff(cancellation, Why.MAYBE_REGISTERED)
    elif cancellation.tries > RESENDS:
        _ask_staff(cancellation, Why.NO_ANSWER, tries=cancellation.tries)
    elif not may_send:
        return
    elif claim_try(cancellation, state=state.REQUESTED):
        send_and_conclude(cancellation, None)


def _ask_staff(cancellation: PointCancellation, why: Why, **params: Any) -> None:
    about = {"imp_uid": cancellation.imp_uid, "amount": int(cancellation.amount)}
    hand_to_staff(cancellation, Note(Review.CANCEL_UNCLEAR, {**about, "why": why, **params}))


def _may_begin(
    txn: PointTransaction,
    left: int,
    part: int,
    remaining: int | None,
    account: RefundAccount | None,
) -> None:
    if not txn.is_matched:
        raise CannotCancel("not_paid", "nothing was paid, so there is nothing to cancel")
    if txn.pending_cancel_total:
        raise CannotCancel("cancel_open", "another cancel of this payment is under way")
    if not left:
        raise CannotCancel("nothing_left", "all of it has been cancelled")
    if remaining is not None and remaining != left:
        raise CannotCancel("changed", f"{left} won remain, not {remaining}")
    if type(part) is not int or not 1 <= part <= left:
        raise CannotCancel("amount", f"between 1 and {left} won can be cancelled")
    if goes_to_an_account(txn.paid_method, txn.pg_provider) and account is None:
        raise CannotCancel(
            "account_needed", "a virtual account is refunded to an account that must be named"
        )
