"""One stored delivery: asking the gateway about it, and writing down what came of that. Nothing of
what it says is believed.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.db.statements import table
from billing.errors import GatewayError, UnmatchedPaymentError
from billing.gateway.api import Deadline
from billing.models import PointTransaction, WebhookEvent
from billing.note_codes import NO_TROUBLE, ErrorCode, Trouble
from billing.services.sync import sync
from billing.states import Status

FIRST_WAIT = timedelta(minutes=5)  # before a delivery is tried again; doubled after each try

Outcome = WebhookEvent.Outcome
PENDING = Q(outcome=Outcome.PENDING)


def nothing_can_change(txn: PointTransaction, event: WebhookEvent) -> bool:
    """The row holds this very payment's money, and only a further cancel could move it. The answer
    may close a cancel that is open.
    """
    if not txn.is_matched or txn.imp_uid != event.imp_uid or txn.pending_cancel_total:
        return False
    return txn.cancel_amount == txn.amount or event.claimed_status != Status.CANCELLED


def ask_gateway(event: WebhookEvent, deadline: Deadline | None) -> GatewayError | None:
    """Sync. The event is closed, in the transaction of what came of it, or stays pending and has
    the trouble (not stored here), which is returned.

    That the gateway does not know the payment is such a trouble for a row that exists: its own
    parts may not agree for some seconds after a payment began, so the sender is asked to come again
    and so are we. Who invents an imp_uid wins only a few calls, which are bounded.
    """
    try:
        sync(event.imp_uid, deadline=deadline, in_transaction=partial(_store_done, event))
    except UnmatchedPaymentError:
        close(event, Outcome.IGNORED, Trouble(ErrorCode.UNKNOWN_ORDER))
    except GatewayError as error:
        set_trouble(event, error.trouble)
        return error
    return None


def _store_done(event: WebhookEvent) -> None:
    """Close the event in the transaction of what it brought, unless a later try has begun or closed
    it meanwhile.
    """
    close(event, Outcome.DONE)
    names = ("outcome", "error_code", "error", "handled_at", "next_try_at")
    table(WebhookEvent).update(
        {name: getattr(event, name) for name in names},
        {"id": event.pk, "outcome": Outcome.PENDING, "tries": event.tries},
    )
    event.is_stored = True


def set_trouble(event: WebhookEvent, trouble: Trouble) -> None:
    """Put this trouble into the event's columns; not stored here."""
    for name, value in trouble.columns(300).items():
        setattr(event, name, value)


def close(
    event: WebhookEvent, outcome: WebhookEvent.Outcome, trouble: Trouble = NO_TROUBLE
) -> None:
    """Nothing more is to be done about the event; not stored here."""
    event.outcome = outcome
    set_trouble(event, trouble)
    event.handled_at, event.next_try_at = timezone.now(), None


def store_result(event: WebhookEvent) -> None:
    """Store what came of this try, unless it is stored already, or a later try has begun or closed
    the event meanwhile.
    """
    if event.is_stored:
        return
    still_pending(event).update(
        outcome=event.outcome,
        error_code=event.error_code,
        error=event.error,
        handled_at=event.handled_at,
        next_try_at=event.next_try_at,
    )


def still_pending(event: WebhookEvent) -> QuerySet[WebhookEvent]:
    """The event's row, unless a later try has begun or closed it meanwhile."""
    return WebhookEvent.objects.filter(pk=event.pk, outcome=Outcome.PENDING, tries=event.tries)
