"""Everything that happened to one payment, newest first, from the rows that exist anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.models import PointCancellation, PointEntry, PointTransaction, WebhookEvent
from billing.states import Status
from billing.support.people import login_name
from billing_office import columns, masking, review_notes
from billing_office.formatting import choice_badge, moment, money, points, won
from billing_office.pages import staff_history

TextFilter = Callable[[str], str]  # a free text, as this reader may see it
MOST_ROWS = 100  # rows of one kind; a payment with more deliveries says so


@dataclass(frozen=True)
class TimelineEvent:
    """One line. by: the member, the gateway, the system, or somebody of the staff by name.

    step: the order within a second, because the gateway's moments have no fractions: 0 an attempt
    begins, 1 it is paid, 2 what we do about it (by our own clock), 3 the gateway cancels.
    """

    at: datetime
    by: str
    what: Any
    detail: Any = ""
    badge: Any = ""
    link: str = ""
    step: int = 2

    @property
    def when(self) -> str:
        return moment(self.at)


@dataclass(frozen=True)
class RelatedRows:
    """What hangs on one transaction: four statements."""

    deliveries: list[WebhookEvent]
    entries: list[PointEntry]
    cancellations: list[PointCancellation]
    staff: list[Any]

    @classmethod
    def of(cls, txn: PointTransaction) -> RelatedRows:
        deliveries: QuerySet[WebhookEvent] = WebhookEvent.objects.filter(
            merchant_uid=txn.merchant_uid
        ).order_by("-received_at", "-pk")
        return cls(
            list(deliveries[: MOST_ROWS + 1]),
            list(txn.entries.order_by("-pk")[: MOST_ROWS + 1]),
            list(txn.cancellations.order_by("-pk")[: MOST_ROWS + 1]),
            list(staff_history.entries_of(txn)[: MOST_ROWS + 1]),
        )

    @property
    def are_cut(self) -> bool:
        """Whether there is more than is shown."""
        return any(
            len(kind) > MOST_ROWS
            for kind in (self.deliveries, self.entries, self.cancellations, self.staff)
        )


def events(
    txn: PointTransaction, rows: RelatedRows, *, in_full: bool = False
) -> list[TimelineEvent]:
    """The time line, newest first; lines of one second stand in the order in which such things
    happen. in_full: free texts unmasked.
    """
    write = partial(masking.shown, in_full=in_full)
    entries = [
        *_attempt(txn),
        *_gateway_events(txn, write),
        *_deliveries(rows.deliveries[:MOST_ROWS], in_full),
        *_cancellations(rows.cancellations[:MOST_ROWS], txn.owner_id, in_full),
        *_entries(rows.entries[:MOST_ROWS]),
        *_staff(rows.staff[:MOST_ROWS], in_full),
    ]
    return sorted(
        entries, key=lambda event: (event.at.replace(microsecond=0), event.step, event.at)
    )[::-1]


def _attempt(txn: PointTransaction) -> Iterator[TimelineEvent]:
    member, system = _("Member"), _("System")
    yield TimelineEvent(
        txn.created_at,
        member,
        _("Began to pay %(amount)s") % {"amount": won(txn.amount)},
        columns.METHODS.get(txn.pay_method, txn.pay_method),
        step=0,
    )
    if txn.prepared_at:
        yield TimelineEvent(
            txn.prepared_at, system, _("Registered the amount at the gateway"), step=0
        )
    if txn.credited_at:
        yield TimelineEvent(
            txn.credited_at, system, _("Recognised the payment as this order's money"), txn.imp_uid
        )
    if txn.synced_at:
        yield TimelineEvent(txn.synced_at, system, _("Last answer of the gateway"))


def _gateway_events(txn: PointTransaction, write: TextFilter) -> Iterator[TimelineEvent]:
    gateway = _("Gateway")
    if txn.started_at:
        yield TimelineEvent(txn.started_at, gateway, _("Payment window opened"), step=1)
    if txn.vbank_issued_at:
        yield TimelineEvent(
            txn.vbank_issued_at, gateway, _("Virtual account issued"), txn.vbank_name, step=1
        )
    if txn.failed_at:
        yield TimelineEvent(
            txn.failed_at, gateway, _("Payment failed"), write(txn.fail_reason), step=1
        )
    if txn.paid_at and txn.status in (Status.PAID, Status.CANCELLED):
        yield TimelineEvent(txn.paid_at, gateway, _("Paid"), step=1)
    if txn.cancelled_at:
        yield TimelineEvent(
            txn.cancelled_at,
            gateway,
            _("Cancelled at the gateway"),
            write(txn.cancel_reason),
            step=3,
        )


def _deliveries(deliveries: list[WebhookEvent], in_full: bool) -> Iterator[TimelineEvent]:
    for event in deliveries:
        says = (
            _("says “%(status)s”") % {"status": event.claimed_status}
            if event.claimed_status
            else ""
        )
        detail = " · ".join(
            filter(
                None,
                [
                    event.imp_uid,
                    says,
                    columns.sender_address(event),
                    review_notes.trouble_of(event, in_full=in_full),
                ],
            )
        )
        badge = choice_badge(event.outcome, event.get_outcome_display())
        by = _("Gateway") if event.source == WebhookEvent.Source.WEBHOOK else _("Member")
        yield TimelineEvent(
            event.received_at,
            by,
            event.get_source_display(),
            detail,
            badge,
            columns.delivery_url(event.pk),
        )


def _entries(entries: list[PointEntry]) -> Iterator[TimelineEvent]:
    for entry in entries:
        yield TimelineEvent(
            entry.created_at,
            columns.done_by(entry, entry.owner_id) or _("System"),
            f"{entry.get_kind_display()} {points(entry.delta, signed=True)}",
        )


def _cancellations(
    cancellations: list[PointCancellation], owner_id: Any, in_full: bool
) -> Iterator[TimelineEvent]:
    for cancellation in cancellations:
        by = columns.done_by(cancellation, owner_id) or _("System")
        values = {
            "kind": cancellation.get_kind_display(),
            "amount": money(cancellation.amount, cancellation.currency),
            "number": cancellation.pk,
        }
        yield TimelineEvent(
            cancellation.created_at,
            by,
            _("%(kind)s of %(amount)s begun (#%(number)s)") % values,
            f"{cancellation.imp_uid} · {review_notes.reason_words(cancellation, in_full=in_full)}",
        )
        if cancellation.sent_at:
            sent = _("%(kind)s #%(number)s sent to the gateway, try %(tries)s") % {
                **values,
                "tries": cancellation.tries,
            }
            yield TimelineEvent(
                max(cancellation.sent_at, cancellation.created_at), _("System"), sent
            )
        if cancellation.waiting_since:
            yield TimelineEvent(
                cancellation.waiting_since,
                _("Gateway"),
                _("%(kind)s #%(number)s accepted, to be done later") % values,
            )
        if cancellation.closed_at:
            badge = choice_badge(cancellation.state, cancellation.get_state_display())
            yield TimelineEvent(
                cancellation.closed_at,
                _("System"),
                _("%(kind)s #%(number)s ended") % values,
                review_notes.trouble_of(cancellation, in_full=in_full),
                badge,
            )


def _staff(entries: list[Any], in_full: bool) -> Iterator[TimelineEvent]:
    for entry in entries:
        yield TimelineEvent(
            entry.action_time,
            login_name(entry.user),
            staff_history.words(entry, in_full=in_full),
        )
