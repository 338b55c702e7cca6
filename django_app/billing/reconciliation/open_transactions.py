"""Sweeps over our own rows: attempts nobody has reported to the end, and payments that were
cancelled in part.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from billing.db.routing import primary
from billing.gateway.api import gateway
from billing.gateway.batches import BATCH, url_batches
from billing.gateway.deadline import Deadline
from billing.gateway.payment import MERCHANT_UID
from billing.gateway.payment_list import PaymentList
from billing.models import PointTransaction, UnmatchedPayment
from billing.reconciliation.job import AskForLess, Job
from billing.reconciliation.slices import in_batches, unique

# How long after a look comes the next one, by the age of the attempt.
CHECK_INTERVALS = (
    (timedelta(minutes=10), timedelta(minutes=1)),
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=6), timedelta(minutes=30)),
    (timedelta(days=1), timedelta(hours=2)),
)
LONGEST_INTERVAL = timedelta(hours=6)
GIVE_UP_AFTER = timedelta(days=7)  # from the start; the windows still find what is paid later
AFTER_DEADLINE = timedelta(days=3)  # of a virtual account: deposits may be reported late
PART_CANCELLED_EVERY = timedelta(hours=24)
NO_PAYMENT = "reconcile-asks-whether-you-answer"  # a merchant_uid that no payment has


def sweep_open_transactions(job: Job) -> None:
    """Attempts without money whose time has come: all by merchant_uid, and by imp_uid where one is
    known, since a payer's later tab may hide the one that was paid. An answer that is missing or
    unpaid proves nothing.
    """
    with job.sweep("open rows"):
        rows, by = _due(job)
        for batch in in_batches(rows, by=by):
            _ask_about(job, batch)


def sweep_part_cancelled(job: Job) -> None:
    """Once a day: whether the list of cancelled payments moves a payment up at its second cancel is
    unknown.
    """
    with job.sweep("part-cancelled rows"):
        seen_before = job.now - PART_CANCELLED_EVERY
        rows = primary(PointTransaction).filter(
            cancel_amount__gt=0, cancel_amount__lt=F("amount"), synced_at__lt=seen_before
        )
        for batch in in_batches(rows, by="synced_at"):
            job.stats.rows += len(batch)
            compare_by_imp_uid(job, [txn.imp_uid for txn in batch])


def sweep_unresolved_payments(job: Job) -> None:
    """Payments that an earlier run could not compare or apply, and that no sweep of this one has
    resolved so far. Their windows are read only once, so each is asked about until it agrees.
    """
    with job.sweep("unsettled payments"):
        imp_uids = list(job.report.carried_over)
        for start in range(0, len(imp_uids), BATCH):
            batch = imp_uids[start : start + BATCH]
            job.stats.rows += len(batch)
            if compare_by_imp_uid(job, batch):
                for imp_uid in job.report.carried_over.keys() & set(batch):
                    job.stats.failed += 1
                    job.report.add_trouble(
                        f"unsettled payments: {imp_uid}: the gateway does not know it any more"
                    )


def sweep_unmatched_payments(job: Job) -> None:
    """Payments that no row knew when they were seen, and whose order has one by now: credited, or
    sent back, as any other of the order.

    No other sweep meets them: the windows are past them, and the row may hold the money of another
    payment.
    """
    with job.sweep("unmatched payments of our orders"):
        for batch in in_batches(
            UnmatchedPayment.objects.with_a_row(primary(PointTransaction).all())
        ):
            job.stats.rows += len(batch)
            compare_by_imp_uid(job, [kept.imp_uid for kept in batch])


def compare_by_imp_uid(job: Job, imp_uids: Sequence[str | None]) -> bool:
    """Ask about up to BATCH payments and compare; whether there was an answer."""
    return _compare(job, unique(imp_uids), "imp_uid")


def next_check(created_at: datetime, vbank_date: datetime | None, now: datetime) -> datetime | None:
    """When to look again at an attempt without money; None: no more."""
    end = created_at + GIVE_UP_AFTER
    if vbank_date:
        end = max(end, vbank_date + AFTER_DEADLINE)
    age = now - created_at
    return (
        now + next((wait for limit, wait in CHECK_INTERVALS if age < limit), LONGEST_INTERVAL)
        if now < end
        else None
    )


def _due(job: Job) -> tuple[QuerySet[PointTransaction], str]:
    """The rows, and the column whose order an index serves."""
    due = Q(next_check_at__lte=job.now)
    if job.since is None:
        return primary(PointTransaction).filter(due), "next_check_at"
    made_since = Q(created_at__gte=job.since, created_at__lte=job.now)
    return primary(PointTransaction).filter(due | made_since, credited_at__isnull=True), "id"


def _ask_about(job: Job, batch: list[PointTransaction]) -> None:
    job.stats.rows += len(batch)
    # A claimed row may have a merchant_uid that cannot be asked for; the windows find its payment.
    merchant_uids = [
        txn.merchant_uid for txn in batch if re.fullmatch(MERCHANT_UID, txn.merchant_uid)
    ]
    answered = [
        compare_by_imp_uid(job, [txn.imp_uid for txn in batch]),
        _compare(job, merchant_uids, "merchant_uid"),
    ]
    if job.repair and all(answered):
        _reschedule(batch)


def _compare(job: Job, ids: Sequence[str], name: str) -> bool:
    """Ask about these, by addresses that are not too long, and compare; whether all of it was
    answered. name: what ids they are.
    """
    answered = True
    for part in url_batches(ids, name):
        answered &= _ask_or_halve(job, part, name)
    return answered


def _ask_or_halve(job: Job, ids: Sequence[str], name: str) -> bool:
    """What is refused or cannot be read is asked for in halves, until the one that it is about is
    alone: that one is named, and waits for its next time as one that was answered. No other does.
    """
    try:
        listing = job.ask(
            partial(_payments_by_ids, name, ids),
            control=partial(_payments_by_ids, "merchant_uid", [NO_PAYMENT]),
        )
    except AskForLess as trouble:
        if len(ids) > 1:
            half = len(ids) // 2
            return all([_ask_or_halve(job, ids[:half], name), _ask_or_halve(job, ids[half:], name)])
        job.unanswerable(ids[0], trouble.error, imp_uid=ids[0] if name == "imp_uid" else "")
        return True
    if listing is not None:
        job.compare(listing, apply_all=True)
    return listing is not None


def _payments_by_ids(name: str, ids: Sequence[str], deadline: Deadline) -> PaymentList:
    by_imp_uid = name == "imp_uid"
    return gateway().payments_by_ids(
        imp_uids=ids if by_imp_uid else (),
        merchant_uids=() if by_imp_uid else ids,
        deadline=deadline,
    )


def _reschedule(batch: list[PointTransaction]) -> None:
    """When to look again, by what is known now. A row that was matched meanwhile stays as it is."""
    now = timezone.now()
    still_open = primary(PointTransaction).filter(
        pk__in=[txn.pk for txn in batch], credited_at__isnull=True
    )
    times: dict[datetime | None, list[int]] = defaultdict(list)
    for pk, created_at, vbank_date in still_open.values_list("pk", "created_at", "vbank_date"):
        times[next_check(created_at, vbank_date, now)].append(pk)
    for time, pks in times.items():
        PointTransaction.objects.filter(pk__in=pks, credited_at__isnull=True).update(
            next_check_at=time
        )
