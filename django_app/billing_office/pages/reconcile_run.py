"""One run of a scheduled job: what it came to, and the payments it found that no row knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import PointTransaction, ReconcileRun
from billing.states import Status
from billing_office import columns, masking
from billing_office.actions.claim_payment import ClaimPayment
from billing_office.base import MoneyAdmin
from billing_office.formatting import NOTHING, choice_badge, moment
from billing_office.listing import Column

STATUS = dict(Status.choices)


def show(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    run: ReconcileRun = admin.row(request, object_id)
    result = run.result if isinstance(run.result, dict) else {}
    unknown = result.get("unknown") or {}
    payments = unknown.get("payments") or []
    listed = [*COLUMNS, Column(_("What can be done"), _next_step(request, payments))]
    context = {
        "title": _("Run %(number)s") % {"number": run.pk},
        "facts": [
            (_("Job"), run.name),
            (_("Began"), moment(run.started)),
            (_("Ended"), moment(run.finished)),
            (_("Seen up to"), moment(run.watermark)),
            (_("Result"), columns.run_result(result)),
            (_("Did not come to its end"), result.get("stopped")),
        ],
        "columns": listed,
        "unknown": [[(column, column.cell(payment)) for column in listed] for payment in payments],
        "elsewhere": max(unknown.get("count", 0) - len(payments), 0),
        "troubles": [
            masking.shown(line)
            for line in [*(result.get("troubles") or []), *(result.get("notes") or [])]
        ],
    }
    return admin.page(request, "billing_office/reconcile_run.html", context)


COLUMNS = [
    Column(gettext_lazy("Payment number (imp_uid)"), lambda payment: payment["imp_uid"]),
    Column(gettext_lazy("Order number (merchant_uid)"), lambda payment: payment["merchant_uid"]),
    Column(
        gettext_lazy("Amount"),
        lambda payment: f"{payment['amount']} {payment.get('currency', '')}".strip(),
        numeric=True,
    ),
    Column(
        gettext_lazy("Status"),
        lambda payment: choice_badge(
            payment["status"], STATUS.get(payment["status"], payment["status"])
        ),
    ),
]


def _next_step(request: HttpRequest, payments: Sequence[dict[str, Any]]) -> Any:
    """payment → a link: to its page where a row knows it by now, to claiming it for those who may.
    One statement for all.
    """
    orders = {payment["merchant_uid"] for payment in payments}
    keys_by_order = dict(
        PointTransaction.objects.filter(merchant_uid__in=orders).values_list("merchant_uid", "pk")
    )
    may_claim = request.user.has_perm(ClaimPayment.permission)

    def cell(payment: dict[str, Any]) -> Any:
        if payment["merchant_uid"] in keys_by_order:
            return format_html(
                '<a class="bo-link" href="{}">{}</a>',
                columns.payment_url(keys_by_order[payment["merchant_uid"]]),
                _("The payment"),
            )
        if not may_claim:
            return NOTHING
        return format_html(
            '<a class="bo-link" href="{}">{}</a>',
            ClaimPayment.url_for(payment["imp_uid"]),
            _("Adopt"),
        )

    return cell
