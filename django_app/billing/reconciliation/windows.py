"""Sweeps over the gateway's own lists: what it says was paid or cancelled, whether or not we know where to look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from billing import iamport
from billing.errors import AnswerTooLong
from billing.iamport import Deadline, Listing, gateway
from billing.models import PointTransaction
from billing.reconciliation.job import Job
from billing.reconciliation.runs import last_watermark
from billing.routing import primary
from billing.states import Status

OVERLAP = timedelta(hours=48)
LONGEST = 90 * 86_400 - 1  # seconds in one question (specification: at most 90 days)


def status_windows(job: Job) -> None:
    """Compare every payment that became paid or cancelled since the last complete reading, less OVERLAP. Where all of it could be
    read, the watermark moves.
    """
    begin = _begin(job)
    job.report.windows_from = begin
    complete = [_all_of(job, status, begin) for status in (Status.PAID, Status.CANCELLED)]
    if all(complete) and not job.report.forgot:
        job.report.watermark = job.now


def _begin(job: Job) -> datetime:
    """The first time: from our first attempt on. `since` may only widen it."""
    known_to = last_watermark()
    if known_to is None:
        known_to = primary(PointTransaction).order_by("id").values_list("created_at", flat=True).first() or job.now
    begin = min(known_to, job.now) - OVERLAP  # a clock may have been put back
    return min(begin, job.since) if job.since else begin


def _all_of(job: Job, status: Status, begin: datetime) -> bool:
    """Whether all of it could be read."""
    with job.sweep(f"{status.value} payments") as tally:
        complete = True
        for start, end in _pieces(int(begin.timestamp()), int(job.now.timestamp())):
            complete &= _piece(job, status, start, end)
    return tally.finished and complete


def _pieces(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of unix seconds, both ends included, that may be asked for at once; oldest first."""
    while begin <= end:
        yield begin, min(begin + LONGEST, end)
        begin += LONGEST + 1


def _piece(job: Job, status: Status, begin: int, end: int) -> bool:
    """Halve it until each part fits on one page: rows leave a list while it is read, so that only a single page is complete."""
    complete, parts = True, [(begin, end)]
    while parts:
        start, stop = parts.pop()
        try:
            listing = job.ask(partial(_page, status, start, stop, 1), splits=start < stop)
            too_much = listing is not None and listing.total > iamport.LARGEST_PAGE
        except AnswerTooLong:
            listing, too_much = None, True
        if too_much and start < stop:
            middle = (start + stop) // 2
            parts += [(middle + 1, stop), (start, middle)]  # the older part first
        elif listing is None:
            complete = False
        elif not too_much:
            complete &= _is_whole(job, status, listing, start)
            job.compare(listing)
        else:
            complete &= _page_by_page(job, status, start, listing)
    return complete


def _page_by_page(job: Job, status: Status, second: int, listing: Listing) -> bool:
    """More payments in one second than a page holds."""
    when = _time(second).isoformat()
    job.report.notes.append(f"{listing.total} payments became {status.value} at {when}: read page by page, one that moves may be missed")
    job.compare(listing)
    for page in range(2, -(-listing.total // iamport.LARGEST_PAGE) + 1):
        next_page = job.ask(partial(_page, status, second, second, page))
        if next_page is None:
            return False
        job.compare(next_page)
    return True


def _is_whole(job: Job, status: Status, listing: Listing, start: int) -> bool:
    """Whether every payment of this page can be told apart, so that it is settled now or asked about later. A page that holds less than
    its own total hides something: no reason to stop, but to tell, and to read it again.
    """
    missing = listing.total - len(listing.payments) - len(listing.unreadable)
    if missing > 0:
        job.tally.failed += missing
        job.report.trouble(f"{status.value} payments: {missing} of {listing.total} are not in the list from {_time(start).isoformat()}")
    return missing <= 0 and all(imp_uid for imp_uid, _words in listing.unreadable)


def _page(status: Status, start: int, stop: int, page: int, deadline: Deadline) -> Listing:
    return gateway().of_status(status.value, _time(start), _time(stop), page=page, deadline=deadline)


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
