"""Deliveries that could not be finished: tried again, later and later; after a week they are
`dead`: kept, and named in the log. And the end of those that were closed long ago.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.db.routing import primary, write_alias
from billing.gateway.api import Deadline
from billing.models import PointTransaction, WebhookEvent
from billing.note_codes import ErrorCode
from billing.webhooks.deliveries import (
    FIRST_WAIT,
    ask_gateway,
    close,
    nothing_can_change,
    still_pending,
    store_result,
)

logger = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(hours=6)
GIVE_UP = timedelta(days=7)  # after its arrival
FEWEST_DAYS = 8  # that closed deliveries are kept: longer than a pending one lives

Outcome = WebhookEvent.Outcome


def due_for_retry(*, at_once: int = 100) -> Iterator[list[WebhookEvent]]:
    """Pending deliveries whose next try has come, those that wait longest first, in slices of
    `at_once`.

    Each slice is read when its turn comes, so that memory does not grow with their number. What
    becomes due meanwhile is left to the next run, so that this one ends.
    """
    waiting = (
        primary(WebhookEvent)
        .filter(outcome=Outcome.PENDING, next_try_at__lte=timezone.now())
        .order_by("next_try_at", "id")
    )
    page = waiting
    while batch := list(page[:at_once]):
        # Before the caller tries, and so changes, them.
        last, time = batch[-1].pk, batch[-1].next_try_at
        yield batch
        page = waiting.filter(
            Q(next_try_at__gt=time) | Q(next_try_at=time, id__gt=last), next_try_at__gte=time
        )


def try_again(event: WebhookEvent, *, deadline: Deadline | None = None) -> bool:
    """Ask the gateway about a pending delivery, also about one that was over its hour's cap. True:
    it is closed; False: it stays pending.

    Trouble with the gateway is not raised: it stands in `event.error`, and the next try is put off,
    twice as long each time; a delivery that is older than GIVE_UP is `dead` then. Each try is
    claimed first, so that of several callers one asks, and a process that dies in the middle leaves
    a delivery that is tried later. Several of one payment cost one call once its money is there:
    the others can change nothing any more. Must not be called inside a transaction.
    """
    next_try_at = timezone.now() + min(FIRST_WAIT * 2 ** min(event.tries, 10), LONGEST_WAIT)
    if not still_pending(event).update(tries=event.tries + 1, next_try_at=next_try_at):
        event.refresh_from_db(using=write_alias(WebhookEvent))
        return event.outcome != Outcome.PENDING
    event.tries, event.next_try_at = event.tries + 1, next_try_at
    txn = primary(PointTransaction).filter(merchant_uid=event.merchant_uid).first()
    if txn is not None and nothing_can_change(txn, event):
        close(event, Outcome.DONE)
    elif (
        trouble := ask_gateway(event, deadline)
    ) and timezone.now() - event.received_at >= GIVE_UP:
        close(event, Outcome.DEAD, trouble.trouble)
        logger.warning(
            "delivery %s about %s is dead, %s", event.pk, event.merchant_uid, event.error_code
        )
    store_result(event)
    return event.outcome != Outcome.PENDING


def gateway_failed(event: WebhookEvent) -> bool:
    """Whether the last try met a gateway in trouble, so that it may be wise not to ask about others
    now. That it does not know this payment, or contradicts what we know of it, says nothing about
    others.
    """
    return event.error_code in (ErrorCode.GATEWAY_UNREACHABLE, ErrorCode.GATEWAY_REJECTED)


def prunable(days: int) -> QuerySet[WebhookEvent]:
    """Deliveries that were closed more than `days` days ago; never pending ones. Raises ValueError
    below FEWEST_DAYS.

    By the time of closing: what came long ago and was given up last night has been seen by nobody
    yet.
    """
    if days < FEWEST_DAYS:
        raise ValueError(
            f"deliveries are kept for {FEWEST_DAYS} days at least: a pending one is given up "
            f"after {GIVE_UP.days}"
        )
    before = timezone.now() - timedelta(days=days)
    return WebhookEvent.objects.filter(received_at__lt=before, handled_at__lt=before).exclude(
        outcome=Outcome.PENDING
    )


def prune(days: int, *, at_once: int = 1_000) -> int:
    """Delete what is `prunable`, `at_once` in a transaction, so that no entry point waits for long.
    Returns how many; ValueError as `prunable`.

    A second time: nothing is left to delete. It may be stopped at any moment.
    """
    old, deleted = prunable(days).order_by("received_at", "id"), 0
    while count := WebhookEvent.objects.filter(pk__in=old.values("pk")[:at_once]).delete()[0]:
        deleted += count
    return deleted
