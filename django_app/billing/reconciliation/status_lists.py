"""Sweeps over the gateway's own lists: what it says was paid or cancelled, whether or not we know
where to look.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from billing.db.routing import primary
from billing.errors import GatewayRejected
from billing.gateway import api
from billing.gateway.api import gateway
from billing.gateway.deadline import Deadline
from billing.gateway.payment_list import PaymentList
from billing.models import PointTransaction
from billing.reconciliation.job import FAILS_IN_A_ROW, AskForLess, Job
from billing.reconciliation.runs import last_watermark
from billing.states import Status

OVERLAP = timedelta(hours=48)
LONGEST_SPAN = 90 * 86_400 - 1  # seconds in one question (specification: at most 90 days)
EMPTY_SPAN = (978_307_200, 978_307_200, 1)  # the first second of 2001, before there was a gateway


def sweep_status_lists(job: Job) -> None:
    """Compare every payment that became paid or cancelled since the last complete reading, less
    OVERLAP. Where all of it could be read, the watermark moves.
    """
    begin = _begin(job)
    job.report.windows_from = begin
    complete = [_read_status(job, status, begin) for status in (Status.PAID, Status.CANCELLED)]
    if all(complete) and not job.report.has_overflowed:
        job.report.watermark = job.now


def _begin(job: Job) -> datetime:
    """The first time: from our first attempt on. `since` may only widen it."""
    known_to = last_watermark()
    if known_to is None:
        known_to = (
            primary(PointTransaction).order_by("id").values_list("created_at", flat=True).first()
            or job.now
        )
    begin = min(known_to, job.now) - OVERLAP  # a clock may have been put back
    return min(begin, job.since) if job.since else begin


def _read_status(job: Job, status: Status, begin: datetime) -> bool:
    """Whether all of it could be read."""
    first, last = int(begin.timestamp()), int(job.now.timestamp())
    unread = [
        second
        for of, second in job.report.unread
        if of == status.value and not first <= second <= last
    ]
    with job.sweep(f"{status.value} payments") as stats:
        complete = True
        for start, end in [*((second, second) for second in unread), *_spans(first, last)]:
            complete &= _read_span(job, status, start, end)
    return stats.finished and complete


def _spans(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of unix seconds, both ends included, that may be asked for at once; oldest first."""
    while begin <= end:
        yield begin, min(begin + LONGEST_SPAN, end)
        begin += LONGEST_SPAN + 1


def _read_span(job: Job, status: Status, begin: int, end: int) -> bool:
    """Halve it until each part fits on one page and can be read: rows leave a list while it is
    read, so that only a single page is complete.
    """
    complete, parts = True, [(begin, end)]
    while parts:
        start, stop = parts.pop()
        listing, unreadable = None, False
        try:
            listing = job.ask(
                partial(_page, status, start, stop, 1), control=partial(_page, status, *EMPTY_SPAN)
            )
        except AskForLess:
            unreadable = True
        too_much = listing is not None and listing.total > api.LARGEST_PAGE
        if (too_much or unreadable) and start < stop:
            middle = (start + stop) // 2
            parts += [(middle + 1, stop), (start, middle)]  # the older part first
        elif unreadable:
            complete &= _read_one_by_one(job, status, start)
        elif listing is None:
            complete = False
        elif not too_much:
            if _is_complete(job, status, listing, start) & job.compare(listing):
                job.report.mark_read(status.value, start, stop)
            else:
                complete = False
        else:
            complete &= _read_page_by_page(job, status, start, listing)
    return complete


def _read_one_by_one(job: Job, status: Status, second: int) -> bool:
    """A second whose page cannot be read: each of its payments on a page of its own, so that the
    bad one hides no other. Unless all of it could be read, or named, the second is kept and read
    again by each run. Returns whether the windows may go on from here.
    """
    whole, failed, page, pages = True, 0, 1, api.LARGEST_PAGE
    totals: set[int] = set()
    while page <= pages and (totals or failed < FAILS_IN_A_ROW):
        try:
            listing = job.ask(
                partial(_page, status, second, second, page, limit=1),
                control=partial(_page, status, *EMPTY_SPAN),
            )
        except AskForLess as alone:
            if page > 1 and isinstance(alone.error, GatewayRejected):
                break  # beyond the last
            failed += 1
            whole &= job.unanswerable(
                f"{status.value} payment {page} of {_time(second).isoformat()}", alone.error
            )
        else:
            if listing is None:
                return False
            pages = listing.total
            totals.add(pages)
            whole &= job.compare(listing)
        page += 1
    abandoned = not totals and failed >= FAILS_IN_A_ROW
    if (
        whole and not abandoned and len(totals) < 2
    ):  # another total: one has left the list, and the next took its page
        job.report.mark_read(status.value, second, second)
    else:
        job.report.mark_unread(status.value, second)
    return True


def _read_page_by_page(job: Job, status: Status, second: int, listing: PaymentList) -> bool:
    """More payments in one second than a page holds."""
    when = _time(second).isoformat()
    job.report.notes.append(
        f"{listing.total} payments became {status.value} at {when}: read page by page, one that "
        "moves may be missed"
    )
    complete = job.compare(listing)
    for page in range(2, -(-listing.total // api.LARGEST_PAGE) + 1):
        try:
            next_page = job.ask(
                partial(_page, status, second, second, page),
                control=partial(_page, status, *EMPTY_SPAN),
            )
        except AskForLess:
            return _read_one_by_one(job, status, second)
        if next_page is None:
            return False
        complete &= job.compare(next_page)
    if complete:
        job.report.mark_read(status.value, second, second)
    return complete


def _is_complete(job: Job, status: Status, listing: PaymentList, start: int) -> bool:
    """Whether the page holds all that it says. One that hides something is no reason to stop, but
    to tell, and to read it again.
    """
    missing = listing.total - len(listing.payments) - len(listing.unreadable)
    if missing > 0:
        job.stats.failed += missing
        job.report.add_trouble(
            f"{status.value} payments: {missing} of {listing.total} are not in the list from "
            f"{_time(start).isoformat()}"
        )
    return missing <= 0


def _page(
    status: Status, start: int, stop: int, page: int, deadline: Deadline, limit: int | None = None
) -> PaymentList:
    limit = limit or api.LARGEST_PAGE
    return gateway().payments_by_status(
        status.value, _time(start), _time(stop), page=page, limit=limit, deadline=deadline
    )


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
