"""Cells that several lists and pages show: links to a payment or a member, methods, times."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from billing.admin_site import admin_url
from billing.models import (
    PayMethod,
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    WebhookEvent,
)
from billing.support.people import login_name
from billing_office import formatting, masking
from billing_office.listing import Filter, key_of

METHODS = dict(PayMethod.choices)


def payment_url(txn_id: Any) -> str:
    return admin_url("billing_pointtransaction_change", txn_id)


def member_url(user_id: Any) -> str:
    return admin_url("billing_point_change", user_id)


def payment_link(txn: PointTransaction, imp_uid: str | None = None) -> SafeString:
    """The order number, and below it the gateway's number: the row's, or the one that is meant."""
    return format_html(
        '<a class="bo-link bo-nowrap" href="{}">{}</a><small>{}</small>',
        payment_url(txn.pk),
        txn.merchant_uid,
        imp_uid or txn.imp_uid or formatting.NOTHING,
    )


def member_link(point: Point) -> SafeString:
    """The member's login name, masked where it tells a person's address or number."""
    return format_html(
        '<a class="bo-link" href="{}">{}</a>',
        member_url(point.pk),
        masking.login(login_name(point.user)),
    )


def amount_cell(txn: PointTransaction) -> SafeString:
    """What was to be paid, and below it what was cancelled of it."""
    cancelled = (
        format_html("<small>↩ {}</small>", formatting.won(txn.cancel_amount))
        if txn.cancel_amount
        else ""
    )
    return format_html("{}{}", formatting.won(txn.amount), cancelled)


def status_cell(txn: PointTransaction) -> SafeString:
    """Its status, that a cancel is open, and what is to be reviewed."""
    return format_html(
        "{} {} {}",
        formatting.status_badge(txn),
        formatting.open_cancel_badge(txn),
        formatting.review_badge(txn),
    )


def method_cell(txn: PointTransaction) -> SafeString:
    """What was chosen, what was really used where that differs, and by whom it was processed."""
    chosen = METHODS.get(txn.pay_method, txn.pay_method)
    if txn.paid_method and txn.paid_method != txn.pay_method:
        chosen = f"{chosen} → {METHODS.get(txn.paid_method, txn.paid_method)}"
    test = (
        format_html(" {}", formatting.badge(gettext_lazy("Test"), "warn", "⚑"))
        if txn.test_channel
        else ""
    )
    return format_html('{}{}<small class="bo-nowrap">{}</small>', chosen, test, txn.pg_provider)


def entry_source(entry: PointEntry, *, in_full: bool = False) -> Any:
    """What an entry came from: its payment, or its key and memo, this masked unless in full."""
    if entry.txn is not None:
        return format_html(
            '<a class="bo-link" href="{}">{}</a>', payment_url(entry.txn_id), entry.txn.merchant_uid
        )
    return format_html(
        "{}<small>{}</small>",
        entry.memo if in_full else masking.free_text(entry.memo),
        entry.idempotency_key or "",
    )


def done_by(row: PointEntry | PointCancellation, owner_id: Any) -> str:
    """Who did it: the staff's login name, or that it was the member; "" for a job."""
    # Also where staff are members themselves.
    by_staff = row.kind in (
        PointEntry.Kind.ADJUST,
        PointCancellation.Kind.MISMATCH_REFUND,
    )
    return (
        str(gettext_lazy("Member"))
        if row.by_id is not None and row.by_id == owner_id and not by_staff
        else row.by_name
    )


def time_cell(when: Any) -> SafeString:
    """Day over time, so that the column stays narrow."""
    day, _space, time = formatting.moment(when).partition(" ")
    return format_html('<span class="bo-moment">{} <small>{}</small></span>', day, time)


def member_filter(owner: str) -> Filter:
    """Rows of one member, by a link from the member's page."""

    def condition(value: str) -> Q:
        return Q(
            **{f"{owner}__in": [key for key in [key_of(Point._meta.pk, value)] if key is not None]}
        )

    return Filter("member", gettext_lazy("Member"), condition, hidden=True)


def delivery_url(event_id: Any) -> str:
    return admin_url("billing_webhookevent_change", event_id)


def run_url(run_id: Any) -> str:
    return admin_url("billing_reconcilerun_change", run_id)


def run_result(result: Any) -> str:
    """A run's result in a line: counts as they are, lists by their length; what has both tells its
    count.
    """
    if not isinstance(result, dict):
        return str(result)
    return " · ".join(f"{name}: {_number(value)}" for name, value in result.items())


def _number(value: Any) -> Any:
    if (
        isinstance(value, dict) and "count" in value
    ):  # bounded lists: the count says how much there was
        return value["count"]
    return len(value) if isinstance(value, list | dict) else value


def cancellation_badge(cancellation: PointCancellation) -> Any:
    """Its state, and that it waits for staff."""
    state = formatting.choice_badge(cancellation.state, cancellation.get_state_display())
    if not cancellation.needs_staff:
        return state
    return format_html("{} {}", state, formatting.badge(gettext("Staff decide"), "bad", "!"))


def sender_address(event: WebhookEvent) -> str:
    """The sender's address; of a member who came back from the gateway only the network."""
    address = event.address or ""
    return (
        masking.ip(address) if address and event.source == WebhookEvent.Source.RETURN else address
    )
