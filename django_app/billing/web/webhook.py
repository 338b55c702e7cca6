"""Entry points that anybody may call: the webhook, and a phone that comes back from the gateway."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing.errors import InvalidId
from billing.gateway.payment import check_imp_uid
from billing.support.client_ip import client_ip
from billing.web.forms import (
    is_merchant_uid,
)
from billing.webhooks import intake
from billing.webhooks.payload import InvalidPayload, parse_payload


@login_not_required
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
        intake.handle_browser_return(imp_uid, merchant_uid, client_ip(request))
    return redirect("billing:payment", merchant_uid)


@login_not_required
@csrf_exempt  # the gateway has no token of ours; nothing it says is believed
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """The gateway's webhook: 200 handled or nothing to do, 400 unreadable, 429 too much of that,
    403 not a sender, 503 deliver again.
    """
    sender = client_ip(request)
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
        payload = parse_payload(request)
    except InvalidPayload:
        if intake.allow_invalid_delivery(sender):
            return _plain("unreadable", 400)
        return _plain("too many unreadable deliveries", 429, **{"Retry-After": "60"})
    if intake.receive(payload, sender):
        return _plain("ok", 200)
    return _plain("try again", 503, **{"Retry-After": "60"})


def _plain(words: str, status: int, **headers: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", content_type="text/plain", status=status, headers=headers)
