"""Sweeps over what was begun here and not finished: deliveries that wait, cancels and returns that are open."""

from __future__ import annotations

from functools import partial

from billing.iamport import Deadline
from billing.models import PointCancellation, PointTransaction
from billing.reconciliation.job import Job, in_batches
from billing.reconciliation.rows import by_imp_uid


def open_cancellations(job: Job) -> None:
    """Cancels and returns that are not closed. A repair lets each take its next step, if its time has come."""
    with job.sweep("cancels and returns"):
        rows = PointCancellation.objects.filter(state__in=PointCancellation.OPEN)
        for batch in in_batches(rows):
            if job.repair:
                for cancellation in batch:
                    _finish(job, cancellation)
            else:
                job.tally.rows += len(batch)
                by_imp_uid(job, [cancellation.imp_uid for cancellation in batch])


def _finish(job: Job, cancellation: PointCancellation) -> None:
    job.tally.rows += 1
    before = cancellation.state
    with job.guarded(cancellation.imp_uid):
        after = job.ask(partial(_next_step, cancellation), about=cancellation.imp_uid)
        if after is not None and after.state != before:
            job.tally.differ += 1
            job.tally.repaired += 1


def _next_step(cancellation: PointCancellation, deadline: Deadline) -> PointCancellation:
    return PointTransaction.objects.finish(cancellation, deadline=deadline)
