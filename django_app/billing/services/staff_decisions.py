"""What staff alone decide. Each verb checks that it fits how things stand, does one thing, and
writes who did it.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from django.utils import timezone

from billing.db.routing import primary, write_alias
from billing.errors import (
    GatewayPaymentNotFound,
    GatewayRejected,
    InvalidGatewayResponse,
    InvalidId,
    NotAllowed,
)
from billing.gateway.api import RefundAccount, gateway
from billing.gateway.payment import Payment, check_merchant_uid
from billing.models import ApplyResult, Point, PointCancellation, PointTransaction, UnmatchedPayment
from billing.note_codes import ErrorCode, Note, NoteCode, Trouble
from billing.services.apply import apply
from billing.services.cancel import close_cancel, send_and_conclude
from billing.services.locking import (
    durable_transaction,
    lock_transaction,
    retry_stale,
    write_row,
)
from billing.services.mismatch_refund import close_mismatch_refund, send_claimed
from billing.services.notes import flag_row, has_note, write_notes
from billing.services.sending import CancelResult, claim_try
from billing.states import RefundChoice, Status
from billing.support.people import login_name


def decide_refund(
    cancellation: PointCancellation,
    *,
    choice: str,
    by: Any,
    refund_account: RefundAccount | None = None,
) -> PointCancellation:
    """The verb `PointTransaction.objects.decide_refund`; what it promises is said there."""
    if choice not in RefundChoice.values:
        raise ValueError(f"{choice!r} is no choice")
    cancellation.refresh_from_db(using=write_alias(PointTransaction))
    _require_waiting(cancellation)
    try:
        payment = gateway().payment(cancellation.imp_uid)
    except (InvalidGatewayResponse, GatewayPaymentNotFound):
        if choice != RefundChoice.GIVE_UP:
            raise
        _give_up(cancellation, None, by)  # it will never tell
        cancellation.refresh_from_db(using=write_alias(PointTransaction))
        return cancellation
    is_return = cancellation.kind == cancellation.Kind.MISMATCH_REFUND
    if (
        payment.left <= 0
        if is_return
        else payment.cancel_amount >= cancellation.base + cancellation.amount
    ):
        return _finish_now(cancellation, payment)
    if choice == RefundChoice.SEND_AGAIN:
        _require_sendable(cancellation, payment, refund_account)
        if not claim_try(
            cancellation,
            state="unknown" if is_return else "requested",
            payment=payment if is_return else None,
            for_staff=True,
        ):
            raise NotAllowed("somebody_else", "somebody else is deciding this at the moment")
        _note_decision(cancellation, NoteCode.SENT_AGAIN, by)
        if is_return:
            send_claimed(cancellation, refund_account, None)
        else:
            send_and_conclude(cancellation, refund_account)
    elif choice == RefundChoice.WAIT:
        with durable_transaction():
            rows = primary(PointCancellation).filter(
                pk=cancellation.pk, state__in=cancellation.OPEN, needs_staff=True
            )
            if not rows.filter(tries__gt=0).update(
                state="accepted", needs_staff=False, waiting_since=timezone.now()
            ):
                raise NotAllowed("never_sent", "it was never sent, or somebody else has decided")
        _note_decision(cancellation, NoteCode.LEFT_WAITING, by)
    else:
        _give_up(cancellation, payment, by)
    cancellation.refresh_from_db(using=write_alias(PointTransaction))
    return cancellation


def close_account(txn: PointTransaction, *, by: Any) -> ApplyResult:
    """The verb `PointTransaction.objects.close_account`; what it promises is said there."""
    txn.refresh_from_db(using=write_alias(PointTransaction))
    if (
        txn.is_matched
        or txn.status != Status.READY
        or not txn.vbank_num
        or not txn.imp_uid
        or txn.account_closed_at
    ):
        raise NotAllowed("no_account_waits", "no virtual account waits for a deposit here")
    about = {"imp_uid": txn.imp_uid}
    tried_before = has_note(txn, NoteCode.ACCOUNT_CLOSE_REQUESTED, imp_uid=txn.imp_uid)
    # Written before the gateway is asked: its answer may be lost.
    _note_on_row(txn.pk, Note(NoteCode.ACCOUNT_CLOSE_REQUESTED, about, by))
    try:
        payment = gateway().close_account(txn.imp_uid)
    except GatewayRejected:
        payment = gateway().payment(txn.imp_uid)
        if not tried_before or payment.is_money:
            apply(payment)
            raise
    # Which status the gateway gives it is not documented, so that the row keeps it itself.
    # Known already, it is nothing to review.
    closed = Note(NoteCode.ACCOUNT_CLOSED, about, by)
    _note_on_row(txn.pk, closed, only_for=txn.imp_uid, account_closed_at=timezone.now())
    return apply(payment)


def claim_unmatched_payment(imp_uid: str, *, user: Any, by: Any) -> ApplyResult:
    """The verb of that name of `PointTransaction.objects`; what it promises is said there."""
    payment = gateway().payment(imp_uid)
    check_claimable(payment)
    try:
        with durable_transaction():
            primary(Point).bulk_create([Point(pk=user.pk)], ignore_conflicts=True)
            txn = PointTransaction.objects.create(
                owner_id=user.pk,
                merchant_uid=payment.merchant_uid,
                amount=int(payment.amount),
                pay_method=payment.pay_method,
                claimed=True,
                has_notes=True,
                next_check_at=timezone.now(),
            )
            write_notes(txn, [Note(NoteCode.CLAIMED, {"member": login_name(user)}, by)])
            UnmatchedPayment.objects.claimed(payment.imp_uid, by=by, reason=f"for {user.pk}")
    except IntegrityError:
        if primary(PointTransaction).filter(merchant_uid=payment.merchant_uid).exists():
            raise NotAllowed("row_exists", "a transaction has this merchant_uid already") from None
        raise
    return apply(payment)


def resolve(txn: PointTransaction, *, by: Any, note: str) -> PointTransaction:
    """The verb `PointTransaction.objects.resolve`; what it promises is said there."""
    if not note.strip():
        raise NotAllowed("reason_needed", "a note must say why")

    def act() -> PointTransaction:
        with durable_transaction():
            row = lock_transaction(pk=txn.pk)
            if not row.review:
                raise NotAllowed("nothing_to_review", "nothing is to be reviewed here")
            reason = " ".join(note.split())[:300]
            write_row(row, {"review": "", "has_notes": True})
            write_notes(row, [Note(NoteCode.RESOLVED, {"reason": reason}, by)])
            return row

    return retry_stale(act)


def check_claimable(payment: Payment) -> None:
    """Raise NotAllowed, with why, unless this payment is money that `claim_unmatched_payment` may
    give to a member.
    """
    if payment.registers_card:
        raise NotAllowed("card_registration", "it registered a card, which is no payment")
    if not payment.is_money or payment.left <= 0:
        raise NotAllowed("no_money_left", "there is no money left in this payment")
    if payment.currency != "KRW" or payment.amount % 1 or payment.cancel_amount % 1:
        raise NotAllowed("not_whole_won", "it is not whole won")
    if payment.test_channel:
        raise NotAllowed("test_channel", "it was paid through a test channel: no real money")
    try:
        check_merchant_uid(payment.merchant_uid)
    except InvalidId:
        raise NotAllowed("no_address", "its merchant_uid cannot be an address here") from None


def _require_waiting(cancellation: PointCancellation) -> None:
    if cancellation.state not in cancellation.OPEN:
        raise NotAllowed("closed", "it is closed already")
    if not cancellation.needs_staff:
        raise NotAllowed("not_waiting", "it is still being cleared by itself")


def _require_sendable(
    cancellation: PointCancellation, payment: Payment, account: RefundAccount | None
) -> None:
    if cancellation.state == cancellation.State.ACCEPTED:
        raise NotAllowed(
            "accepted", "the gateway has accepted it already: sent twice, it could be paid twice"
        )
    if cancellation.kind == cancellation.Kind.CANCEL and payment.cancel_amount != cancellation.base:
        raise NotAllowed(
            "part_cancelled", "a part was cancelled meanwhile, so that the gateway would refuse it"
        )
    if payment.needs_account and account is None:
        raise NotAllowed("account_needed", "a refund account is needed")


def _finish_now(cancellation: PointCancellation, payment: Payment) -> PointCancellation:
    if cancellation.kind == cancellation.Kind.MISMATCH_REFUND:
        close_mismatch_refund(cancellation, CancelResult("done", payment))
    else:
        close_cancel(cancellation, cancellation.State.DONE, payment)
    cancellation.refresh_from_db(using=write_alias(PointTransaction))
    return cancellation


def _give_up(cancellation: PointCancellation, payment: Payment | None, by: Any) -> None:
    trouble = Trouble(ErrorCode.GIVEN_UP, login_name(by))
    if cancellation.kind == cancellation.Kind.CANCEL:
        ended = close_cancel(
            cancellation, cancellation.State.REFUSED, payment, trouble=trouble, by_staff=True
        )
    else:
        rows = primary(PointCancellation).filter(
            pk=cancellation.pk, state__in=cancellation.OPEN, needs_staff=True
        )
        ended = bool(
            rows.update(
                state=cancellation.State.REFUSED,
                needs_staff=False,
                closed_at=timezone.now(),
                **trouble.columns(),
            )
        )
    if not ended:
        raise NotAllowed("somebody_else", "somebody else is deciding this at the moment")
    _note_decision(cancellation, NoteCode.GIVEN_UP, by)


def _note_decision(cancellation: PointCancellation, code: NoteCode, by: Any) -> None:
    about = {"imp_uid": cancellation.imp_uid, "kind": cancellation.kind, "number": cancellation.pk}
    _note_on_row(cancellation.txn_id, Note(code, about, by))


def _note_on_row(pk: int, note: Note, *, only_for: str = "", **values: Any) -> None:
    """A note of what staff did; with it other columns, if the row still shows the imp_uid
    `only_for`.
    """

    def act() -> None:
        with durable_transaction():
            txn = lock_transaction(pk=pk)
            changed = dict(values) if not only_for or txn.imp_uid == only_for else {}
            flag_row(txn, [note], changed)
            write_row(txn, changed)
            write_notes(txn, [note])

    retry_stale(act)
