"""Reconcile: find where our rows and the gateway's payments differ, and repair it the one way
through, `apply`.

Callbacks, returns and webhooks get lost; this finds what they would have told. Sweeps over our open
rows, over the gateway's lists of paid and cancelled payments (windows), over payments cancelled in
part, and over what was begun here and not finished. Everything is read in slices, so that memory
does not grow with the number of rows, and everything may be done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from billing.models import PointTransaction, UnmatchedPayment
from billing.reconciliation.job import Job
from billing.reconciliation.open_transactions import (
    sweep_open_transactions,
    sweep_part_cancelled,
    sweep_unmatched_payments,
    sweep_unresolved_payments,
)
from billing.reconciliation.pending_work import sweep_open_cancellations, sweep_pending_deliveries
from billing.reconciliation.report import CLEAN, COULD_NOT_ASK, DRIFT, Report
from billing.reconciliation.runs import (
    LeaseLost,
    Run,
    last_unread,
    last_unreadable_unmatched,
    last_unresolved,
    running,
)
from billing.reconciliation.status_lists import sweep_status_lists

__all__ = ["CLEAN", "COULD_NOT_ASK", "DRIFT", "Report", "reconcile"]

SWEEPS = (
    sweep_open_transactions,
    sweep_status_lists,
    sweep_unresolved_payments,
    sweep_unmatched_payments,
    sweep_part_cancelled,
    sweep_pending_deliveries,
    sweep_open_cancellations,
)


def reconcile(
    *, repair: bool, since: datetime | None = None, progress: Callable[[str], None] | None = None
) -> Report:
    """Compare with the gateway, and repair what differs if `repair`; without it nothing at all is
    written.

    since: widen the windows to this time, and ask about every attempt without money that was
    started after it, given up or not. progress: gets a line now and then. Returns what was found.
    Trouble with the gateway or with one payment is counted, never raised; a second time finds
    nothing to do. Where another repair is at work, nothing is done and `skipped` says so. An
    interruption closes the run properly and goes on to the caller.
    """
    report = Report(repair=repair, started=timezone.now())
    run = Run.begin() if repair else None
    if repair and run is None:
        other = running()
        until = (
            f", its lease lasts until {timezone.localtime(other.lease_until):%H:%M:%S}"
            if other and other.lease_until
            else ""
        )
        report.skipped = f"another run is at it{until}"
        report.finished = timezone.now()
        return report
    report.carried_over = dict.fromkeys(last_unresolved())
    report.unread = dict.fromkeys(last_unread())
    report.unreadable_before = frozenset(last_unreadable_unmatched())
    job = Job(report, run=run, since=since, progress=progress or (lambda line: None))
    try:
        for sweep in SWEEPS:
            sweep(job)
        _count_undecided(report)
    except LeaseLost:
        report.stopped = "another run has taken over: this one was too slow for its lease"
        run = None
    except BaseException as error:
        report.stopped = f"interrupted: {type(error).__name__}"
        raise
    finally:
        report.finished = timezone.now()
        if run is not None:
            run.end(report.as_json(), report.watermark)
    return report


def _count_undecided(report: Report) -> None:
    """How many payments of no row wait for somebody's decision; a repair first closes those that a
    row knows by now.
    """
    if report.repair:
        UnmatchedPayment.objects.heal(PointTransaction.objects.all())
        report.undecided = UnmatchedPayment.objects.waiting().count()
    else:
        kept = UnmatchedPayment.objects.waiting()
        known = sum(
            imp_uid in report.undecided_met
            for imp_uid in kept.values_list("imp_uid", flat=True).iterator()
        )
        report.undecided = kept.count() + len(report.undecided_met) - known
