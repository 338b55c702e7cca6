"""What all sweeps share: asking the gateway, comparing its answers with our rows, and letting `apply` repair them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from django.db import models

from billing.errors import AnswerTooLong, BillingError, GatewayError, GatewayNonsense, GatewayUnreachable, PaymentNotFound
from billing.iamport import BATCH, READ_SECONDS, Deadline, Listing
from billing.models import PointTransaction, UnmatchedPayment
from billing.payment import Payment
from billing.reconciliation.report import Report, Tally
from billing.reconciliation.runs import LeaseLost, Run

logger = logging.getLogger(__name__)

FAILS_IN_A_ROW = 3  # calls without an answer after which a sweep stops: the next ones would not get any either
ROWS_AT_ONCE = 500  # in one query: SQLite takes up to 999 parameters, if it is old

T = TypeVar("T")
Row = TypeVar("Row", bound=models.Model)


class SweepStopped(Exception):
    """The gateway does not answer: leave the rest of this sweep to the next run."""


class Job:
    """One reconcile at work. run: the lease of a repair; None where nothing may be written."""

    def __init__(self, report: Report, *, run: Run | None, since: datetime | None, progress: Callable[[str], None]) -> None:
        self.report = report
        self.now = report.started
        self.repair = report.repair
        self.since = since
        self._run = run
        self._progress = progress
        self._name = ""
        self._in_a_row = 0
        self.tally = Tally()

    @contextmanager
    def sweep(self, name: str) -> Iterator[Tally]:
        """Count what happens inside under this name, and end it early, but not the others, where the gateway is silent."""
        self.tally = self.report.sweeps[name] = Tally()
        self._name, self._in_a_row = name, 0
        with suppress(SweepStopped):
            yield self.tally
            self.tally.finished = True

    def keep(self) -> None:
        """Say that this run lives. Raises LeaseLost."""
        if self._run is not None:
            self._run.keep()
        self._progress(f"{self._name}: {self.tally.rows} rows, {self.tally.payments} payments, {self.tally.differ} differ")

    # -- asking --

    def ask(self, question: Callable[[Deadline], T], *, about: str = "", repeat: bool = True, splits: bool = False) -> T | None:
        """The gateway's answer; None where there is none, which is counted. What was not answered is asked once more, at once.

        about: the one payment that the question is about; that it is unknown or contradicts itself says nothing of the others.
        repeat: False where the question itself puts the next try off. splits: whether less can be asked for; AnswerTooLong is raised then.
        Raises SweepStopped after FAILS_IN_A_ROW.
        """
        self.keep()
        try:
            if repeat:
                with suppress(GatewayUnreachable):
                    return self._answered(question)
            return self._answered(question)
        except GatewayError as error:
            if splits and isinstance(error, AnswerTooLong):
                raise
            if about and isinstance(error, GatewayNonsense | PaymentNotFound):
                self._failed(about, error)
                return None
            self.report.silent_calls += 1
            self.report.trouble(f"{self._name}: {type(error).__name__}: {error.gateway_message or error}")
            self._in_a_row += 1
            if self._in_a_row >= FAILS_IN_A_ROW:
                raise SweepStopped from None
            return None

    def _answered(self, question: Callable[[Deadline], T]) -> T:
        self.tally.calls += 1
        answer = question(Deadline(READ_SECONDS))
        self._in_a_row = 0
        return answer

    # -- comparing --

    def compare(self, listing: Listing, *, apply_all: bool = False) -> None:
        """Compare these payments with our rows; a repair applies what differs. apply_all: also where no money column would change, so
        that facts (a virtual account's number) and `synced_at` follow.
        """
        self.tally.payments += len(listing.payments) + len(listing.unreadable)
        for imp_uid, words in listing.unreadable:
            self.tally.failed += 1
            if imp_uid:
                self.report.unsettled(imp_uid)
            self.report.trouble(f"{self._name}: a payment that cannot be read: {words}")
        for start in range(0, len(listing.payments), ROWS_AT_ONCE):
            some = listing.payments[start : start + ROWS_AT_ONCE]
            rows = PointTransaction.objects.filter(merchant_uid__in={payment.merchant_uid for payment in some})
            known = {txn.merchant_uid: txn for txn in rows}
            self._keep_unmatched([payment for payment in some if payment.merchant_uid not in known])
            for payment in some:
                self.keep()
                txn = known.get(payment.merchant_uid)
                if txn is None:
                    self.report.no_row(payment)
                    self.report.settled(payment.imp_uid)
                else:
                    known[txn.merchant_uid] = self._settle(txn, payment, apply_all)

    def _keep_unmatched(self, payments: list[Payment]) -> None:
        """What no row knows waits for somebody to decide: a repair keeps it, a report only counts it."""
        with self.guarded(f"{len(payments)} payments that no transaction has"):
            if self.repair:
                UnmatchedPayment.objects.record(payments, now=self.now)
            else:
                self.report.undecided_now |= UnmatchedPayment.objects.undecided_among(payments)

    def _settle(self, txn: PointTransaction, payment: Payment, apply_all: bool) -> PointTransaction:
        """One payment and its row; the row as it is then. One that makes trouble keeps no other from its money."""
        columns: tuple[str, ...] = ()
        self.report.unsettled(payment.imp_uid)
        with self.guarded(payment.imp_uid):
            columns = PointTransaction.objects.changes(txn, payment)
            if columns:
                self.tally.differ += 1
                self.report.differs(payment, columns)
            if self.repair and (columns or apply_all):
                txn = PointTransaction.objects.apply(payment).txn
                self.tally.repaired += bool(columns)
            self.report.settled(payment.imp_uid)
        return txn

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Count and name what goes wrong inside with one payment, and go on."""
        try:
            yield
        except (LeaseLost, SweepStopped):
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, the others shall have their money all the same)
            self._failed(what, error)

    def _failed(self, what: str, error: Exception) -> None:
        self.tally.failed += 1
        self.report.trouble(f"{self._name}: {what}: {type(error).__name__}{f': {error}' if isinstance(error, BillingError) else ''}")
        if not isinstance(error, BillingError):  # the program is wrong, or the database
            logger.error("%s: %s", self._name, what, exc_info=error)


def in_batches(rows: models.QuerySet[Row], *, by: str = "id") -> Iterator[list[Row]]:
    """`rows` in slices of BATCH, each read when its turn comes, in the order of the column `by` (an index serves it) and id."""
    page = rows.order_by(by, "id")
    while batch := list(page[:BATCH]):
        yield batch
        last: Any = getattr(batch[-1], by)
        later = models.Q(**{f"{by}__gt": last}) | models.Q(**{by: last, "id__gt": batch[-1].pk})
        page = rows.filter(later, **{f"{by}__gte": last}).order_by(by, "id")


def unique(items: Sequence[str | None]) -> list[str]:
    """Each of them once, without None, in order."""
    return list(dict.fromkeys(item for item in items if item))
