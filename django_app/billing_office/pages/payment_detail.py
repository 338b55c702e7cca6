"""The case view: one payment's whole truth on one page. Ours on the left, the gateway's on the
right, the story below, deeds above.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.gateway.payment import Payment
from billing.models import PointCancellation, PointTransaction
from billing.states import Review, Status
from billing_office import audit_log, columns, error_messages, review_notes
from billing_office.base import MoneyAdmin
from billing_office.formatting import (
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
SANDBOX_CONSOLE = "/sandbox/"


@dataclass(frozen=True)
class Deed:
    """A button: words, address; danger: it moves money. fields: it sends these, and the page that
    it leads to asks before it does it.
    """

    words: str
    address: str
    danger: bool = False
    fields: tuple[tuple[str, str], ...] = ()


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
    answer = gateway_diff.ask(txn) if asks else gateway_diff.Answer()
    rows = timeline.Rows.of(txn)
    open_cancel = _open_cancel(txn, rows)
    context: dict[str, Any] = {
        "title": txn.merchant_uid,
        "txn": txn,
        "status": format_html("{} {}", status_badge(txn), open_cancel_badge(txn)),
        "review": review_badge(txn),
        "review_notes": [
            review_notes.shown(line, in_full=in_full) for line in txn.review_note.splitlines()
        ],
        "amount": won(txn.amount),
        "books": list(_books(txn)),
        "warning": _warning(open_cancel),
        "cancel_is_open": txn.pending_cancel_total > 0,
        "member": columns.member_link(txn.owner),
        "lines": gateway_diff.lines(txn, answer.payment, in_full=in_full),
        "asked": asks,
        "trouble": error_messages.words(answer.trouble) if answer.trouble else "",
        "history": [
            (
                money(record.amount, answer.payment.currency),
                review_notes.shown(record.reason, in_full=in_full),
            )
            for record in answer.payment.cancel_history
        ]
        if answer.payment
        else [],
        "others": [_other(payment, rows) for payment in answer.others],
        "changes": _changes(txn, answer),
        "cancellations": [
            _cancellation(one, request, in_full) for one in rows.cancellations[: timeline.MOST]
        ],
        "events": timeline.tell(txn, rows, in_full=in_full),
        "is_cut": rows.are_cut,
        "deeds": list(_deeds(txn, request)),
        "may_ask": request.user.has_perm(permissions.ASK),
        "sync": _url("sync", txn),
        "in_full": in_full,
        "may_see_all": not in_full and request.user.has_perm(permissions.PERSONAL_DATA),
        "console": SANDBOX_CONSOLE if settings.IAMPORT_MODE == "sandbox" else CONSOLE,
    }
    context["differences"] = sum(line.differs for line in context["lines"])
    return admin.page(request, "billing_office/payment_detail.html", context)


def _url(name: str, txn: PointTransaction) -> str:
    return reverse(f"admin:billing_pointtransaction_{name}", args=[txn.pk])


def _books(txn: PointTransaction) -> Iterator[tuple[str, str]]:
    """What only we know."""
    yield _("Points of this payment"), points(txn.credited)
    yield _("Member's balance now"), points(txn.owner.balance)
    if txn.pending_cancel_total:
        yield _("Cancelled once the open cancel is done"), won(txn.pending_cancel_total)
    if txn.pending_cancel_total:
        yield _("Can be cancelled now"), _("nothing now, a cancel is open")
    elif txn.is_matched:
        yield _("Can be cancelled now"), won(can_be_cancelled(txn))


def can_be_cancelled(txn: PointTransaction) -> int:
    """Won that a new cancel could give back: nothing while one is open, whose end may take what is
    left.
    """
    return (
        txn.amount - max(txn.cancel_amount, txn.pending_cancel_total)
        if txn.is_matched and not txn.pending_cancel_total
        else 0
    )


def _open_cancel(txn: PointTransaction, rows: timeline.Rows) -> PointCancellation | None:
    """Our cancel that has not ended yet."""
    found = (
        one
        for one in rows.cancellations
        if one.kind == PointCancellation.Kind.CANCEL and one.state in PointCancellation.OPEN
    )
    return next(found, None) if txn.pending_cancel_total else None


def _warning(one: PointCancellation | None) -> str:
    """What keeps somebody from giving the same money back twice, by hand."""
    if one is None:
        return ""
    words = _(
        "Do not cancel it at the console: a cancel of %(amount)s is open (%(state)s), and "
        "would be paid twice."
    )
    return words % {"amount": money(one.amount, one.currency), "state": one.get_state_display()}


def _changes(txn: PointTransaction, answer: gateway_diff.Answer) -> list[str] | None:
    """What taking all answers over would change; None where one contradicts the row."""
    found: list[str] = []
    for payment in answer.payments:
        changes = gateway_diff.would_change(txn, payment)
        if changes is None:
            return None
        found += changes
    return list(dict.fromkeys(found))


def _other(payment: Payment, rows: timeline.Rows) -> dict[str, Any]:
    """Another payment of the same order: somebody paid twice, or began twice."""
    back = next(
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
        "back": columns.cancellation_badge(back) if back else "",
    }


def _deeds(txn: PointTransaction, request: HttpRequest) -> Iterator[Deed]:
    """What this user may do with the payment as it stands; each is asked again before it is
    done.
    """
    if not request.user.has_perm(permissions.CANCEL):
        return
    if left := can_be_cancelled(txn):
        if txn.review == Review.MEMBER_LEFT:
            sent = (
                ("amount", f"{left:,}"),
                ("remaining", f"{left}"),
                ("rule", "unspent"),
                ("reason", _("The member has left")),
            )
            yield Deed(_("Refund all of it"), _url("cancel", txn), danger=True, fields=sent)
        yield Deed(_("Cancel all or a part"), _url("cancel", txn), danger=True)
    if (
        not txn.is_matched
        and txn.status == Status.READY
        and txn.vbank_num
        and not txn.account_closed_at
    ):
        yield Deed(_("Close the virtual account"), _url("close_account", txn), danger=True)
    if txn.review:
        yield Deed(_("Resolve the review"), _url("resolve", txn))


def _cancellation(one: PointCancellation, request: HttpRequest, in_full: bool) -> dict[str, Any]:
    """A cancel or return as the page shows it."""
    return {
        "row": one,
        "amount": money(one.amount, one.currency),
        "badge": columns.cancellation_badge(one),
        "reason": review_notes.shown(one.reason, in_full=in_full),
        "error": review_notes.shown(one.error, in_full=in_full),
        "deeds": _deeds_of(one, request),
    }


def _deeds_of(one: PointCancellation, request: HttpRequest) -> list[Deed]:
    """What can be done about an open cancel or return."""
    if one.state not in one.OPEN or not request.user.has_perm(permissions.CANCEL):
        return []
    deeds = [
        Deed(
            _("Ask how it ended"), reverse("admin:billing_pointcancellation_finish", args=[one.pk])
        )
    ]
    if one.needs_staff:
        deeds.append(
            Deed(
                _("Decide"),
                reverse("admin:billing_pointcancellation_settle", args=[one.pk]),
                danger=True,
            )
        )
    return deeds
