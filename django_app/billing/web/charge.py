"""The charge page, its terms, and the checkout that opens an attempt."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required, login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.conf import conf
from billing.errors import GatewayError, GatewayPaymentNotFound
from billing.models import Point, PointTransaction
from billing.support.rate_limit import allow
from billing.web.buyer import BuyerHookFailed
from billing.web.forms import (
    CheckoutForm,
    WonField,
    asks_phone,
    pay_methods,
    short_won,
    won,
)
from billing.web.js_messages import (
    charge_texts,
    data_block,
    exchange_words,
    pay_words,
)
from billing.web.json_api import error, gateway_trouble, json_endpoint
from billing.web.page import render_page
from billing.web.payment_page import recent
from billing.web.request_pay import request_pay
from billing.web.requests import login_url, web_deadline


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
        "imp_code": conf.IAMPORT_CODE,
        "sdk_url": conf.IAMPORT_SDK_URL,
        "checkout_url": reverse("billing:checkout"),
        "validation_url": reverse("billing:validation"),
        "payments_url": reverse("billing:payments"),
        "complete_url": reverse("billing:complete"),
        "login_url": login_url(),
        "min": conf.BILLING_MIN_AMOUNT,
        "max": conf.BILLING_MAX_AMOUNT,
        "step": conf.BILLING_AMOUNT_STEP,
        "no_phone": [name for name in methods if not asks_phone(name)],
        "texts": texts,
    }
    context = {
        "balance": balance,
        "recent": recent(request.user),
        "limits": {"min": config["min"], "max": config["max"], "step": config["step"]},
        "presets": [
            {"value": f"{amount:d}", "text": f"+{short_won(amount)}"}
            for amount in conf.BILLING_PRESETS
        ],
        "methods": methods,
        "pay_method": method,
        "amount": won(amount) if amount else "",
        # As the script says it too; from here, so that nothing moves while the page loads.
        "method_help": texts.get(f"method_{method}", ""),
        "exchange": exchange_words(texts, amount, method),
        "pay_label": pay_words(texts, amount, method),
        "after": balance + amount,
        "ask_phone": conf.BILLING_ASK_PHONE,
        "phone_hidden": not asks_phone(method),
        "phone": request.session.get("buyer_tel", ""),
        "config": config,
        "config_block": data_block(config, "charge-config"),
    }
    return render_page(request, "billing/charge.html", context)


def _wanted_amount(request: HttpRequest) -> int:
    """The amount of the address in won; 0 where it is none that may be charged."""
    try:
        return WonField().clean(request.GET.get("amount", ""))
    except ValidationError:
        return 0


@login_not_required
@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """What a purchase of points means, and how it is refunded. A project replaces the template."""
    context = {
        "min_amount": conf.BILLING_MIN_AMOUNT,
        "max_amount": conf.BILLING_MAX_AMOUNT,
        "self_cancel_days": conf.BILLING_SELF_CANCEL_DAYS,
        "methods": [name for _method, name in pay_methods()],
    }
    return render_page(request, "billing/terms.html", context)


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
        f"checkout-{request.user.pk}", at_most=conf.BILLING_CHECKOUTS_PER_MINUTE, seconds=60
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
        txn = PointTransaction.objects.start(user=request.user, deadline=web_deadline(), **wanted)
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
