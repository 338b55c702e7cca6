"""Sweeps over what was begun here and not finished: deliveries that wait, cancels and mismatch
refunds that are open.
"""

from __future__ import annotations

from functools import partial

from billing.db.routing import primary
from billing.errors import GatewayUnreachable
from billing.gateway.batches import BATCH
from billing.gateway.deadline import Deadline
from billing.models import PointCancellation, PointTransaction, WebhookEvent
from billing.reconciliation.job import Job
from billing.reconciliation.open_transactions import compare_by_imp_uid
from billing.reconciliation.slices import in_batches
from billing.webhooks import retry


def sweep_pending_deliveries(job: Job) -> None:
    """Webhooks and returns that could not be acted on, or not within their hour's cap. Most of them
    the sweeps before have made useless.
    """
    with job.sweep("pending deliveries"):
        for batch in retry.due_for_retry(at_once=BATCH):
            job.stats.rows += len(batch)
            if job.repair:
                for event in batch:
                    with job.isolate_failures(event.imp_uid):
                        job.ask(partial(_try_again, event), repeat=False)
            else:
                compare_by_imp_uid(job, [event.imp_uid for event in batch])


def sweep_open_cancellations(job: Job) -> None:
    """Cancels and mismatch refunds that are not closed. A repair lets each take its next step, if
    its time has come.
    """
    with job.sweep("cancels and returns"):
        rows = primary(PointCancellation).filter(state__in=PointCancellation.OPEN)
        for batch in in_batches(rows):
            if job.repair:
                for cancellation in batch:
                    _finish(job, cancellation)
            else:
                job.stats.rows += len(batch)
                compare_by_imp_uid(job, [cancellation.imp_uid for cancellation in batch])


def _try_again(event: WebhookEvent, deadline: Deadline) -> bool:
    closed = retry.try_again(event, deadline=deadline)
    if not closed and retry.gateway_failed(event):
        raise GatewayUnreachable(event.error)
    return closed


def _finish(job: Job, cancellation: PointCancellation) -> None:
    job.stats.rows += 1
    before = cancellation.state
    with job.isolate_failures(cancellation.imp_uid):
        after = job.ask(partial(_next_step, cancellation), about=cancellation.imp_uid)
        if after is not None and after.state != before:
            job.stats.differ += 1
            job.stats.repaired += 1


def _next_step(cancellation: PointCancellation, deadline: Deadline) -> PointCancellation:
    return PointTransaction.objects.finish(cancellation, deadline=deadline)
