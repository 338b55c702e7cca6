"""The end of a cancel of ours: whoever brings the answer that proves it closes it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from billing import signals
from billing.db.routing import primary
from billing.gateway.payment import Payment
from billing.models import PointCancellation, PointTransaction
from billing.note_codes import NO_TROUBLE, Note, Trouble
from billing.services.locking import post_entry, send_after_commit, write_row
from billing.services.notes import flag_row, write_notes
from billing.services.row_values import decide_for_row, news_for_staff, values_from
from billing.services.sending import mark, time_since_sent
from billing.states import Review

CRASHED_AFTER = timedelta(minutes=2)  # a cancel that is still "requested" then lost its sender


def open_cancel_of(txn: PointTransaction) -> PointCancellation | None:
    """The row's cancel of ours that is not closed; there is one at most. One query, none where
    the row says that there is none.
    """
    if not txn.pending_cancel_total:
        return None
    rows = primary(PointCancellation).filter(txn_id=txn.pk, kind="cancel")
    return rows.filter(state__in=("requested", "accepted", "unknown")).first()


def cancel_ended_by(txn: PointTransaction, payment: Payment) -> PointCancellation | None:
    """The open cancel that this answer ends, together with what the row knows already; else
    None, at the cost of no query.

    One that is being sent at this moment is left to its sender, who closes it himself: nobody
    sends what is closed.
    """
    if not _reaches_goal(txn, payment):
        return None
    cancel = open_cancel_of(txn)
    if cancel is None or cancel.state != cancel.State.REQUESTED:
        return cancel
    age = time_since_sent(cancel)
    return cancel if age is None or age >= CRASHED_AFTER else None


def end_cancel(
    txn: PointTransaction,
    cancellation: PointCancellation,
    rows: QuerySet[PointCancellation],
    state: str,
    payment: Payment | None,
    *,
    trouble: Trouble = NO_TROUBLE,
) -> int | None:
    """Under the row's lock: close a cancel and take over what the gateway says. rows: the
    cancel, if it still stands as it must.

    The points that moved; None, and nothing done, where `rows` is empty: somebody else has
    closed it.
    """
    ours = payment.cancellation_id(mark(cancellation)) if payment else ""
    closed = {
        "state": state,
        "closed_at": timezone.now(),
        "needs_staff": False,
        **trouble.columns(),
        "gateway_id": ours,
    }
    return _take_over_answer(txn, cancellation, payment) if rows.update(**closed) else None


def _take_over_answer(
    txn: PointTransaction, cancellation: PointCancellation, payment: Payment | None
) -> int:
    """Under the lock: merge the answer, then no goal any more. What the gateway did not cancel
    goes back to the member.
    """
    decision = decide_for_row(txn, payment) if payment else None
    values = values_from(txn, payment, decision) if payment and decision else {}
    cancelled = values.get("cancel_amount", txn.cancel_amount)
    # What cancels at the console took beyond the goal was told then.
    told = max(0, txn.cancel_amount - txn.pending_cancel_total)
    values.update(pending_cancel_total=0, credited=txn.amount - cancelled)
    points: int = values["credited"] - txn.credited
    notes: list[Note] = []
    if points < 0 and txn.owner.balance + points < 0:
        balance = txn.owner.balance + points
        params = {"imp_uid": txn.imp_uid, "points": -points, "balance": balance}
        notes.append(Note(Review.NEGATIVE_BALANCE, params))
    if payment and decision and (news := news_for_staff(txn, payment, decision)):
        notes.append(news)
    flag_row(txn, notes, values)
    write_row(txn, values, synced=payment is not None)
    if points:
        post_entry(txn, "release" if points > 0 else "cancel", points)
    taken = cancelled - int(cancellation.base) - told
    if taken > 0:
        send_after_commit(signals.point_cancelled, txn, points=taken)
    write_notes(txn, notes)
    return points


def _reaches_goal(txn: PointTransaction, payment: Payment) -> bool:
    """Whether a cancel is open, and as much of the row's own payment is cancelled as it was to
    reach.
    """
    goal = txn.pending_cancel_total
    return (
        goal > 0
        and payment.imp_uid == txn.imp_uid
        and (goal <= txn.cancel_amount or goal <= payment.cancel_amount)
    )
