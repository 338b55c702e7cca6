"""Pages and doors. They read the request, call one manager verb, and answer; no rule of money is
here.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing.db.routing import primary
from billing.errors import GatewayError, GatewayPaymentNotFound, InvalidId, UnmatchedPaymentError
from billing.gateway.api import Deadline
from billing.gateway.payment import check_imp_uid
from billing.models import Point, PointTransaction
from billing.states import RefundMismatch
from billing.support import safe_cache
from billing.support.client_ip import client_address
from billing.support.rate_limit import allow
from billing.web.buyer import BuyerHookFailed
from billing.web.display_status import standing
from billing.web.forms import (
    CheckoutForm,
    ValidationForm,
    WonField,
    asks_phone,
    is_merchant_uid,
    pay_methods,
    short_won,
    won,
)
from billing.web.js_messages import (
    charge_texts,
    data_block,
    exchange_words,
    pay_words,
    payment_texts,
)
from billing.web.json_api import error, gateway_trouble, json_endpoint, payment_url, row
from billing.web.payment_page import arrival_words, left_words, outcome, recent
from billing.web.request_pay import request_pay
from billing.webhooks import intake
from billing.webhooks.payload import Unreadable, parse

ASK_EVERY = 5  # seconds: status asks the gateway about one open row at most that often


def _door() -> Deadline:
    return Deadline(settings.BILLING_DOOR_SECONDS)


# -- pages -----------------------------------------------------------------------------------------


@never_cache
@require_safe
@login_required
def charge(request: HttpRequest) -> HttpResponse:
    """The charge page. `?amount=…&pay_method=…` fills it in: after a login, after a payment that
    failed, from a link of the project.
    """
    balance = Point.objects.balance_of(request.user)
    methods = dict(pay_methods())
    wanted = request.GET.get("pay_method", "")
    method = wanted if wanted in methods else next(iter(methods), "")
    amount = _wanted_amount(request)
    texts = charge_texts()
    config = {
        "imp_code": settings.IAMPORT_CODE,
        "sdk_url": settings.IAMPORT_SDK_URL,
        "checkout_url": reverse("billing:checkout"),
        "validation_url": reverse("billing:validation"),
        "payments_url": reverse("billing:payments"),
        "complete_url": reverse("billing:complete"),
        "login_url": resolve_url(settings.LOGIN_URL),
        "min": settings.BILLING_MIN_AMOUNT,
        "max": settings.BILLING_MAX_AMOUNT,
        "step": settings.BILLING_AMOUNT_STEP,
        "no_phone": [name for name in methods if not asks_phone(name)],
        "texts": texts,
    }
    context = {
        "balance": balance,
        "recent": recent(request.user),
        "limits": {"min": config["min"], "max": config["max"], "step": config["step"]},
        "presets": [
            {"value": f"{amount:d}", "text": f"+{short_won(amount)}"}
            for amount in settings.BILLING_PRESETS
        ],
        "methods": methods,
        "pay_method": method,
        "amount": won(amount) if amount else "",
        # As the script says it too; from here, so that nothing moves while the page loads.
        "method_help": texts.get(f"method_{method}", ""),
        "exchange": exchange_words(texts, amount, method),
        "pay_label": pay_words(texts, amount, method),
        "after": balance + amount,
        "ask_phone": settings.BILLING_ASK_PHONE,
        "phone_hidden": not asks_phone(method),
        "phone": request.session.get("buyer_tel", ""),
        "config": config,
        "config_block": data_block(config, "charge-config"),
    }
    return render(request, "billing/charge.html", context)


def _wanted_amount(request: HttpRequest) -> int:
    """The amount of the address in won; 0 where it is none that may be charged."""
    try:
        return WonField().clean(request.GET.get("amount", ""))
    except ValidationError:
        return 0


@never_cache
@require_safe
@login_required
def payment(request: HttpRequest, merchant_uid: str) -> HttpResponse:
    """One own payment."""
    txn = get_object_or_404(
        _own(request).prefetch_related("cancellations"), merchant_uid=merchant_uid
    )
    found = outcome(txn)
    config = {
        "status_url": reverse("billing:status", args=[merchant_uid]),
        "cancel_url": reverse("billing:cancel", args=[merchant_uid]),
        "login_url": f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': request.path})}",
        "texts": payment_texts(),
    }
    # What the page shows now, and so what would be news: replaced together with the page's content.
    shown = {
        "poll": found.state.is_open,
        "words": found.state.words,
        "status": txn.status,
        "cancel_amount": txn.cancel_amount,
        "left": found.left,
    }
    again = urlencode({"amount": txn.amount, "pay_method": txn.pay_method})
    context = {
        "txn": txn,
        "outcome": found,
        "state": found.state.name,
        "left_words": left_words(found.left) if found.left is not None else "",
        "balance": txn.owner.balance,
        "arrival": arrival_words(txn.paid_method or txn.pay_method),
        "after_refund": txn.owner.balance - (found.offer.amount if found.offer else 0),
        "again_url": f"{reverse('billing:charge')}?{again}",
        "config": config,
        "config_block": data_block(config, "payment-config"),
        "shown_block": data_block(shown, "shown"),
    }
    return render(request, "billing/payment.html", context)


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """What a purchase of points means, and how it is refunded. A project replaces the template."""
    context = {
        "min_amount": settings.BILLING_MIN_AMOUNT,
        "max_amount": settings.BILLING_MAX_AMOUNT,
        "self_cancel_days": settings.BILLING_SELF_CANCEL_DAYS,
        "methods": [name for _method, name in pay_methods()],
    }
    return render(request, "billing/terms.html", context)


def _own(request: HttpRequest) -> Any:
    """The member's own rows; whatever belongs to somebody else does not exist."""
    return primary(PointTransaction).filter(owner_id=request.user.pk).select_related("owner")


# -- the page's script -----------------------------------------------------------------------------


@json_endpoint("POST")
def checkout(request: HttpRequest) -> HttpResponse:
    """Open an attempt and answer what to call IMP.request_pay with. Every accepted call is a new
    attempt.
    """
    form = CheckoutForm(request.POST)
    if not form.is_valid():
        fields = {name: [str(text) for text in errors] for name, errors in form.errors.items()}
        return error("bad_input", message=next(iter(fields.values()))[0], fields=fields)
    if not allow(
        f"checkout-{request.user.pk}", at_most=settings.BILLING_CHECKOUTS_PER_MINUTE, seconds=60
    ):
        return error("too_many", headers={"Retry-After": "60"})
    phone = form.cleaned_data["buyer_tel"]
    if phone is not None and phone != request.session.get("buyer_tel", ""):
        request.session["buyer_tel"] = phone
    wanted = {"amount": form.cleaned_data["amount"], "pay_method": form.cleaned_data["pay_method"]}
    try:
        # First whatever can fail on our side: an attempt that was counted and registered must reach
        # the page.
        params = request_pay(PointTransaction(**wanted), request)
    except BuyerHookFailed:
        return error("unavailable", headers={"Retry-After": "60"})
    try:
        txn = PointTransaction.objects.start(user=request.user, deadline=_door(), **wanted)
    except GatewayError as trouble:
        return (
            error("gateway_refused")
            if isinstance(trouble, GatewayPaymentNotFound)
            else gateway_trouble(trouble)
        )
    return JsonResponse(
        {
            "merchant_uid": txn.merchant_uid,
            "request_pay": {**params, "merchant_uid": txn.merchant_uid},
        },
        status=201,
    )


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
        or not _own(request).filter(merchant_uid=merchant_uid).exists()
    ):
        return error("not_found")
    if not allow(
        f"validation-{request.user.pk}", at_most=settings.BILLING_VALIDATIONS_PER_MINUTE, seconds=60
    ):
        return error("too_many", headers={"Retry-After": "30"})
    try:
        applied = PointTransaction.objects.sync(imp_uid, deadline=_door())
    except UnmatchedPaymentError:
        return error("ids_do_not_match")
    except GatewayError as trouble:
        return gateway_trouble(trouble)
    if applied.txn.merchant_uid != merchant_uid:
        return error("ids_do_not_match")
    if isinstance(applied.decision, RefundMismatch):
        return error(
            "wrong_money", message=standing(applied.txn).words, next=payment_url(applied.txn)
        )
    return row(applied.txn)


@json_endpoint("GET")
def status(request: HttpRequest, merchant_uid: str) -> HttpResponse:
    """Where an own payment stands. While nothing is decided, or a refund of it is open, the gateway
    is asked too, at most once in ASK_EVERY seconds; what it proves is taken over, but nothing is
    sent. `?ask=0`: never; our own row only.
    """
    if request.GET.get("ask", "1") not in ("0", "1"):
        return error("bad_input")
    txn = _own(request).filter(merchant_uid=merchant_uid).first()
    if txn is None:
        return error("not_found")
    is_open = txn.pending_cancel_total if txn.is_matched else txn.next_check_at
    if (
        is_open
        and request.GET.get("ask") != "0"
        and safe_cache.first(f"billing-asked-{merchant_uid}", seconds=ASK_EVERY)
    ):
        try:
            txn = _asked(request, txn)
        except GatewayPaymentNotFound:
            pass  # the payer has not begun, or the window never opened
        except GatewayError as trouble:
            return gateway_trouble(trouble)
    return row(txn)


def _asked(request: HttpRequest, txn: PointTransaction) -> PointTransaction:
    """The row after the gateway was asked about it. Raises GatewayError."""
    rows = PointTransaction.objects
    if txn.is_matched:
        looked = rows.look_after_cancel(txn, deadline=_door())
        return _own(request).get(pk=txn.pk) if looked else txn
    for applied in rows.sync_order(txn.merchant_uid, deadline=_door()):
        txn = applied.txn
    return txn


# -- open doors ------------------------------------------------------------------------------------


@never_cache
@require_safe
def complete(request: HttpRequest) -> HttpResponse:
    """A phone comes back from the gateway. What the address claims is not believed: sync, then the
    payment's page tells the truth.

    A payer whose session has ended is credited all the same, logs in and lands on that page.
    Everybody is sent to the same page, whether such a payment exists or not: it asks for a login,
    and to anybody but the payer it is a 404. (How long the answer takes does tell, but only who
    knows the 128 random bits of a merchant_uid can ask.) HEAD is no payer coming back, so it asks
    nobody.
    """
    merchant_uid = request.GET.get("merchant_uid", "")
    if not is_merchant_uid(merchant_uid):
        return redirect("billing:charge")
    try:
        imp_uid = check_imp_uid(request.GET.get("imp_uid"))
    except InvalidId:
        imp_uid = ""  # refused before it began: the gateway gave no number
    if imp_uid and request.method == "GET":
        # Trouble is no verdict: the event stays pending, the page says "checking" and goes on
        # asking, never a false "failed".
        intake.handle_browser_return(imp_uid, merchant_uid, client_address(request))
    return redirect("billing:payment", merchant_uid)


@csrf_exempt  # the gateway has no token of ours; nothing it says is believed
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """The gateway's notice: 200 handled or nothing to do, 400 unreadable, 429 too much of that, 403
    not a sender, 503 deliver again.
    """
    sender = client_address(request)
    if not intake.may_deliver(sender):
        response = _plain("not the gateway", 403)
        log_response(
            "webhook refused: %s is not in BILLING_WEBHOOK_ADDRESSES",
            sender,
            response=response,
            request=request,
        )
        return response
    try:
        notice = parse(request)
    except Unreadable:
        if intake.allow_invalid_delivery(sender):
            return _plain("unreadable", 400)
        return _plain("too many unreadable deliveries", 429, **{"Retry-After": "60"})
    if intake.receive(notice, sender):
        return _plain("ok", 200)
    return _plain("try again", 503, **{"Retry-After": "60"})


def _plain(words: str, status: int, **headers: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", content_type="text/plain", status=status, headers=headers)
