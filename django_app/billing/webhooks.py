"""Deliveries at the doors that anybody may knock at. The body is a hint where to look, never a fact: V1 signs nothing.

A delivery is stored first, in its own transaction, then the gateway is asked under a deadline. What could not be finished stays
`pending` and is found by reconcile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from billing.addresses import client_address
from billing.errors import BillingError, GatewayError, NotAnId, PaymentNotFound, UnknownPayment
from billing.iamport import Deadline
from billing.models import PointTransaction, WebhookEvent
from billing.payment import check_imp_uid, text
from billing.states import Status

MAX_BODY = 16 * 1024  # bytes we read; a V1 notice has about 120
KEPT_BODY = 2_000  # characters we store
TRY_AGAIN = timedelta(minutes=5)


class Unreadable(BillingError):
    """Not a notice: the sender gets 400."""


@dataclass(frozen=True)
class Notice:
    """The parsed body of a webhook: `imp_uid`, `merchant_uid`, `status` and, for cancels, `cancellation_id` (vendor's webhook guide)."""

    imp_uid: str
    merchant_uid: str
    status: str = ""
    cancellation_id: str = ""


def parse(request: HttpRequest) -> tuple[Notice, str]:
    """The notice and its raw text; JSON or form, as the vendor's console lets one choose. Raises Unreadable."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
            raise Unreadable("too long")
        raw = request.read(MAX_BODY + 1)
        if len(raw) > MAX_BODY:
            raise Unreadable("too long")
        body = raw.decode("utf-8-sig")
        if body.lstrip().startswith("{"):
            data = json.loads(body)
        else:
            data = QueryDict(body).dict()
        if not isinstance(data, dict):
            raise Unreadable("not an object")
        notice = Notice(
            check_imp_uid(data.get("imp_uid")),
            _merchant_uid(data.get("merchant_uid")),
            text(data.get("status"), 20),
            text(data.get("cancellation_id"), 40),
        )
    except (ValueError, RecursionError, OSError, SuspiciousOperation):  # no id, bad JSON, not UTF-8, too many fields, a sender gone
        raise Unreadable("not a notice") from None
    return notice, text(body, KEPT_BODY)


def _merchant_uid(value: object) -> str:
    """Any text of V1's length: a merchant account may be shared with a shop whose order numbers look different from ours."""
    if isinstance(value, str) and value and value == text(value, 40):
        return value
    raise NotAnId("not a merchant_uid")


def receive(notice: Notice, body: str, request: HttpRequest) -> WebhookEvent:
    """Store a delivery and act on it. Returns the stored event; its outcome and error say what became of it.

    A merchant_uid that no row has, and news that cannot change the row, cost no gateway call. The same delivery twice does no harm.
    """
    txn = PointTransaction.objects.filter(merchant_uid=notice.merchant_uid).first()
    event = WebhookEvent(
        address=client_address(request),
        imp_uid=notice.imp_uid,
        merchant_uid=notice.merchant_uid,
        claimed_status=notice.status,
        cancellation_id=notice.cancellation_id,
        body=body,
        next_try_at=timezone.now() + TRY_AGAIN,
    )
    if txn is None:
        _close(event, WebhookEvent.Outcome.IGNORED, "no such merchant_uid")
    elif _nothing_can_change(txn, notice):
        _close(event, WebhookEvent.Outcome.DONE)
    if event.outcome == WebhookEvent.Outcome.PENDING:
        _act(event)
    else:
        event.save(force_insert=True)
    return event


def come_back(imp_uid: str, merchant_uid: str, request: HttpRequest) -> WebhookEvent:
    """Store that a browser came back from the gateway for a row that exists, and act on it, as on a webhook."""
    event = WebhookEvent(
        source=WebhookEvent.Source.RETURN,
        address=client_address(request),
        imp_uid=imp_uid,
        merchant_uid=merchant_uid,
        next_try_at=timezone.now() + TRY_AGAIN,
    )
    _act(event)
    return event


def _may_ask(event: WebhookEvent) -> bool:
    """Whether this event is among the first BILLING_CALLS_PER_HOUR of its merchant_uid that ask the gateway within an hour.

    It is stored already and counts itself, so that events which come at the same time do not overlook each other.
    """
    since = timezone.now() - timedelta(hours=1)
    asked = WebhookEvent.objects.filter(merchant_uid=event.merchant_uid, received_at__gt=since, tries__gt=0, id__lte=event.pk)
    return asked.count() <= settings.BILLING_CALLS_PER_HOUR


def _nothing_can_change(txn: PointTransaction, notice: Notice) -> bool:
    """The row holds this very payment's money, and only a further cancel could move it."""
    if not txn.is_bound or txn.imp_uid != notice.imp_uid:
        return False
    return txn.cancel_amount == txn.amount or notice.status != Status.CANCELLED


def _act(event: WebhookEvent) -> None:
    """Store the event, sync, and note on it what came of that."""
    event.tries = 1
    event.save(force_insert=True)
    if not _may_ask(event):
        event.tries, event.error = 0, "asked too often this hour"
        event.save(update_fields=["tries", "error"])
        return
    try:
        PointTransaction.objects.sync(event.imp_uid, deadline=Deadline(settings.BILLING_DOOR_SECONDS))
        _close(event, WebhookEvent.Outcome.DONE)
    except (PaymentNotFound, UnknownPayment) as error:
        _close(event, WebhookEvent.Outcome.IGNORED, str(error))
    except GatewayError as error:
        event.error = f"{type(error).__name__}: {error}"[:300]
    event.save(update_fields=["outcome", "error", "handled_at", "next_try_at"])


def _close(event: WebhookEvent, outcome: WebhookEvent.Outcome, error: str = "") -> None:
    event.outcome, event.error = outcome, error[:300]
    event.handled_at, event.next_try_at = timezone.now(), None


def try_again_helps(event: WebhookEvent) -> bool:
    """Whether the sender should deliver once more: the gateway was asked and gave no usable answer."""
    return event.outcome == WebhookEvent.Outcome.PENDING and event.tries > 0
