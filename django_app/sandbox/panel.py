"""The control panel: what the gateway has seen, newest first. LoopbackOnly keeps it to this machine."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sandbox import worker
from sandbox.models import ApiCall, Delivery, Payment
from sandbox.words import moment, money, pay_method

NEWEST = 100


@require_safe
@never_cache
def panel(request: HttpRequest) -> HttpResponse:
    """Payments, API calls and webhooks, the newest hundred of each."""
    worker.ensure_running()
    context = {
        "payments": [
            {
                "row": row,
                "amount": money(row.amount, row.currency),
                "cancelled": money(row.cancel_amount, row.currency) if row.cancel_amount else "",
                "method": pay_method(row),
                "started": moment(row.started_at),
            }
            for row in Payment.objects.order_by("-pk")[:NEWEST]
        ],
        "calls": [{"row": row, "at": moment(row.created_at)} for row in ApiCall.objects.order_by("-pk")[:NEWEST]],
        "deliveries": [{"row": row, "at": moment(row.created_at)} for row in Delivery.objects.order_by("-pk")[:NEWEST]],
    }
    return render(request, "sandbox/panel.html", context)
