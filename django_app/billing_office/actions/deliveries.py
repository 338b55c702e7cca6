"""One delivery: what came in, what became of it, and playing it again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.db.routing import write_alias
from billing.errors import GatewayError, GatewayPaymentNotFound, UnmatchedPaymentError
from billing.gateway.api import Deadline
from billing.models import PointTransaction, WebhookEvent
from billing.webhooks import intake
from billing_office import audit_log, columns, masking, review_notes
from billing_office.base import MoneyAdmin
from billing_office.formatting import choice_badge, moment
from billing_office.pages import gateway_diff


def show(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page; ?full=1 shows what was written in full, to those who may, and notes that they
    looked.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    event: WebhookEvent = admin.row(request, object_id)
    may_see_all = request.user.has_perm(permissions.PERSONAL_DATA)
    in_full = request.GET.get("full") == "1"
    if in_full and not may_see_all:
        raise PermissionDenied
    if in_full:
        audit_log.record(request, event, "seen")
    txn = PointTransaction.objects.filter(merchant_uid=event.merchant_uid).first()
    context = {
        "title": _("Delivery %(number)s") % {"number": event.pk},
        "facts": [
            (_("Order number"), event.merchant_uid),
            (_("Payment number"), event.imp_uid),
            (_("Door"), event.get_source_display()),
            (_("Sender"), columns.sender_address(event)),
            (_("Says (never believed)"), event.claimed_status),
            (_("Cancel number"), event.cancellation_id),
            (_("Arrived"), moment(event.received_at)),
            (_("Outcome"), choice_badge(event.outcome, event.get_outcome_display())),
            (_("Tries"), event.tries),
            (_("Remark"), review_notes.shown(event.error, in_full=in_full)),
            (_("Handled"), moment(event.handled_at)),
            (_("Next try"), moment(event.next_try_at)),
        ],
        "body": event.body
        if in_full
        else masking.free_text(event.body, keep=(event.imp_uid, event.merchant_uid)),
        "may_see_all": may_see_all and not in_full,
        "case": columns.payment_url(txn.pk) if txn else "",
        "replay": reverse("admin:billing_webhookevent_replay", args=[event.pk])
        if request.user.has_perm(permissions.ASK)
        else "",
        "staff": audit_log.lines(event, in_full=in_full),
    }
    return admin.page(request, "billing_office/delivery.html", context)


def replay(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Do once more what the delivery asks for: fetch the payment from the gateway, and apply what
    it says.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    event: WebhookEvent = admin.row(request, object_id, permission=permissions.ASK)
    result = _again(event)
    txn = PointTransaction.objects.filter(merchant_uid=event.merchant_uid).first()
    audit_log.record(request, event, "replay", result=result)
    if txn is not None:
        audit_log.record(request, txn, "replay", result=result)
    messages.add_message(request, *_told(result))
    return HttpResponseRedirect(columns.delivery_url(event.pk))


def _again(event: WebhookEvent) -> str:
    """done, ignored, pending, dead or failed. A delivery that was closed before stays as it is; its
    payment is fetched all the same.
    """
    if event.outcome == WebhookEvent.Outcome.PENDING:
        intake.try_again(event, deadline=Deadline(gateway_diff.ASK_SECONDS))
        event.refresh_from_db(using=write_alias(WebhookEvent))
        return event.outcome
    try:
        PointTransaction.objects.sync(event.imp_uid, deadline=Deadline(gateway_diff.ASK_SECONDS))
    except (UnmatchedPaymentError, GatewayPaymentNotFound):
        return "ignored"
    except GatewayError:
        return "failed"
    return "done"


def _told(result: str) -> tuple[int, Any]:
    if result == "done":
        return messages.SUCCESS, _(
            "Replayed: the gateway was asked, and the transaction is as it says."
        )
    if result == "ignored":
        return messages.INFO, _(
            "Replayed and ignored: no transaction of ours, or a payment that the gateway does "
            "not know."
        )
    if result == "pending":
        return messages.WARNING, _(
            "The gateway gave no usable answer. The delivery stays pending, and reconcile "
            "tries it again."
        )
    return messages.ERROR, _("The gateway gave no usable answer. Please try again shortly.")
