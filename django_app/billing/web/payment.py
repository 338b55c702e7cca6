"""One payment: its page, and what the pages' scripts ask about it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.conf import conf
from billing.errors import GatewayError, GatewayPaymentNotFound, UnmatchedPaymentError
from billing.models import PointTransaction
from billing.states import RefundMismatch
from billing.support import safe_cache
from billing.support.rate_limit import allow
from billing.web.display_status import DisplayStatus, display_status
from billing.web.forms import (
    ValidationForm,
    is_merchant_uid,
)
from billing.web.js_messages import (
    data_block,
    payment_texts,
)
from billing.web.json_api import error, gateway_trouble, json_endpoint, payment_json, payment_url
from billing.web.page import render_page
from billing.web.payment_page import arrival_words, left_words, payment_page
from billing.web.requests import login_url, own_transactions, web_deadline

ASK_EVERY = 5  # seconds: status asks the gateway about one open row at most that often


@never_cache
@require_safe
@login_required
def payment(request: HttpRequest, merchant_uid: str) -> HttpResponse:
    """One own payment."""
    txn = get_object_or_404(
        own_transactions(request).prefetch_related("cancellations"), merchant_uid=merchant_uid
    )
    page = payment_page(txn)
    display = page.display
    config = {
        "status_url": reverse("billing:status", args=[merchant_uid]),
        "cancel_url": reverse("billing:cancel", args=[merchant_uid]),
        "login_url": f"{login_url()}?{urlencode({'next': request.path})}",
        "texts": payment_texts(),
    }
    # What the page shows now, and so what would be news: replaced together with the page's content.
    shown = {
        "poll": display.is_open,
        "words": display.words,
        "status": txn.status,
        "cancel_amount": txn.cancel_amount,
        "left": page.left,
    }
    again = urlencode({"amount": txn.amount, "pay_method": txn.pay_method})
    context = {
        "txn": txn,
        "page": page,
        "state": display.status,
        "DisplayStatus": DisplayStatus,
        "left_words": left_words(page.left) if page.left is not None else "",
        "balance": txn.owner.balance,
        "arrival": arrival_words(txn.paid_method or txn.pay_method),
        "after_refund": txn.owner.balance - (page.offer.amount if page.offer else 0),
        "again_url": f"{reverse('billing:charge')}?{again}",
        "config": config,
        "config_block": data_block(config, "payment-config"),
        "shown_block": data_block(shown, "shown"),
    }
    return render_page(request, "billing/payment.html", context)


@json_endpoint("POST")
def validation(request: HttpRequest) -> HttpResponse:
    """The page says that the gateway's window closed with these ids; the gateway says what
    happened.
    """
    form = ValidationForm(request.POST)
    if not form.is_valid():
        return error("bad_input", message=str(next(iter(form.errors.values()))[0]))
    imp_uid, merchant_uid = form.cleaned_data["imp_uid"], form.cleaned_data["merchant_uid"]
    if (
        not is_merchant_uid(merchant_uid)
        or not own_transactions(request).filter(merchant_uid=merchant_uid).exists()
    ):
        return error("not_found")
    if not allow(
        f"validation-{request.user.pk}", at_most=conf.BILLING_VALIDATIONS_PER_MINUTE, seconds=60
    ):
        return error("too_many", headers={"Retry-After": "30"})
    try:
        applied = PointTransaction.objects.sync(imp_uid, deadline=web_deadline())
    except UnmatchedPaymentError:
        return error("ids_do_not_match")
    except GatewayError as trouble:
        return gateway_trouble(trouble)
    if applied.txn.merchant_uid != merchant_uid:
        return error("ids_do_not_match")
    if isinstance(applied.decision, RefundMismatch):
        return error(
            "wrong_money", message=display_status(applied.txn).words, next=payment_url(applied.txn)
        )
    return payment_json(applied.txn)


@json_endpoint("GET")
def status(request: HttpRequest, merchant_uid: str) -> HttpResponse:
    """Where an own payment stands. While nothing is decided, or a refund of it is open, the gateway
    is asked too, at most once in ASK_EVERY seconds; what it proves is taken over, but nothing is
    sent. `?ask=0`: never; our own row only.
    """
    if request.GET.get("ask", "1") not in ("0", "1"):
        return error("bad_input")
    txn = own_transactions(request).filter(merchant_uid=merchant_uid).first()
    if txn is None:
        return error("not_found")
    is_open = txn.pending_cancel_total if txn.is_matched else txn.next_check_at
    if (
        is_open
        and request.GET.get("ask") != "0"
        and safe_cache.add(f"billing-asked-{merchant_uid}", seconds=ASK_EVERY)
    ):
        try:
            txn = _asked(request, txn)
        except GatewayPaymentNotFound:
            pass  # the payer has not begun, or the window never opened
        except GatewayError as trouble:
            return gateway_trouble(trouble)
    return payment_json(txn)


def _asked(request: HttpRequest, txn: PointTransaction) -> PointTransaction:
    """The row after the gateway was asked about it. Raises GatewayError."""
    rows = PointTransaction.objects
    if txn.is_matched:
        looked = rows.look_after_cancel(txn, deadline=web_deadline())
        return own_transactions(request).get(pk=txn.pk) if looked else txn
    for applied in rows.sync_order(txn.merchant_uid, deadline=web_deadline()):
        txn = applied.txn
    return txn
