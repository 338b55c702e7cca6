"""`apply`: make a row equal to what the gateway answered. No network inside; its transaction is
durable, so that a caller's own, which could be rolled back later, raises instead of swallowing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from billing import signals
from billing.errors import InvalidGatewayResponse
from billing.gateway.api import Deadline
from billing.gateway.payment import Payment
from billing.managers.returns import MismatchRefundManager, _age
from billing.managers.rows import StaleRow
from billing.managers.sending import mark
from billing.states import (
    Credit,
    Decision,
    NoChange,
    RefundMismatch,
    Review,
    Status,
    UpdateFacts,
    decide,
)

if TYPE_CHECKING:
    from billing.models import PointCancellation, PointTransaction

# Facts that are copied as they are. The wire's pay_method is what was really used, ours is what the
# payer chose.
_FACTS = (
    "test_channel", "pg_provider", "pg_id", "pg_tid", "apply_num", "card_name", "bank_name",
    "vbank_code", "vbank_name", "vbank_num",
    "vbank_holder", "vbank_date", "vbank_issued_at", "started_at", "paid_at", "failed_at",
    "cancelled_at", "fail_reason",
    "cancel_reason", "receipt_url",
)  # fmt: skip
CRASHED_AFTER = timedelta(minutes=2)  # a cancel that is still "requested" then lost its sender
_MONEY = ("imp_uid", "status", "cancel_amount", "pending_cancel_total", "credited")


@dataclass(frozen=True)
class ApplyResult:
    """What `apply` did. txn is the row as committed, its `owner.balance` included; points is what
    was credited (> 0) or taken (< 0).
    """

    txn: PointTransaction
    decision: Decision
    points: int = 0


class ApplyManager(MismatchRefundManager):
    """From the gateway's answer to row, points and ledger."""

    def apply(self, payment: Payment, *, deadline: Deadline | None = None) -> ApplyResult:
        """Make the row of `payment.merchant_uid` equal to this answer, points included; send wrong
        money back after the commit.

        An answer that proves a cancel of ours closes it, whoever brings it. deadline: bounds the
        sending. A second time, or after a newer answer: nothing changes. Losing a race is no error.
        Raises UnmatchedPaymentError where no row has the merchant_uid, InvalidGatewayResponse where
        the answer contradicts what the row holds, RuntimeError inside a caller's transaction.
        """
        try:
            applied, back = self._retrying(lambda: self._apply_once(payment))
        except IntegrityError:
            others = self.using(self.db).exclude(merchant_uid=payment.merchant_uid)
            if others.filter(
                Q(imp_uid=payment.imp_uid) | Q(cancellations__imp_uid=payment.imp_uid)
            ).exists():
                raise InvalidGatewayResponse(
                    f"{payment.imp_uid} is another row's payment already"
                ) from None
            raise
        if back is not None and not back.needs_staff:
            self.send_mismatch_refund_now(back, deadline)
        return applied

    def changes(self, txn: PointTransaction, payment: Payment) -> tuple[str, ...]:
        """Which money columns `apply(payment)` would change in this row, ("return",) for wrong
        money that is not on its way back yet, or ("review",) for what staff have not been told yet.

        Only reads, so that the answer may be old when it is used: apply decides again under the
        lock. Raises InvalidGatewayResponse.
        """
        decision = self._decide(txn, payment)
        if isinstance(decision, RefundMismatch):
            return () if self._goes_back(txn, payment) else ("return",)
        values = _values(txn, payment, decision)
        if self._proved(txn, payment) is not None:
            values["pending_cancel_total"] = 0
        changed = tuple(
            name for name in _MONEY if values.get(name, getattr(txn, name)) != getattr(txn, name)
        )
        return changed if changed or not _is_news(txn, payment, decision) else ("review",)

    def _decide(self, txn: PointTransaction, payment: Payment) -> Decision:
        decision = decide(txn, payment, accept_test_channel=settings.BILLING_ACCEPT_TEST_CHANNEL)
        if isinstance(decision, Credit) and self._goes_back(txn, payment):
            return (
                NoChange()
            )  # wrong once, never credited: not even when a setting changes its mind
        return decision

    def _apply_once(self, payment: Payment) -> tuple[ApplyResult, PointCancellation | None]:
        with transaction.atomic(using=self.db, durable=True):
            txn = self._locked(merchant_uid=payment.merchant_uid)
            decision = self._decide(txn, payment)
            cancel = self._proved(txn, payment)
            if cancel is not None:
                rows = self._cancellations().filter(pk=cancel.pk, state__in=cancel.OPEN)
                moved = self._end(txn, cancel, rows, cancel.State.DONE, payment)
                if moved is None:
                    raise StaleRow
                return ApplyResult(txn, decision, moved), None
            values = _values(txn, payment, decision)
            points = values.get("credited", txn.credited) - txn.credited
            back, found = self._what_staff_should_see(txn, payment, decision, points)
            self._note(txn, found, values)
            failed_now = values.get("status") == Status.FAILED != txn.status
            account_now = values.get("status") == Status.READY and values.get(
                "vbank_num", ""
            ) not in ("", txn.vbank_num)
            self._write(txn, values, synced=True)
            if points:
                self._post_entry(txn, "charge" if points > 0 else "cancel", points)
            if points > 0:
                self._after_commit(signals.point_charged, txn, points=points)
            elif points < 0:
                self._after_commit(signals.point_cancelled, txn, points=-points)
            if failed_now:
                self._after_commit(signals.payment_failed, txn)
            if account_now:
                self._after_commit(signals.account_issued, txn)
            self._tell_review(txn, found)
        return ApplyResult(txn, decision, points), back

    # -- the end of a cancel of ours --

    def _open_cancel(self, txn: PointTransaction) -> PointCancellation | None:
        """The row's cancel of ours that is not closed; there is one at most. One query, none where
        the row says that there is none.
        """
        if not txn.pending_cancel_total:
            return None
        rows = self._cancellations().filter(txn_id=txn.pk, kind="cancel")
        return rows.filter(state__in=("requested", "accepted", "unknown")).first()

    def _proved(self, txn: PointTransaction, payment: Payment) -> PointCancellation | None:
        """The open cancel that this answer ends, together with what the row knows already; else
        None, at the cost of no query.

        One that is being sent at this moment is left to its sender, who closes it himself: nobody
        sends what is closed.
        """
        if not _reaches_goal(txn, payment):
            return None
        cancel = self._open_cancel(txn)
        if cancel is None or cancel.state != cancel.State.REQUESTED:
            return cancel
        age = _age(cancel)
        return cancel if age is None or age >= CRASHED_AFTER else None

    def _end(
        self,
        txn: PointTransaction,
        cancellation: PointCancellation,
        rows: models.QuerySet[PointCancellation],
        state: str,
        payment: Payment | None,
        *,
        error: str = "",
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
            "error": error[:500],
            "gateway_id": ours,
        }
        return self._release(txn, cancellation, payment) if rows.update(**closed) else None

    def _release(
        self, txn: PointTransaction, cancellation: PointCancellation, payment: Payment | None
    ) -> int:
        """Under the lock: merge the answer, then no goal any more. What the gateway did not cancel
        goes back to the member.
        """
        decision = self._decide(txn, payment) if payment else None
        values = _values(txn, payment, decision) if payment and decision else {}
        cancelled = values.get("cancel_amount", txn.cancel_amount)
        # What cancels at the console took beyond the goal was told then.
        told = max(0, txn.cancel_amount - txn.pending_cancel_total)
        values.update(pending_cancel_total=0, credited=txn.amount - cancelled)
        points: int = values["credited"] - txn.credited
        found: list[tuple[Review | None, str]] = []
        if points < 0 and txn.owner.balance + points < 0:
            found = [
                (
                    Review.NEGATIVE_BALANCE,
                    f"{txn.imp_uid}: {-points} points were cancelled, the balance is "
                    f"{txn.owner.balance + points}",
                )
            ]
        review = getattr(decision, "review", None)
        if payment and review and flag_note(payment, review) not in txn.review_note:
            found.append((review, flag_note(payment, review)))
        self._note(txn, found, values)
        self._write(txn, values, synced=payment is not None)
        if points:
            self._post_entry(txn, "release" if points > 0 else "cancel", points)
        taken = cancelled - int(cancellation.base) - told
        if taken > 0:
            self._after_commit(signals.point_cancelled, txn, points=taken)
        self._tell_review(txn, found)
        return points

    def _goes_back(self, txn: PointTransaction, payment: Payment) -> bool:
        """Whether this payment's money is a return already. Every return left a note, so a row
        without one is not asked about.
        """
        return (
            bool(txn.review_note)
            and self._cancellations()
            .filter(txn_id=txn.pk, kind="return", imp_uid=payment.imp_uid)
            .exists()
        )

    def _what_staff_should_see(
        self, txn: PointTransaction, payment: Payment, decision: Decision, points: int
    ) -> tuple[PointCancellation | None, list[tuple[Review | None, str]]]:
        """Each thing once; wrong money is written as a return, to be sent after commit.

        Whether the return exists is asked under the row's lock: INSERT … ON CONFLICT would hide a
        failed check and could not tell the winner.
        """
        back: PointCancellation | None = None
        found: list[tuple[Review | None, str]] = []
        if isinstance(decision, RefundMismatch):
            if not self._goes_back(txn, payment):
                back, found = self._write_mismatch_refund(txn, payment, decision.review)
        elif isinstance(decision, UpdateFacts | NoChange) and _is_news(txn, payment, decision):
            found = [(decision.review, flag_note(payment, decision.review))]
        balance = txn.owner.balance + points
        if points < 0 and balance < 0:
            note = f"{payment.imp_uid}: {-points} points were cancelled, the balance is {balance}"
            found.append((Review.NEGATIVE_BALANCE, note))
        if points > 0 and txn.owner.left_at:
            # Credited as always: whose money it is does not change. Who was there to spend it has
            # gone.
            found.append(
                (
                    Review.MEMBER_LEFT,
                    f"{payment.imp_uid}: {points} points were credited to a member who has left",
                )
            )
        return back, found


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


def closed_note(payment: Payment) -> str:
    """What staff read of a payment that is cancelled with nothing paid back."""
    return f"{payment.imp_uid} is cancelled at the gateway, with nothing paid back"


def flag_note(payment: Payment, review: Review | None) -> str:
    """What staff read of a payment that is no money, and yet to be looked at."""
    if review == Review.CARD_REGISTRATION:
        return (
            f"{payment.imp_uid} registered a card and is {payment.status}: no money to us; see at "
            "the gateway whether it was charged"
        )
    return closed_note(payment)


def _is_news(txn: PointTransaction, payment: Payment, decision: Decision) -> bool:
    """Whether staff should see something that this row has no note of yet."""
    return (
        isinstance(decision, UpdateFacts | NoChange)
        and bool(decision.review)
        and flag_note(payment, decision.review) not in txn.review_note
    )


def _values(txn: PointTransaction, payment: Payment, decision: Decision) -> dict[str, Any]:
    """The columns as this decision wants them. `credited` is always the target: amount −
    max(cancel_amount, pending_cancel_total) once bound.
    """
    if not isinstance(decision, Credit | UpdateFacts):
        return {}
    whole = isinstance(decision, Credit) or decision.whole
    values = _facts(txn, payment, whole=whole)
    values.update(status=decision.status, cancel_amount=decision.cancel_amount)
    if whole and payment.imp_uid != txn.imp_uid:
        values["account_closed_at"] = None
    if isinstance(decision, Credit):
        values.update(imp_uid=payment.imp_uid, credited_at=timezone.now(), next_check_at=None)
        values["credited"] = txn.amount - decision.cancel_amount
    elif txn.is_matched:
        # Our own open cancel has taken its points already: the greater of both, never the sum, and
        # never back because of an answer.
        values["credited"] = txn.amount - max(decision.cancel_amount, txn.pending_cancel_total)
    else:
        values["imp_uid"] = payment.imp_uid
    return values


def _facts(txn: PointTransaction, payment: Payment, *, whole: bool) -> dict[str, Any]:
    """The gateway's facts; unless `whole`, what is filled never becomes empty."""
    found = {name: getattr(payment, name) for name in _FACTS}
    found["paid_method"] = payment.pay_method
    return found if whole else {name: value or getattr(txn, name) for name, value in found.items()}
