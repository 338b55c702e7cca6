"""What all sweeps share: asking the gateway, comparing its answers with our rows, and letting
`apply` repair them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TypeVar

from django.db import models

from billing.db.routing import primary
from billing.errors import (
    BillingError,
    GatewayError,
    GatewayPaymentNotFound,
    GatewayRejected,
    GatewayUnreachable,
    InvalidGatewayResponse,
)
from billing.gateway.deadline import READ_SECONDS, Deadline
from billing.gateway.payment import Payment
from billing.gateway.payment_list import PaymentList, UnreadablePayment, describe_unreadable
from billing.models import PointTransaction, UnmatchedPayment
from billing.reconciliation.report import Report, SweepStats
from billing.reconciliation.runs import LeaseLost, Run
from billing.services.apply import changes

logger = logging.getLogger(__name__)

# Calls without an answer after which a sweep stops: the next ones would not get any either.
FAILS_IN_A_ROW = 3
# smallest questions without a usable answer after which a sweep stops: each has cost its halving
MOST_UNANSWERABLE = 100
# Wrong keys, asked too often: less at a time is refused as well, and is more to ask.
NOT_ABOUT_THE_QUESTION = (401, 429)
ROWS_AT_ONCE = 500  # in one query: SQLite takes up to 999 parameters, if it is old

T = TypeVar("T")


class SweepStopped(Exception):
    """The gateway does not answer: leave the rest of this sweep to the next run."""


class AskForLess(Exception):
    """The gateway answers others, but gave this question no usable answer: halve it, or call the
    smallest one `unanswerable`.
    """

    def __init__(self, error: GatewayError) -> None:
        super().__init__(str(error))
        self.error = error


class Job:
    """One reconcile at work. run: the lease of a repair; None where nothing may be written."""

    def __init__(
        self,
        report: Report,
        *,
        run: Run | None,
        since: datetime | None,
        progress: Callable[[str], None],
    ) -> None:
        self.report = report
        self.now = report.started
        self.repair = report.repair
        self.since = since
        self._run = run
        self._progress = progress
        self._name = ""
        self._unreachable_in_a_row = 0
        # whether the gateway answered something of this sweep, and nothing was unanswerable since
        self._has_answered = False
        self._unanswerable = self._unanswerable_in_a_row = 0
        self.stats = SweepStats()

    @contextmanager
    def sweep(self, name: str) -> Iterator[SweepStats]:
        """Count what happens inside under this name, and end it early, but not the others, where
        the gateway is unreachable.
        """
        self.stats = self.report.sweeps[name] = SweepStats()
        self._name, self._unreachable_in_a_row = name, 0
        self._has_answered, self._unanswerable, self._unanswerable_in_a_row = False, 0, 0
        with suppress(SweepStopped):
            yield self.stats
            self.stats.finished = True

    def renew_lease(self) -> None:
        """Say that this run lives. Raises LeaseLost."""
        if self._run is not None:
            self._run.renew_lease()
        self._progress(
            f"{self._name}: {self.stats.rows} rows, {self.stats.payments} payments, "
            f"{self.stats.differ} differ"
        )

    # -- asking --

    def ask(
        self,
        question: Callable[[Deadline], T],
        *,
        about: str = "",
        repeat: bool = True,
        control: Callable[[Deadline], object] | None = None,
    ) -> T | None:
        """The gateway's answer; None where there is none, which is counted. What was not answered
        is asked once more, at once.

        about: the one payment that the question is about; that it is unknown or contradicts itself
        says nothing of the others. repeat: False where the question itself puts the next try off.
        control: where less can be asked for, a question of the same kind that has an answer if the
        gateway works at all. Raises AskForLess then for a refusal or nonsense, SweepStopped after
        FAILS_IN_A_ROW questions without an answer.
        """
        self.renew_lease()
        try:
            if repeat:
                with suppress(GatewayUnreachable):
                    return self._ask_once(question)
            return self._ask_once(question)
        except GatewayError as error:
            if (
                control
                and isinstance(error, InvalidGatewayResponse | GatewayRejected)
                and self._answers_others(error, control)
            ):
                raise AskForLess(error) from None
            if about and isinstance(error, InvalidGatewayResponse | GatewayPaymentNotFound):
                self._failed(about, error)
                return None
            self._count_unreachable(error)
            return None

    def unanswerable(self, what: str, error: GatewayError, *, imp_uid: str = "") -> bool:
        """The smallest question has no usable answer: name it as that one payment's trouble, and go
        on. imp_uid: of the one that was asked about. Returns whether it is known whose it is, so
        that it is nobody's or can be asked about again.

        After FAILS_IN_A_ROW of them the next one asks `control` again. Raises SweepStopped after
        MOST_UNANSWERABLE.
        """
        ids = error.ids if isinstance(error, InvalidGatewayResponse) else ("", "")
        if any(ids):
            known = self.compare(
                PaymentList([], 1, [describe_unreadable(imp_uid or ids[0], ids[1], str(error))])
            )
        else:
            known = imp_uid != ""
            if known:
                self.report.mark_unresolved(imp_uid)
            self._failed(what, error)
        self._unanswerable += 1
        self._unanswerable_in_a_row += 1
        if self._unanswerable_in_a_row >= FAILS_IN_A_ROW:
            self._has_answered, self._unanswerable_in_a_row = False, 0
        if self._unanswerable >= MOST_UNANSWERABLE:
            self._unreachable_in_a_row = FAILS_IN_A_ROW
            self._count_unreachable(error)
        return known

    def _answers_others(self, error: GatewayError, control: Callable[[Deadline], object]) -> bool:
        if error.http in NOT_ABOUT_THE_QUESTION:
            return False
        if not self._has_answered:
            try:
                self._ask_once(control)
            except GatewayPaymentNotFound:
                self._has_answered = True
            except GatewayError:
                pass
        return self._has_answered

    def _count_unreachable(self, error: GatewayError) -> None:
        self.report.unreachable_calls += 1
        self.report.add_trouble(
            f"{self._name}: {type(error).__name__}: {error.gateway_message or error}"
        )
        self._unreachable_in_a_row += 1
        if self._unreachable_in_a_row >= FAILS_IN_A_ROW:
            raise SweepStopped from None

    def _ask_once(self, question: Callable[[Deadline], T]) -> T:
        self.stats.calls += 1
        answer = question(Deadline(READ_SECONDS))
        self._unreachable_in_a_row = self._unanswerable_in_a_row = 0
        self._has_answered = True
        return answer

    # -- comparing --

    def compare(self, listing: PaymentList, *, apply_all: bool = False) -> bool:
        """Compare these payments with our rows; a repair applies what differs. apply_all: also
        where no money column would change, so that facts (a virtual account's number) and
        `synced_at` follow. Returns whether each is resolved now, or can be asked about later.
        """
        self.stats.payments += len(listing.payments) + len(listing.unreadable)
        can_be_asked = self._unreadable(listing.unreadable)
        for start in range(0, len(listing.payments), ROWS_AT_ONCE):
            some = listing.payments[start : start + ROWS_AT_ONCE]
            rows = primary(PointTransaction).filter(
                merchant_uid__in={payment.merchant_uid for payment in some}
            )
            known = {txn.merchant_uid: txn for txn in rows}
            can_be_asked &= self._record_unmatched(
                [payment for payment in some if payment.merchant_uid not in known]
            )
            for payment in some:
                self.renew_lease()
                txn = known.get(payment.merchant_uid)
                if txn is None:
                    self.report.add_unmatched(payment)
                    self.report.mark_resolved(payment.imp_uid)
                else:
                    known[txn.merchant_uid] = self._compare_one(txn, payment, apply_all)
        return can_be_asked

    def _unreadable(self, items: Sequence[UnreadablePayment]) -> bool:
        """Payments that cannot be read. One that may be ours is drift, and is asked about until it
        can be; one that is surely nobody's here is named once, in the notes. It is nobody's where
        its merchant_uid can be read and no row has it, nor its imp_uid; where neither tells, it may
        be ours. Returns whether all that may be ours can be asked about.
        """
        can_be_asked = True
        for item in items:
            # No row has "" in either.
            ours = models.Q(merchant_uid=item.merchant_uid) | models.Q(imp_uid=item.imp_uid)
            if item.merchant_uid and not primary(PointTransaction).filter(ours).exists():
                self.report.add_unreadable(item)
                continue
            self.stats.failed += 1
            if item.imp_uid:
                self.report.mark_unresolved(item.imp_uid)
            can_be_asked &= item.imp_uid != ""
            self.report.add_trouble(f"{self._name}: a payment that cannot be read: {item.words}")
        return can_be_asked

    def _record_unmatched(self, payments: list[Payment]) -> bool:
        """What no row knows waits for somebody to decide: a repair keeps it, a report only counts
        it. Returns whether it could be kept: what could not must be met once more.
        """
        with self.isolate_failures(f"{len(payments)} payments that no transaction has"):
            if self.repair:
                UnmatchedPayment.objects.record(payments, now=self.now)
            else:
                self.report.undecided_met |= UnmatchedPayment.objects.undecided_among(payments)
            return True
        return False

    def _compare_one(
        self, txn: PointTransaction, payment: Payment, apply_all: bool
    ) -> PointTransaction:
        """One payment and its row; the row as it is then. One that makes trouble keeps no other
        from its money.
        """
        columns: tuple[str, ...] = ()
        self.report.mark_unresolved(payment.imp_uid)
        with self.isolate_failures(payment.imp_uid):
            columns = changes(txn, payment)
            if columns:
                self.stats.differ += 1
                self.report.add_drift(payment, columns)
            if self.repair and (columns or apply_all):
                txn = PointTransaction.objects.apply(payment).txn
                self.stats.repaired += bool(columns)
            self.report.mark_resolved(payment.imp_uid)
        return txn

    @contextmanager
    def isolate_failures(self, what: str) -> Iterator[None]:
        """Count and name what goes wrong inside with one payment, and go on."""
        try:
            yield
        except (LeaseLost, SweepStopped):
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, the others shall have their money all the same)
            self._failed(what, error)

    def _failed(self, what: str, error: Exception) -> None:
        self.stats.failed += 1
        self.report.add_trouble(
            f"{self._name}: {what}: "
            f"{type(error).__name__}{f': {error}' if isinstance(error, BillingError) else ''}"
        )
        if not isinstance(error, BillingError):  # the program is wrong, or the database
            logger.error("%s: %s", self._name, what, exc_info=error)
