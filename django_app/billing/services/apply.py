"""`apply`: make a row equal to what the gateway answered. No network inside; its transaction is
durable, so that a caller's own, which could be rolled back later, raises instead of swallowing it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import IntegrityError
from django.db.models import Q

from billing import signals
from billing.db.routing import primary
from billing.errors import InvalidGatewayResponse
from billing.gateway.api import Deadline
from billing.gateway.payment import Payment
from billing.models import ApplyResult, PointCancellation, PointTransaction
from billing.note_codes import Note
from billing.services.close_cancel import cancel_ended_by, end_cancel
from billing.services.locking import (
    StaleRow,
    durable_transaction,
    lock_transaction,
    post_entry,
    retry_stale,
    send_after_commit,
    write_row,
)
from billing.services.mismatch_refund import send_mismatch_refund_now, write_mismatch_refund
from billing.services.notes import flag_row, write_notes
from billing.services.row_values import (
    decide_for_row,
    is_being_refunded,
    news_for_staff,
    values_from,
)
from billing.states import Decision, RefundMismatch, Review, Status

_MONEY = ("imp_uid", "status", "cancel_amount", "pending_cancel_total", "credited")


def apply(
    payment: Payment,
    *,
    deadline: Deadline | None = None,
    in_transaction: Callable[[], object] | None = None,
) -> ApplyResult:
    """The verb `PointTransaction.objects.apply`; what it promises is said there.

    in_transaction: what else is written in the transaction of the change, last; it may be called
    again where the row was not the one that was read.
    """
    try:
        applied, back = retry_stale(lambda: _apply_once(payment, in_transaction))
    except IntegrityError:
        others = primary(PointTransaction).exclude(merchant_uid=payment.merchant_uid)
        if others.filter(
            Q(imp_uid=payment.imp_uid) | Q(cancellations__imp_uid=payment.imp_uid)
        ).exists():
            raise InvalidGatewayResponse(
                f"{payment.imp_uid} is another row's payment already"
            ) from None
        raise
    if back is not None and not back.needs_staff:
        send_mismatch_refund_now(back, deadline)
    return applied


def changes(txn: PointTransaction, payment: Payment) -> tuple[str, ...]:
    """Which money columns `apply(payment)` would change in this row, ("return",) for wrong
    money that is not on its way back yet, or ("review",) for what staff have not been told yet.

    Only reads, so that the answer may be old when it is used: apply decides again under the
    lock. Raises InvalidGatewayResponse.
    """
    decision = decide_for_row(txn, payment)
    if isinstance(decision, RefundMismatch):
        return () if is_being_refunded(txn, payment) else ("return",)
    values = values_from(txn, payment, decision)
    if cancel_ended_by(txn, payment) is not None:
        values["pending_cancel_total"] = 0
    changed = tuple(
        name for name in _MONEY if values.get(name, getattr(txn, name)) != getattr(txn, name)
    )
    return changed or (("review",) if news_for_staff(txn, payment, decision) else ())


def _apply_once(
    payment: Payment, in_transaction: Callable[[], object] | None
) -> tuple[ApplyResult, PointCancellation | None]:
    with durable_transaction():
        applied, back = _apply_locked(payment)
        if in_transaction is not None:
            in_transaction()
    return applied, back


def _apply_locked(payment: Payment) -> tuple[ApplyResult, PointCancellation | None]:
    txn = lock_transaction(merchant_uid=payment.merchant_uid)
    decision = decide_for_row(txn, payment)
    cancel = cancel_ended_by(txn, payment)
    if cancel is not None:
        rows = primary(PointCancellation).filter(pk=cancel.pk, state__in=cancel.OPEN)
        moved = end_cancel(txn, cancel, rows, cancel.State.DONE, payment)
        if moved is None:
            raise StaleRow
        return ApplyResult(txn, decision, moved), None
    values = values_from(txn, payment, decision)
    points = values.get("credited", txn.credited) - txn.credited
    back, notes = _notes_and_refund(txn, payment, decision, points)
    flag_row(txn, notes, values)
    failed_now = values.get("status") == Status.FAILED != txn.status
    account_now = values.get("status") == Status.READY and values.get("vbank_num", "") not in (
        "",
        txn.vbank_num,
    )
    write_row(txn, values, synced=True)
    if points:
        post_entry(txn, "charge" if points > 0 else "cancel", points)
    if points > 0:
        send_after_commit(signals.point_charged, txn, points=points)
    elif points < 0:
        send_after_commit(signals.point_cancelled, txn, points=-points)
    if failed_now:
        send_after_commit(signals.payment_failed, txn)
    if account_now:
        send_after_commit(signals.account_issued, txn)
    write_notes(txn, notes)
    return ApplyResult(txn, decision, points), back


def _notes_and_refund(
    txn: PointTransaction, payment: Payment, decision: Decision, points: int
) -> tuple[PointCancellation | None, list[Note]]:
    """Each thing once; wrong money is written as a mismatch refund, to be sent after commit.

    Whether the refund exists is asked under the row's lock: INSERT … ON CONFLICT would hide a
    failed check and could not tell the winner.
    """
    back: PointCancellation | None = None
    notes: list[Note] = []
    if isinstance(decision, RefundMismatch):
        if not is_being_refunded(txn, payment):
            back, notes = write_mismatch_refund(txn, payment, decision.review)
    elif news := news_for_staff(txn, payment, decision):
        notes = [news]
    balance = txn.owner.balance + points
    if points < 0 and balance < 0:
        params = {"imp_uid": payment.imp_uid, "points": -points, "balance": balance}
        notes.append(Note(Review.NEGATIVE_BALANCE, params))
    if points > 0 and txn.owner.left_at:
        # Credited as always: whose money it is does not change. Who was there to spend it has gone.
        notes.append(Note(Review.MEMBER_LEFT, {"imp_uid": payment.imp_uid, "points": points}))
    return back, notes
