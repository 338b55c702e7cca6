"""The page of one delivery: what came in, and what became of it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.models import PointTransaction, WebhookEvent
from billing_office import audit_log, columns, masking, review_notes
from billing_office.actions.replay_delivery import ReplayDelivery
from billing_office.base import MoneyAdmin
from billing_office.formatting import choice_badge, moment
from billing_office.pages import staff_history


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
            (_("Remark"), review_notes.trouble_of(event, in_full=in_full)),
            (_("Handled"), moment(event.handled_at)),
            (_("Next try"), moment(event.next_try_at)),
        ],
        "body": event.body
        if in_full
        else masking.free_text(event.body, keep=(event.imp_uid, event.merchant_uid)),
        "may_see_all": may_see_all and not in_full,
        "payment_url": columns.payment_url(txn.pk) if txn else "",
        "replay": ReplayDelivery.url(event)
        if request.user.has_perm(ReplayDelivery.permission)
        else "",
        "staff": staff_history.lines(event, in_full=in_full),
    }
    return admin.page(request, "billing_office/delivery.html", context)
