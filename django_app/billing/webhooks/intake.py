"""Receiving deliveries at the entry points that anybody may call: the webhook, and the return of a
phone. None of them is believed.

A delivery is stored first, in its own transaction, then the gateway is asked under a deadline. What
could not be finished stays `pending`; reconcile tries it again (`retry.py`). What an answer makes
of a delivery, ignoring it too, is in `deliveries.py`.

Anybody may also call for ever, so everything here is bounded. What no row of ours is about is kept
for diagnosis alone and costs no call. What a row is about is never refused because of that: each
row has bounds of its own, and only who knows its merchant_uid (128 random bits: its payer, the
gateway, staff) can use them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from billing.conf import conf
from billing.db.routing import primary
from billing.db.statements import table
from billing.db.transactions import money_transaction
from billing.errors import GatewayPaymentNotFound
from billing.gateway.api import Deadline
from billing.models import PointTransaction, WebhookEvent
from billing.note_codes import ErrorCode, Trouble
from billing.support.client_ip import is_listed, rate_limit_key
from billing.support.rate_limit import allow
from billing.webhooks.deliveries import (
    FIRST_WAIT,
    PENDING,
    ask_gateway,
    close,
    nothing_can_change,
    store_result,
)
from billing.webhooks.payload import WebhookPayload

HOUR = timedelta(hours=1)
MOST_WAITING = 20  # deliveries of one row that may be pending: reconcile asks for each
SPARE_PER_HOUR = 70  # deliveries of one row that are stored in an hour beyond those that may ask
UNKNOWN_PER_DAY = 10_000  # deliveries about nobody's row that are stored, whoever sends them
_GLANCE = (  # what a delivery is judged by
    "id",
    "imp_uid",
    "merchant_uid",
    "amount",
    "cancel_amount",
    "pending_cancel_total",
    "credited_at",
    "deliveries",
)

Outcome = WebhookEvent.Outcome


def may_deliver(sender: str | None) -> bool:
    """Whether webhooks are taken from this address: from anybody, unless BILLING_WEBHOOK_ADDRESSES
    lists somebody.

    Sandbox mode does not look at that list: it serves this machine alone, and the stand-in gateway
    delivers from here.
    """
    listed = conf.BILLING_WEBHOOK_ADDRESSES
    return conf.IAMPORT_MODE == "sandbox" or not listed or is_listed(sender, listed)


def allow_invalid_delivery(sender: str | None) -> bool:
    """Count one more delivery that is of no use to us; False beyond BILLING_RUBBISH_PER_MINUTE of
    this sender.
    """
    return allow(
        f"rubbish-{rate_limit_key(sender)}", at_most=conf.BILLING_RUBBISH_PER_MINUTE, seconds=60
    )


def receive(payload: WebhookPayload, sender: str | None) -> bool:
    """Store a delivery from this address and act on it. False: the sender should deliver it once
    more.

    A merchant_uid that no row has, and news that cannot change the row, cost no gateway call. The
    same delivery twice does no harm.
    """
    event = WebhookEvent(
        address=sender,
        imp_uid=payload.imp_uid,
        merchant_uid=payload.merchant_uid,
        claimed_status=payload.status,
        cancellation_id=payload.cancellation_id,
        body=payload.body,
    )
    with money_transaction(durable=True):
        row = _locked_row(payload.merchant_uid)
        admission = None if row is None else _admit(row, event)
    if admission is None:
        # Never told to come again: shops may share a merchant account, and theirs are honest
        # deliveries.
        if allow_invalid_delivery(sender) and allow(
            "unknown-notices", at_most=UNKNOWN_PER_DAY, seconds=86_400
        ):
            close(event, Outcome.IGNORED, Trouble(ErrorCode.UNKNOWN_ORDER))
            event.save(force_insert=True)
        return True
    return (
        _ask_and_store(event, may_queue=admission.may_queue)
        if admission.may_ask
        else admission.handled
    )


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
    with money_transaction(durable=True):
        row = _locked_row(merchant_uid)
        admission = None if row is None or nothing_can_change(row, event) else _admit(row, event)
    if admission is not None and admission.may_ask:
        _ask_and_store(event, may_queue=admission.may_queue)


@dataclass(frozen=True)
class Admission:
    """What is done with a delivery about a row of ours. handled: the sender need not come again;
    may_queue: it may wait for its next try.
    """

    may_ask: bool
    handled: bool
    may_queue: bool


def _locked_row(merchant_uid: str) -> PointTransaction | None:
    """Count one more delivery of the row, lock it and read of it, in one statement. Deliveries of
    one row that come at once are so counted one after the other.
    """
    rows = table(PointTransaction)
    counted = rows.columns["deliveries"]
    with rows.cursor() as cursor:
        cursor.execute(
            f"UPDATE {rows.name} SET {counted} = {counted} + 1 "  # noqa: S608
            f"WHERE {rows.columns['merchant_uid']} = %s "
            f"RETURNING {', '.join(rows.columns[name] for name in _GLANCE)}",
            [merchant_uid],
        )
        found = cursor.fetchone()
    return None if found is None else rows.row(found, _GLANCE)


def _admit(row: PointTransaction, event: WebhookEvent) -> Admission:
    """Store the event within the row's bounds: as one that asks, as one that waits for its first
    try, or closed. Under the row's lock.

    The bounds are read in a statement of their own: one that waited for the lock still sees what
    there was before it waited.
    """
    counts = _counts(row)
    useless = nothing_can_change(row, event)
    if counts["heard"] >= conf.BILLING_CALLS_PER_HOUR + SPARE_PER_HOUR:
        # So many within the hour that no more are stored: a payer with few tabs and a gateway never
        # cause that.
        return Admission(may_ask=False, handled=useless, may_queue=False)
    may_queue = counts["waiting"] < MOST_WAITING
    may_ask = not useless and counts["asked"] < conf.BILLING_CALLS_PER_HOUR
    if may_ask:
        event.tries, event.next_try_at = 1, timezone.now() + FIRST_WAIT
    elif useless:
        close(event, Outcome.DONE)
    elif may_queue:
        event.error_code, event.next_try_at = ErrorCode.ASKED_TOO_OFTEN, timezone.now() + FIRST_WAIT
    else:
        close(event, Outcome.IGNORED, Trouble(ErrorCode.ASKED_TOO_OFTEN))  # others wait already
    table(WebhookEvent).insert(event)
    return Admission(may_ask=may_ask, handled=useless or may_queue, may_queue=may_queue)


def _counts(row: PointTransaction) -> dict[str, int]:
    """Deliveries of this row: heard and asked in the last hour, and waiting. Of one that was never
    heard of more often than that, none can be over a bound.
    """
    if row.deliveries <= min(MOST_WAITING, conf.BILLING_CALLS_PER_HOUR):
        return {"heard": 0, "asked": 0, "waiting": 0}
    lately = Q(received_at__gt=timezone.now() - HOUR)
    return (
        primary(WebhookEvent)
        .filter(merchant_uid=row.merchant_uid)
        .aggregate(
            heard=Count("pk", filter=lately),
            asked=Count("pk", filter=lately & Q(tries__gt=0)),
            waiting=Count("pk", filter=PENDING),
        )
    )


def _ask_and_store(event: WebhookEvent, *, may_queue: bool) -> bool:
    """Ask about a stored event, and note on it what came of that. False: the sender should deliver
    it once more.

    may_queue: whether it may wait for its next try; one that may not is closed, and only the sender
    can bring it again.
    """
    trouble = ask_gateway(event, Deadline(conf.BILLING_DOOR_SECONDS))
    if isinstance(trouble, GatewayPaymentNotFound) and not may_queue:
        close(event, Outcome.IGNORED, trouble.trouble)  # others wait already
    store_result(event)
    return trouble is None
