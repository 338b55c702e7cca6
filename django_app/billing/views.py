"""Pages and doors. They read the request, call one manager verb, and answer; no rule of money is here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing import shared_cache, webhooks
from billing.addresses import client_address
from billing.answers import error, for_scripts, gateway_trouble, payment_url, row
from billing.checkout import request_pay
from billing.errors import GatewayError, NotAnId, PaymentNotFound, UnknownPayment
from billing.forms import CheckoutForm, ValidationForm, is_merchant_uid, pay_methods
from billing.iamport import Deadline
from billing.models import Point, PointTransaction
from billing.notices import Unreadable, parse
from billing.payment import check_imp_uid
from billing.standing import standing
from billing.states import Return
from billing.texts import charge_texts, payment_texts
from billing.throttle import allow

ASK_EVERY = 5  # seconds: status asks the gateway about one open row at most that often


def _door() -> Deadline:
    return Deadline(settings.BILLING_DOOR_SECONDS)


# -- pages ----------------------------------------------------------------------------------------------------------------------


@never_cache
@require_safe
@login_required
def charge(request: HttpRequest) -> HttpResponse:
    """The charge page."""
    limits = {
        "min_amount": settings.BILLING_MIN_AMOUNT,
        "max_amount": settings.BILLING_MAX_AMOUNT,
        "amount_step": settings.BILLING_AMOUNT_STEP,
        "presets": settings.BILLING_PRESETS,
    }
    page = reverse("billing:charge")
    config = {
        "imp_code": settings.IAMPORT_CODE,
        "checkout_url": reverse("billing:checkout"),
        "validation_url": reverse("billing:validation"),
        "payments_url": reverse("billing:payments"),
        "complete_url": reverse("billing:complete"),
        "login_url": f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': page})}",
        "texts": charge_texts(),
    }
    context = {
        "balance": Point.objects.balance_of(request.user),
        "methods": [{"value": value, "label": label} for value, label in pay_methods()],
        "ask_phone": settings.BILLING_ASK_PHONE,
        "phone": request.session.get("buyer_tel", ""),
        "sdk_url": settings.IAMPORT_SDK_URL,
        "config": config,
        **limits,
    }
    return render(request, "billing/charge.html", context)


@never_cache
@require_safe
@login_required
def payment(request: HttpRequest, merchant_uid: str) -> HttpResponse:
    """One own payment."""
    txn = get_object_or_404(_own(request), merchant_uid=merchant_uid)
    state = standing(txn)
    context = {
        "txn": txn,
        "state": state.name,
        "message": state.message,
        "method_label": txn.method_label,
        "balance": txn.owner.balance,
        "config": {"status_url": reverse("billing:status", args=[merchant_uid]), "poll": state.is_open, "texts": payment_texts()},
    }
    return render(request, "billing/payment.html", context)


def _own(request: HttpRequest) -> Any:
    """The member's own rows; whatever belongs to somebody else does not exist."""
    return PointTransaction.objects.filter(owner_id=request.user.pk).select_related("owner")


# -- the page's script ----------------------------------------------------------------------------------------------------------


@for_scripts("POST")
def checkout(request: HttpRequest) -> HttpResponse:
    """Open an attempt and answer what to call IMP.request_pay with. Every accepted call is a new attempt."""
    form = CheckoutForm(request.POST)
    if not form.is_valid():
        fields = {name: [str(text) for text in errors] for name, errors in form.errors.items()}
        return error("bad_input", message=next(iter(fields.values()))[0], fields=fields)
    if not allow(f"checkout-{request.user.pk}", at_most=settings.BILLING_CHECKOUTS_PER_MINUTE, seconds=60):
        return error("too_many", headers={"Retry-After": "60"})
    if form.cleaned_data["buyer_tel"] != request.session.get("buyer_tel", ""):
        request.session["buyer_tel"] = form.cleaned_data["buyer_tel"]
    try:
        txn = PointTransaction.objects.start(
            user=request.user, amount=form.cleaned_data["amount"], pay_method=form.cleaned_data["pay_method"], deadline=_door()
        )
    except GatewayError as trouble:
        return error("gateway_refused") if isinstance(trouble, PaymentNotFound) else gateway_trouble(trouble)
    return JsonResponse({"merchant_uid": txn.merchant_uid, "request_pay": request_pay(txn, request)}, status=201)


@for_scripts("POST")
def validation(request: HttpRequest) -> HttpResponse:
    """The page says that the gateway's window closed with these ids; the gateway says what happened."""
    form = ValidationForm(request.POST)
    if not form.is_valid():
        return error("bad_input", message=str(next(iter(form.errors.values()))[0]))
    imp_uid, merchant_uid = form.cleaned_data["imp_uid"], form.cleaned_data["merchant_uid"]
    if not is_merchant_uid(merchant_uid) or not _own(request).filter(merchant_uid=merchant_uid).exists():
        return error("not_found")
    if not allow(f"validation-{request.user.pk}", at_most=settings.BILLING_VALIDATIONS_PER_MINUTE, seconds=60):
        return error("too_many", headers={"Retry-After": "30"})
    try:
        applied = PointTransaction.objects.sync(imp_uid, deadline=_door())
    except UnknownPayment:
        return error("ids_do_not_match")
    except GatewayError as trouble:
        return gateway_trouble(trouble)
    if applied.txn.merchant_uid != merchant_uid:
        return error("ids_do_not_match")
    if isinstance(applied.decision, Return):
        return error("wrong_money", message=standing(applied.txn).message, next=payment_url(applied.txn))
    return row(applied.txn)


@for_scripts("GET")
def status(request: HttpRequest, merchant_uid: str) -> HttpResponse:
    """Where an own payment stands. While nothing is decided the gateway is asked too, at most once in ASK_EVERY seconds."""
    txn = _own(request).filter(merchant_uid=merchant_uid).first()
    if txn is None:
        return error("not_found")
    if not txn.is_bound and txn.next_check_at and shared_cache.first(f"billing-asked-{merchant_uid}", seconds=ASK_EVERY):
        try:
            for applied in PointTransaction.objects.sync_order(merchant_uid, deadline=_door()):
                txn = applied.txn
        except PaymentNotFound:
            pass  # the payer has not begun, or the window never opened
        except GatewayError as trouble:
            return gateway_trouble(trouble)
    return row(txn)


# -- open doors -----------------------------------------------------------------------------------------------------------------


@never_cache
@require_safe
def complete(request: HttpRequest) -> HttpResponse:
    """A phone comes back from the gateway. What the address claims is not believed: sync, then the payment's page tells the truth.

    A payer whose session has ended is credited all the same, logs in and lands on that page. Everybody is sent to the same page, whether
    such a payment exists or not: it asks for a login, and to anybody but the payer it is a 404. (How long the answer takes does tell, but
    only who knows the 128 random bits of a merchant_uid can ask.) HEAD is no payer coming back, so it asks nobody.
    """
    merchant_uid = request.GET.get("merchant_uid", "")
    if not is_merchant_uid(merchant_uid):
        return redirect("billing:charge")
    try:
        imp_uid = check_imp_uid(request.GET.get("imp_uid"))
    except NotAnId:
        imp_uid = ""  # refused before it began: the gateway gave no number
    if imp_uid and request.method == "GET":
        # Trouble is no verdict: the event stays pending, the page says "checking" and goes on asking, never a false "failed".
        webhooks.come_back(imp_uid, merchant_uid, request)
    return redirect("billing:payment", merchant_uid)


@csrf_exempt  # the gateway has no token of ours; nothing it says is believed
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """The gateway's notice: 200 handled or nothing to do, 400 unreadable, 429 too much of that, 403 not a sender, 503 deliver again."""
    sender = client_address(request)
    if not webhooks.may_deliver(sender):
        response = _plain("not the gateway", 403)
        log_response("webhook refused: %s is not in BILLING_WEBHOOK_ADDRESSES", sender, response=response, request=request)
        return response
    try:
        notice = parse(request)
    except Unreadable:
        if webhooks.bear_rubbish(sender):
            return _plain("unreadable", 400)
        return _plain("too many unreadable deliveries", 429, **{"Retry-After": "60"})
    if webhooks.receive(notice, request):
        return _plain("ok", 200)
    return _plain("try again", 503, **{"Retry-After": "60"})


def _plain(words: str, status: int, **headers: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", content_type="text/plain", status=status, headers=headers)
