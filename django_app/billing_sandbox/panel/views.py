"""The control panel: what the gateway has seen, kept live by panel.js, and buttons to play bank,
console and time.

LoopbackOnly keeps it to this machine. Its forms carry Django's CSRF token.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from billing_sandbox import parsing
from billing_sandbox.engine import clock, due_jobs, payments, tokens, webhook_queue, worker
from billing_sandbox.faults import active_faults
from billing_sandbox.formatting import describe_fault, format_amount, format_time, pay_method_name
from billing_sandbox.models import ApiCall, Delivery, Payment, Status
from billing_sandbox.panel import timeline

NEWEST_PAYMENTS, NEWEST_REST = 100, 30
_UNITS = {"minutes": 60, "hours": 3600, "days": 86400}

# What a button did, shown after it; the address carries only the name.
_DONE = {
    "deposit": gettext_lazy("The deposit has arrived"),
    "approve": gettext_lazy("The payment is approved"),
    "decline": gettext_lazy("The payment is declined"),
    "cancel_part": gettext_lazy("That part is cancelled"),
    "cancel": gettext_lazy("All that remained is cancelled"),
    "webhook": gettext_lazy("The webhook goes out again"),
    "expire_tokens": gettext_lazy("All access tokens have expired"),
    "clock": gettext_lazy("The clock was moved"),
    "lift_faults": gettext_lazy("Nothing goes wrong on purpose any more"),
}


@require_safe
@never_cache
def panel_page(request: HttpRequest) -> HttpResponse:
    """Payments, API calls and webhooks, the newest of each."""
    worker.ensure_running()
    context = {
        "parts": _panel_parts(),
        "live": reverse("sandbox:panel_live"),
        **_shared_context(request),
    }
    return render(request, "sandbox/panel.html", context)


@require_safe
@never_cache
def panel_live(request: HttpRequest) -> JsonResponse:
    """The panel's moving parts, as HTML by name."""
    return JsonResponse({"parts": _panel_parts()})


@require_safe
@never_cache
def payment_page(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """One payment: its facts, what can be done with it, and its story."""
    worker.ensure_running()
    return _payment_page(request, get_object_or_404(Payment, imp_uid=imp_uid))


@require_safe
@never_cache
def payment_page_live(request: HttpRequest, imp_uid: str) -> JsonResponse:
    """The moving parts of the payment's page."""
    return JsonResponse({"parts": _payment_parts(get_object_or_404(Payment, imp_uid=imp_uid))})


@require_POST
def payment_action(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """A button of a payment's page."""
    row = get_object_or_404(Payment, imp_uid=imp_uid)
    verb = _ACTIONS.get(request.POST.get("do", ""))
    address = reverse("sandbox:panel_payment", args=[imp_uid])
    if verb is None:
        return redirect(address)
    try:
        verb(row, request.POST)
    except (payments.WrongState, ValueError) as error:
        row.refresh_from_db()
        why = (
            str(error) if isinstance(error, payments.WrongState) else _("The amount cannot be used")
        )
        return _payment_page(request, row, trouble=why, status=409)
    return redirect(f"{address}?done={request.POST['do']}")


@require_POST
def gateway_action(request: HttpRequest) -> HttpResponse:
    """A button for the whole gateway: tokens, clock, faults. Goes back to the payment that `back`
    names, else to the panel.
    """
    done = request.POST.get("do", "")
    if done == "expire_tokens":
        tokens.expire_all()
    elif done == "lift_faults":
        active_faults.clear()
    elif done == "clock" and not _advance(request.POST):
        done = ""
    back = request.POST.get("back", "")
    place = (
        reverse("sandbox:panel_payment", args=[back])
        if parsing.is_imp_uid(back)
        else reverse("sandbox:panel")
    )
    return redirect(f"{place}?done={done}" if done in _DONE else place)


# -- what is shown ---------------------------------------------------------------------------------


def _shared_context(request: HttpRequest) -> dict[str, Any]:
    return {"done": _DONE.get(request.GET.get("done", "")), "units": _UNITS}


def _faults_part() -> str:
    return render_to_string(
        "sandbox/_faults.html",
        {"faults": [describe_fault(rule) for rule in active_faults.list_active()]},
    )


def _time_part() -> str:
    now, offset = clock.now(), clock.offset()
    ahead = {"days": offset // 86400, "hours": round(offset / 3600)}
    return render_to_string(
        "sandbox/_time.html", {"now": format_time(now, seconds_shown=False), **ahead}
    )


def _panel_parts() -> dict[str, str]:
    now = clock.now()
    shown = {
        "payments": [
            {
                "row": row,
                "amount": format_amount(row.amount, row.currency),
                "cancelled": format_amount(row.cancel_amount, row.currency)
                if row.cancel_amount
                else "",
                "method": pay_method_name(row),
                "started": format_time(row.started_at, now),
            }
            for row in Payment.objects.order_by("-pk")[:NEWEST_PAYMENTS]
        ],
        "calls": [
            {"row": row, "at": format_time(row.created_at, now)}
            for row in ApiCall.objects.order_by("-pk")[:NEWEST_REST]
        ],
        "deliveries": [
            {"row": row, "at": format_time(row.created_at, now)}
            for row in Delivery.objects.order_by("-pk")[:NEWEST_REST]
        ],
    }
    lists = {
        name: render_to_string(f"sandbox/_{name}.html", {name: rows})
        for name, rows in shown.items()
    }
    return {"faults": _faults_part(), "time": _time_part(), **lists}


def _payment_page(
    request: HttpRequest, row: Payment, *, trouble: str = "", status: int = 200
) -> HttpResponse:
    live_at = reverse("sandbox:panel_payment_live", args=[row.imp_uid])
    context = {
        "payment": row,
        "parts": _payment_parts(row),
        "live": live_at,
        "trouble": trouble,
        **_shared_context(request),
    }
    return render(request, "sandbox/payment.html", context, status=status)


def _payment_parts(row: Payment) -> dict[str, str]:
    now = clock.now()
    remaining = payments.cancellable(row) if row.paid_at else Decimal(0)
    waits = row.status == Status.READY
    context = {
        "payment": row,
        "amount": format_amount(row.amount, row.currency),
        "method": pay_method_name(row),
        "cancelled": format_amount(row.cancel_amount, row.currency) if row.cancel_amount else "",
        "remaining": format_amount(remaining, row.currency) if remaining else "",
        "others": Payment.objects.filter(merchant_uid=row.merchant_uid)
        .exclude(pk=row.pk)
        .order_by("pk")[:20],
        "deadline": format_time(row.vbank_date, now, seconds_shown=False) if row.vbank_date else "",
        "can_deposit": waits and row.has_account and not row.vbank_closed,
        "can_approve": row.status == Status.FAILED or (waits and row.pay_method != "vbank"),
        "can_decline": waits and not row.has_account,
    }
    parts = {"facts": "_facts", "actions": "_actions"}
    return {
        "faults": _faults_part(),
        "time": _time_part(),
        **{
            name: render_to_string(f"sandbox/{template}.html", context)
            for name, template in parts.items()
        },
        "story": render_to_string(
            "sandbox/_timeline.html", {"events": timeline.payment_events(row)}
        ),
    }


# -- what the buttons do ---------------------------------------------------------------------------


def _amount(row: Payment, fields: QueryDict, name: str) -> Decimal:
    return parsing.amount(
        fields.get(name, "").strip().replace(",", ""), row.currency, digits_allowed=True
    )


def _deposit(row: Payment, fields: QueryDict) -> None:
    """The whole amount, or what was typed."""
    payments.deposit(
        row.imp_uid,
        amount=_amount(row, fields, "deposit_amount")
        if fields.get("deposit_amount", "").strip()
        else None,
    )


def _cancel_part(row: Payment, fields: QueryDict) -> None:
    payments.cancel(row.imp_uid, amount=_amount(row, fields, "cancel_amount"))


def _resend(row: Payment, fields: QueryDict) -> None:
    if not webhook_queue.resend(row):
        raise payments.WrongState(_("no webhook address is known"))


def _advance(fields: QueryDict) -> bool:
    """Move the clock as asked, and do what has become due. Whether it could be read."""
    number, unit = fields.get("number", ""), _UNITS.get(fields.get("unit", ""))
    if unit is None or not (number.isascii() and number.isdigit() and len(number) <= 5):
        return False
    try:
        clock.advance(int(number) * unit)
    except ValueError:
        return False
    due_jobs.run_due_jobs()
    worker.wake()
    return True


_ACTIONS: dict[str, Callable[[Payment, QueryDict], Any]] = {
    "deposit": _deposit,
    "approve": lambda row, fields: payments.approve(row.imp_uid),
    "decline": lambda row, fields: payments.decline(row.imp_uid),
    "cancel_part": _cancel_part,
    "cancel": lambda row, fields: payments.cancel(row.imp_uid),
    "webhook": _resend,
}
