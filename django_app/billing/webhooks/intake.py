"""Deliveries at the doors that anybody may knock at: the webhook, and the return of a phone. None
of them is believed.

A delivery is stored first, in its own transaction, then the gateway is asked under a deadline. What
could not be finished stays `pending`; reconcile tries it again, later and later, and after a week
it is `dead`: kept, and named in the log.

Anybody may also knock for ever, so everything here is bounded. What no row of ours is about is kept
for diagnosis alone and costs no call. What a row is about is never refused because of that: each
row has bounds of its own, and only who knows its merchant_uid (128 random bits: its payer, the
gateway, staff) can use them up.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from billing.db.routing import primary, write_alias
from billing.errors import GatewayError, GatewayPaymentNotFound, UnmatchedPaymentError
from billing.gateway.api import Deadline
from billing.models import PointTransaction, WebhookEvent
from billing.note_codes import NO_TROUBLE, ErrorCode, Trouble
from billing.states import Status
from billing.support.client_ip import is_listed, line_of
from billing.support.rate_limit import allow
from billing.webhooks.payload import Notice

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
FIRST_WAIT = timedelta(minutes=5)  # before a delivery is tried again; doubled after each try
LONGEST_WAIT = timedelta(hours=6)
GIVE_UP = timedelta(days=7)  # after its arrival
MOST_WAITING = 20  # deliveries of one row that may be pending: reconcile asks for each
SPARE_PER_HOUR = 70  # deliveries of one row that are stored in an hour beyond those that may ask
UNKNOWN_PER_DAY = 10_000  # deliveries about nobody's row that are stored, whoever sends them
FEWEST_DAYS = 8  # that closed deliveries are kept: longer than a pending one lives

Outcome = WebhookEvent.Outcome
_PENDING = Q(outcome=Outcome.PENDING)


# -- who may deliver -------------------------------------------------------------------------------


def may_deliver(sender: str | None) -> bool:
    """Whether webhooks are taken from this address: from anybody, unless BILLING_WEBHOOK_ADDRESSES
    lists somebody.

    Sandbox mode does not look at that list: it serves this machine alone, and the stand-in gateway
    delivers from here.
    """
    listed = settings.BILLING_WEBHOOK_ADDRESSES
    return settings.IAMPORT_MODE == "sandbox" or not listed or is_listed(sender, listed)


def allow_invalid_delivery(sender: str | None) -> bool:
    """Count one more delivery that is of no use to us; False beyond BILLING_RUBBISH_PER_MINUTE of
    this sender.
    """
    return allow(
        f"rubbish-{line_of(sender)}", at_most=settings.BILLING_RUBBISH_PER_MINUTE, seconds=60
    )


# -- the doors -------------------------------------------------------------------------------------


def receive(notice: Notice, sender: str | None) -> bool:
    """Store a delivery from this address and act on it. False: the sender should deliver it once
    more.

    A merchant_uid that no row has, and news that cannot change the row, cost no gateway call. The
    same delivery twice does no harm.
    """
    event = WebhookEvent(
        address=sender,
        imp_uid=notice.imp_uid,
        merchant_uid=notice.merchant_uid,
        claimed_status=notice.status,
        cancellation_id=notice.cancellation_id,
        body=notice.body,
    )
    with transaction.atomic(using=write_alias(PointTransaction), durable=True):
        row = _locked_row(notice.merchant_uid)
        knock = None if row is None else _knock(row, event)
    if knock is None:
        # Never told to come again: shops may share a merchant account, and theirs are honest
        # deliveries.
        if allow_invalid_delivery(sender) and allow(
            "unknown-notices", at_most=UNKNOWN_PER_DAY, seconds=86_400
        ):
            _close(event, Outcome.IGNORED, Trouble(ErrorCode.UNKNOWN_ORDER))
            event.save(force_insert=True)
        return True
    return _act(event, room=knock.room) if knock.may_ask else knock.handled


def handle_browser_return(imp_uid: str, merchant_uid: str, sender: str | None) -> None:
    """A browser at this address came back from the gateway with these ids. For a row that the
    payment can change: as a webhook, else nothing. Trouble with the gateway is not raised: what
    could not be finished is pending.
    """
    event = WebhookEvent(
        source=WebhookEvent.Source.RETURN,
        address=sender,
        imp_uid=imp_uid,
        merchant_uid=merchant_uid,
    )
    with transaction.atomic(using=write_alias(PointTransaction), durable=True):
        row = _locked_row(merchant_uid)
        knock = None if row is None or _nothing_can_change(row, event) else _knock(row, event)
    if knock is not None and knock.may_ask:
        _act(event, room=knock.room)


@dataclass(frozen=True)
class _Knock:
    """A delivery about a row of ours. handled: the sender need not come again; room: it may wait
    for its next try.
    """

    may_ask: bool
    handled: bool
    room: bool


def _locked_row(merchant_uid: str) -> PointTransaction | None:
    """The row under its lock, so that deliveries of one row that come at once are counted one after
    the other.
    """
    return (
        PointTransaction.objects.select_for_update(no_key=True)
        .filter(merchant_uid=merchant_uid)
        .first()
    )


def _knock(row: PointTransaction, event: WebhookEvent) -> _Knock:
    """Store the event within the row's bounds: as one that asks, as one that waits for its first
    try, or closed. Under the row's lock.

    The bounds are read in a statement of their own: one that waited for the lock still sees what
    there was before it waited.
    """
    lately = Q(received_at__gt=timezone.now() - HOUR)
    deliveries = primary(WebhookEvent).filter(merchant_uid=row.merchant_uid)
    counts = deliveries.aggregate(
        heard=Count("pk", filter=lately),
        asked=Count("pk", filter=lately & Q(tries__gt=0)),
        waiting=Count("pk", filter=_PENDING),
    )
    useless = _nothing_can_change(row, event)
    if counts["heard"] >= settings.BILLING_CALLS_PER_HOUR + SPARE_PER_HOUR:
        # So many within the hour that no more are stored: a payer with few tabs and a gateway never
        # cause that.
        return _Knock(may_ask=False, handled=useless, room=False)
    room = counts["waiting"] < MOST_WAITING
    may_ask = not useless and counts["asked"] < settings.BILLING_CALLS_PER_HOUR
    if may_ask:
        event.tries, event.next_try_at = 1, timezone.now() + FIRST_WAIT
    elif useless:
        _close(event, Outcome.DONE)
    elif room:
        event.error_code, event.next_try_at = ErrorCode.ASKED_TOO_OFTEN, timezone.now() + FIRST_WAIT
    else:
        _close(event, Outcome.IGNORED, Trouble(ErrorCode.ASKED_TOO_OFTEN))  # others wait already
    event.save(force_insert=True)
    return _Knock(may_ask=may_ask, handled=useless or room, room=room)


def _act(event: WebhookEvent, *, room: bool) -> bool:
    """Ask about a stored event, and note on it what came of that. False: the sender should deliver
    it once more.

    room: whether it may wait for its next try; one that may not is closed, and only the sender can
    bring it again.
    """
    trouble = _ask(event, Deadline(settings.BILLING_DOOR_SECONDS))
    if isinstance(trouble, GatewayPaymentNotFound) and not room:
        _close(event, Outcome.IGNORED, trouble.trouble)  # others wait already
    _note(event)
    return trouble is None


def _nothing_can_change(txn: PointTransaction, event: WebhookEvent) -> bool:
    """The row holds this very payment's money, and only a further cancel could move it. The answer
    may close a cancel that is open.
    """
    if not txn.is_matched or txn.imp_uid != event.imp_uid or txn.pending_cancel_total:
        return False
    return txn.cancel_amount == txn.amount or event.claimed_status != Status.CANCELLED


def _ask(event: WebhookEvent, deadline: Deadline | None) -> GatewayError | None:
    """Sync. The event (not stored here) is closed, or stays pending and has the trouble, which is
    returned.

    That the gateway does not know the payment is such a trouble for a row that exists: its own
    parts may not agree for some seconds after a payment began, so the sender is asked to come again
    and so are we. Who invents an imp_uid wins only a few calls, which are bounded.
    """
    try:
        PointTransaction.objects.sync(event.imp_uid, deadline=deadline)
    except UnmatchedPaymentError:
        _close(event, Outcome.IGNORED, Trouble(ErrorCode.UNKNOWN_ORDER))
    except GatewayError as error:
        _keep(event, error.trouble)
        return error
    else:
        _close(event, Outcome.DONE)
    return None


def _keep(event: WebhookEvent, trouble: Trouble) -> None:
    for name, value in trouble.columns(300).items():
        setattr(event, name, value)


def _close(
    event: WebhookEvent, outcome: WebhookEvent.Outcome, trouble: Trouble = NO_TROUBLE
) -> None:
    event.outcome = outcome
    _keep(event, trouble)
    event.handled_at, event.next_try_at = timezone.now(), None


def _note(event: WebhookEvent) -> None:
    """Store what came of this try, unless a later try has begun or closed the event meanwhile."""
    _waiting(event).update(
        outcome=event.outcome,
        error_code=event.error_code,
        error=event.error,
        handled_at=event.handled_at,
        next_try_at=event.next_try_at,
    )


def _waiting(event: WebhookEvent) -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(pk=event.pk, outcome=Outcome.PENDING, tries=event.tries)


# -- what is left over -----------------------------------------------------------------------------


def due(*, at_once: int = 100) -> Iterator[list[WebhookEvent]]:
    """Pending deliveries whose next try has come, those that wait longest first, in slices of
    `at_once`.

    Each slice is read when its turn comes, so that memory does not grow with their number. What
    becomes due meanwhile is left to the next walk, so that it ends.
    """
    waiting = (
        primary(WebhookEvent)
        .filter(outcome=Outcome.PENDING, next_try_at__lte=timezone.now())
        .order_by("next_try_at", "id")
    )
    page = waiting
    while batch := list(page[:at_once]):
        # Before the caller tries, and so changes, them.
        last, time = (
            batch[-1].pk,
            batch[-1].next_try_at,
        )
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
    if not _waiting(event).update(tries=event.tries + 1, next_try_at=next_try_at):
        event.refresh_from_db(using=write_alias(WebhookEvent))
        return event.outcome != Outcome.PENDING
    event.tries, event.next_try_at = event.tries + 1, next_try_at
    txn = primary(PointTransaction).filter(merchant_uid=event.merchant_uid).first()
    if txn is not None and _nothing_can_change(txn, event):
        _close(event, Outcome.DONE)
    elif (trouble := _ask(event, deadline)) and timezone.now() - event.received_at >= GIVE_UP:
        _close(event, Outcome.DEAD, trouble.trouble)
        logger.warning(
            "delivery %s about %s is dead, %s", event.pk, event.merchant_uid, event.error_code
        )
    _note(event)
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
    """Delete what is `prunable`, `at_once` in a transaction, so that no door waits for long.
    Returns how many; ValueError as `prunable`.

    A second time: nothing is left to delete. It may be stopped at any moment.
    """
    old, deleted = prunable(days).order_by("received_at", "id"), 0
    while gone := WebhookEvent.objects.filter(pk__in=old.values("pk")[:at_once]).delete()[0]:
        deleted += gone
    return deleted
