"""The story of one payment: what happened to it, the API calls about it and its webhooks, in time
order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_plus

from django.db.models import Q
from django.utils.translation import gettext as _

from billing_sandbox.engine import clock
from billing_sandbox.formatting import format_amount, format_time
from billing_sandbox.models import ApiCall, Delivery, Payment

MAX_EVENTS = 300  # events of each kind

# Times are whole seconds. Within one, things stand in the order in which they usually happen.
_BEFORE, _OPENED, _HAPPENED, _SENT, _CALLED = range(5)


@dataclass(frozen=True)
class Event:
    """One line of the story. kind: state, call or delivery; tone: good, bad, warn or ""."""

    at: int
    rank: int
    kind: str
    title: str
    detail: str = ""
    quote: str = ""  # in the words of whoever sent it
    tone: str = ""
    tag: str = ""
    time: str = ""


def payment_events(payment: Payment) -> list[Event]:
    """Oldest first."""
    now = clock.now()
    events = sorted(
        [*_states(payment), *_calls(payment), *_deliveries(payment)],
        key=lambda event: (event.at, event.rank),
    )
    return [Event(**{**vars(event), "time": format_time(event.at, now)}) for event in events]


def _states(payment: Payment) -> list[Event]:
    amount = format_amount(payment.amount, payment.currency)
    found = [Event(payment.started_at, _OPENED, "state", _("The payment window opened"), amount)]
    if payment.vbank_issued_at:
        account = f"{payment.vbank_name} {payment.vbank_num}"
        found.append(
            Event(payment.vbank_issued_at, _HAPPENED, "state", _("An account was issued"), account)
        )
    if payment.failed_at:
        found.append(
            Event(
                payment.failed_at,
                _HAPPENED,
                "state",
                _("Not paid"),
                quote=payment.fail_reason,
                tone="bad",
            )
        )
    if payment.paid_at:
        found.append(Event(payment.paid_at, _HAPPENED, "state", _("Paid"), amount, tone="good"))
    for item in payment.cancellations.order_by("pk"):
        part = format_amount(item.amount, payment.currency)
        found.append(
            Event(
                item.cancelled_at,
                _HAPPENED,
                "state",
                _("Cancelled"),
                part,
                item.reason,
                tone="warn",
            )
        )
    return found


def _calls(payment: Payment) -> list[Event]:
    """Calls about this payment, and those that name its order."""
    named = (
        Q(path__contains=payment.merchant_uid)
        | Q(body__contains=payment.merchant_uid)
        | Q(query__contains=payment.merchant_uid)
    )
    about = (
        Q(imp_uid=payment.imp_uid)
        | Q(body__contains=payment.imp_uid)
        | Q(query__contains=payment.imp_uid)
        | Q(imp_uid="") & named
    )
    ids = re.compile(
        rf"(?<![\w-])({re.escape(payment.imp_uid)}|{re.escape(payment.merchant_uid)})(?![\w-])"
    )
    found = []
    for row in ApiCall.objects.filter(about).order_by("-pk")[:MAX_EVENTS]:
        if row.imp_uid != payment.imp_uid and not ids.search(
            f"{row.path} {unquote_plus(row.query)} {row.body}"
        ):
            continue  # the id is only a part of another one
        answer = f"HTTP {row.http_status} · code {row.code}" if row.http_status else _("no answer")
        rank = _BEFORE if row.path.rstrip("/").endswith("payments/prepare") else _CALLED
        bad = "bad" if row.code or row.http_status not in (200, 207) else ""
        address = row.path + (f"?{row.query}" if row.query else "")
        found.append(
            Event(
                row.created_at,
                rank,
                "call",
                f"{row.method} {address}",
                answer,
                row.body,
                bad,
                tag=row.fault,
            )
        )
    return found[::-1]


def _deliveries(payment: Payment) -> list[Event]:
    tones: dict[str, str] = {Delivery.State.DELIVERED: "good", Delivery.State.FAILED: "bad"}
    found = []
    for row in Delivery.objects.filter(imp_uid=payment.imp_uid).order_by("-pk")[:MAX_EVENTS]:
        state = str(row.get_state_display())
        answer = f"{state} · HTTP {row.answer_status}" if row.answer_status else state
        title = _("Webhook %(status)s → %(url)s") % {
            "status": row.body.get("status", ""),
            "url": row.url,
        }
        tag = _("sent again") if row.resend else ""
        at = row.delivered_at or row.created_at
        found.append(
            Event(
                at,
                _SENT,
                "delivery",
                title,
                answer,
                row.answer_text,
                tones.get(row.state, "warn"),
                tag,
            )
        )
    return found[::-1]
