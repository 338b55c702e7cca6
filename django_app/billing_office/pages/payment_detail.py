"""The page of one payment: what we hold beside what the gateway says, the time line below, what
staff can do above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.html import format_html
from django.utils.translation import gettext as _

from billing.conf import conf
from billing.db import permissions
from billing.gateway.payment import Payment
from billing.models import PointCancellation, PointTransaction
from billing_office import (
    audit_log,
    columns,
    error_messages,
    gateway_lookup,
    masking,
    review_notes,
)
from billing_office.actions import registry
from billing_office.actions.ask_gateway import AskGateway
from billing_office.actions.cancel_payment import cancellable_amount
from billing_office.base import MoneyAdmin
from billing_office.formatting import (
    moment,
    money,
    open_cancel_badge,
    points,
    review_badge,
    status_badge,
    won,
)
from billing_office.pages import gateway_diff, timeline

# the vendor's list of payments, where a number can be looked up
CONSOLE = "https://admin.portone.io/payments"


def show(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page. ?ask=1 asks the gateway and compares, ?full=1 shows personal data in full, to those
    who may, and notes that they looked.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    txn: PointTransaction = admin.row(request, object_id)
    in_full = request.GET.get("full") == "1"
    if in_full and not request.user.has_perm(permissions.PERSONAL_DATA):
        raise PermissionDenied
    asks = request.GET.get("ask") == "1"
    if asks and not request.user.has_perm(permissions.ASK):
        raise PermissionDenied
    if in_full:
        audit_log.record(request, txn, "seen")
    answer = gateway_lookup.ask(txn) if asks else gateway_lookup.GatewayAnswer()
    rows = timeline.RelatedRows.of(txn)
    open_cancel = _open_cancel(txn, rows)
    context: dict[str, Any] = {
        "title": txn.merchant_uid,
        "txn": txn,
        "status": format_html("{} {}", status_badge(txn), open_cancel_badge(txn)),
        "review": review_badge(txn),
        "review_notes": [
            (moment(note.at), review_notes.note_words(note, in_full=in_full))
            for note in (txn.notes.order_by("pk") if txn.has_notes else ())
        ],
        "amount": won(txn.amount),
        "account_facts": list(_account_facts(txn)),
        "warning": _warning(open_cancel),
        "cancel_is_open": txn.pending_cancel_total > 0,
        "member": columns.member_link(txn.owner),
        "lines": gateway_diff.lines(txn, answer.payment, in_full=in_full),
        "asked": asks,
        "trouble": error_messages.words(answer.trouble) if answer.trouble else "",
        "history": [
            (
                money(record.amount, answer.payment.currency),
                masking.shown(record.reason, in_full=in_full),
            )
            for record in answer.payment.cancel_history
        ]
        if answer.payment
        else [],
        "others": [_other_payment(payment, rows) for payment in answer.others],
        "changes": _changes(txn, answer),
        "cancellations": [
            _cancellation(one, request, in_full) for one in rows.cancellations[: timeline.MOST_ROWS]
        ],
        "events": timeline.events(txn, rows, in_full=in_full),
        "is_cut": rows.are_cut,
        "buttons": registry.buttons(request, PointTransaction, txn),
        "may_ask": request.user.has_perm(permissions.ASK),
        "sync": AskGateway.url(txn),
        "in_full": in_full,
        "may_see_all": not in_full and request.user.has_perm(permissions.PERSONAL_DATA),
        "console": _console(),
    }
    context["differences"] = sum(line.differs for line in context["lines"])
    return admin.page(request, "billing_office/payment_detail.html", context)


def _console() -> str:
    """Where staff look a payment up at the gateway: the sandbox's panel lies beside its script."""
    return urljoin(conf.IAMPORT_SDK_URL, ".") if conf.IAMPORT_MODE == "sandbox" else CONSOLE


def _account_facts(txn: PointTransaction) -> Iterator[tuple[str, str]]:
    """What only we know."""
    yield _("Points of this payment"), points(txn.credited)
    yield _("Member's balance now"), points(txn.owner.balance)
    if txn.pending_cancel_total:
        yield _("Cancelled once the open cancel is done"), won(txn.pending_cancel_total)
    if txn.pending_cancel_total:
        yield _("Can be cancelled now"), _("nothing now, a cancel is open")
    elif txn.is_matched:
        yield _("Can be cancelled now"), won(cancellable_amount(txn))


def _open_cancel(txn: PointTransaction, rows: timeline.RelatedRows) -> PointCancellation | None:
    """Our cancel that has not ended yet."""
    open_cancels = (
        one
        for one in rows.cancellations
        if one.kind == PointCancellation.Kind.CANCEL and one.state in PointCancellation.OPEN
    )
    return next(open_cancels, None) if txn.pending_cancel_total else None


def _warning(open_cancel: PointCancellation | None) -> str:
    """What keeps somebody from giving the same money back twice, by hand."""
    if open_cancel is None:
        return ""
    words = _(
        "Do not cancel it at the console: a cancel of %(amount)s is open (%(state)s), and "
        "would be paid twice."
    )
    return words % {
        "amount": money(open_cancel.amount, open_cancel.currency),
        "state": open_cancel.get_state_display(),
    }


def _changes(txn: PointTransaction, answer: gateway_lookup.GatewayAnswer) -> list[str] | None:
    """What taking all answers over would change; None where one contradicts the row."""
    changes: list[str] = []
    for payment in answer.payments:
        more = gateway_diff.would_change(txn, payment)
        if more is None:
            return None
        changes += more
    return list(dict.fromkeys(changes))


def _other_payment(payment: Payment, rows: timeline.RelatedRows) -> dict[str, Any]:
    """Another payment of the same order: somebody paid twice, or began twice."""
    refund = next(
        (
            one
            for one in rows.cancellations
            if one.kind == PointCancellation.Kind.MISMATCH_REFUND and one.imp_uid == payment.imp_uid
        ),
        None,
    )
    return {
        "payment": payment,
        "amount": money(payment.amount, payment.currency),
        "refund": columns.cancellation_badge(refund) if refund else "",
    }


def _cancellation(
    cancellation: PointCancellation, request: HttpRequest, in_full: bool
) -> dict[str, Any]:
    """A cancel or return as the page shows it."""
    return {
        "row": cancellation,
        "amount": money(cancellation.amount, cancellation.currency),
        "badge": columns.cancellation_badge(cancellation),
        "reason": review_notes.reason_words(cancellation, in_full=in_full),
        "error": review_notes.trouble_of(cancellation, in_full=in_full),
        "buttons": registry.buttons(request, PointCancellation, cancellation),
    }
