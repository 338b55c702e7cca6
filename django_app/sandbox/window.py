"""The payment window and the vendor's script that opens it.

The window may stand in a frame of another site, where browsers withhold cookies: instead of a CSRF cookie its forms carry a
nonce that is signed for the one payment.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sandbox import callback, orders, payments, reading, worker
from sandbox.models import Payment, Status
from sandbox.words import moment, money, pay_method

_SDK = Path(__file__).parent / "static" / "sandbox" / "iamport.js"
_signer = signing.Signer(salt="sandbox.window")


@require_safe
def sdk(request: HttpRequest) -> HttpResponse:
    """`window.IMP`, at the address that a page loads instead of the vendor's."""
    return HttpResponse(_SDK.read_bytes(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


@csrf_exempt
@xframe_options_exempt
@require_POST
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """request_pay's form arrives: open the window, or tell the page why not."""
    worker.ensure_running()
    fields = _form(request)
    told = (request.headers.get("Origin") or "", fields.get("origin") or "")  # browsers may withhold the header's ("null")
    origin = next((value for value in told if orders.is_origin(value)), "")
    params: dict[str, Any] = {}
    try:
        params = reading.json_object(fields.get("params") or "")
        payment = orders.open_window(params, code=fields.get("code") or "", origin=origin, request=request)
    except orders.Refused as refused:
        return _refused(request, origin, params, refused.error_code, refused.error_msg)
    except ValueError:
        return _refused(request, origin, params, orders.WRONG_PARAMETER, "결제 요청 파라미터가 올바르지 않습니다.")
    return HttpResponse(status=303, headers={"Location": reverse("sandbox:window", args=[payment.imp_uid])})


@csrf_exempt
@xframe_options_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def window(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """Show the choice while it is open, then the result; a POST makes the choice and comes back here."""
    worker.ensure_running()
    payment = Payment.objects.filter(imp_uid=imp_uid).first() if reading.is_imp_uid(imp_uid) else None
    if payment is None:
        return render(request, "sandbox/gone.html", status=404)
    if request.method == "POST":
        return _choose(request, imp_uid)
    if payment.status == Status.READY and not payment.has_account:
        return render(request, "sandbox/window.html", {**_shown(payment), "nonce": _signer.sign(imp_uid), "page": _page(payment.origin)})
    return render(request, "sandbox/result.html", {**_shown(payment), "page": _page(payment.origin, callback.of(payment))})


@require_safe
def receipt(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """The sales slip that receipt_url points to."""
    payment = Payment.objects.filter(imp_uid=imp_uid).exclude(receipt_url="").first() if reading.is_imp_uid(imp_uid) else None
    if payment is None:
        return render(request, "sandbox/gone.html", status=404)
    return render(request, "sandbox/receipt.html", _shown(payment))


def _choose(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """approve, decline or close. A second press finds the choice made and is shown the result."""
    fields = _form(request)
    try:
        mine = _signer.unsign(fields.get("nonce") or "") == imp_uid
    except signing.BadSignature:
        mine = False
    if not mine:
        return HttpResponseForbidden("This form does not belong to this payment.\n", content_type="text/plain; charset=utf-8")
    with suppress(payments.WrongState, Payment.DoesNotExist):
        match fields.get("choice"):
            case "approve":
                payments.approve(imp_uid, late=False)
            case "account":
                payments.issue_account(imp_uid)
            case "decline":
                payments.decline(imp_uid)
            case "close":
                payments.give_up(imp_uid)
    return HttpResponse(status=303, headers={"Location": reverse("sandbox:window", args=[imp_uid])})


def _form(request: HttpRequest) -> reading.Fields:
    """The posted form, empty where there is none that can be read."""
    try:
        fields = reading.body(request)
    except reading.TooBig:
        return reading.Fields()
    return fields if fields.form else reading.Fields()


def _refused(request: HttpRequest, origin: str, params: dict[str, Any], error_code: str, error_msg: str) -> HttpResponse:
    merchant_uid = params.get("merchant_uid")
    try:
        merchant_uid = reading.merchant_uid(merchant_uid)
    except ValueError:
        merchant_uid = None
    answer = callback.refused(merchant_uid, error_code, error_msg, short=bool(params.get("channelKey")))
    return render(request, "sandbox/result.html", {"error_msg": error_msg, "page": _page(origin, answer)})


def _page(origin: str, answer: dict[str, Any] | None = None) -> dict[str, Any]:
    """Data for window.js. target "*" only where the opener's origin is unknown (a file, a sandboxed frame)."""
    return {"target": origin or "*", "answer": answer}


def _shown(payment: Payment) -> dict[str, Any]:
    return {
        "payment": payment,
        "amount": money(payment.amount, payment.currency),
        "method": pay_method(payment),
        "deadline": moment(payment.vbank_date),
        "paid_at": moment(payment.paid_at),
        "cancelled_at": moment(payment.cancelled_at),
        "cancelled": money(payment.cancel_amount, payment.currency) if payment.cancel_amount else "",
    }
