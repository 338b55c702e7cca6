"""The payment window and the vendor's script that opens it.

The window may stand in a frame of another site, where browsers withhold cookies: instead of a CSRF
cookie its forms carry a nonce that is signed for the one payment. How it stands (`road`) and its
language are part of its address.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing_sandbox import parsing
from billing_sandbox.csp import framable
from billing_sandbox.engine import payments, request_pay, worker
from billing_sandbox.formatting import format_amount, pay_method_name, to_datetime
from billing_sandbox.models import Payment, Status
from billing_sandbox.window import callback, window_options
from billing_sandbox.window.responses import (
    FRAME,
    NOBODY,
    POPUP,
    REDIRECT,
    allow_opener,
    opener_origin,
    read_form,
    redirect_to_window,
    refusal_page,
    send_page_to_window,
)

_SDK = Path(__file__).parents[1] / "static" / "sandbox" / "iamport.js"
_signer = signing.Signer(salt="billing_sandbox.window.views")


@require_safe
def sdk(request: HttpRequest) -> HttpResponse:
    """`window.IMP`, at the address that a page loads instead of the vendor's."""
    return HttpResponse(
        _SDK.read_bytes(),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache"},
    )


@csrf_exempt
@framable
@require_POST
@never_cache
def start_payment(request: HttpRequest) -> HttpResponse:
    """request_pay's form arrives: open the window, or tell the page why not.

    Where the page itself is to go to the window, the form was sent from a frame that hears where; a
    refusal leaves the page as it is.
    """
    worker.ensure_running()
    fields = read_form(request)
    origin, road = opener_origin(request, fields), fields.get("road")
    params: dict[str, Any] = {}
    try:
        params = parsing.json_object(fields.get("params") or "")
        payment = request_pay.open_window(
            params,
            code=fields.get("code") or "",
            origin=origin,
            request=request,
            leaves=road == REDIRECT,
        )
    except request_pay.RequestPayRefused as refused:
        return refusal_page(request, origin, params, refused)
    except ValueError:
        return refusal_page(
            request,
            origin,
            params,
            request_pay.RequestPayRefused(
                request_pay.WRONG_PARAMETER, "결제 요청 파라미터가 올바르지 않습니다."
            ),
        )
    place = _window_url(payment, road=road, language=params.get("language"))
    return (
        send_page_to_window(request, origin, place)
        if road == REDIRECT
        else redirect_to_window(request, place, origin)
    )


@csrf_exempt
@framable
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def payment_window(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """Show the choice while it is open, then the result; a POST makes the choice and comes back
    here.
    """
    worker.ensure_running()
    payment = (
        Payment.objects.filter(imp_uid=imp_uid).first() if parsing.is_imp_uid(imp_uid) else None
    )
    with override(
        request.GET["language"]
        if request.GET.get("language") in dict(settings.LANGUAGES)
        else get_language()
    ):
        if payment is None:
            return render(request, "sandbox/gone.html", status=404)
        answer = (
            _handle_choice(request, payment)
            if request.method == "POST"
            else _show(request, payment)
        )
    return allow_opener(answer, request, payment.origin, form_target=payment.m_redirect_url)


@require_safe
def receipt(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """The sales slip that receipt_url points to."""
    payment = (
        Payment.objects.filter(imp_uid=imp_uid).exclude(receipt_url="").first()
        if parsing.is_imp_uid(imp_uid)
        else None
    )
    if payment is None:
        return render(request, "sandbox/gone.html", status=404)
    return render(request, "sandbox/receipt.html", _template_context(payment))


def _show(request: HttpRequest, payment: Payment) -> HttpResponse:
    road = request.GET.get("road", FRAME)
    page: dict[str, Any] = {
        "target": payment.origin or "*",
        "road": road,
        "imp_uid": payment.imp_uid,
    }
    if payment.status == Status.READY and not payment.has_account:
        page["answer"] = None
        context = {
            "nonce": _signer.sign(payment.imp_uid),
            "page": page,
            "refusals": window_options.decline_choices(payment),
            "road": road,
        }
        return render(request, "sandbox/window.html", {**_template_context(payment), **context})
    if road == NOBODY:
        return render(
            request,
            "sandbox/result.html",
            {**_template_context(payment), "page": {**page, "silent": True}},
        )
    answer = callback.answer_for_payment(payment)
    if road == REDIRECT and payment.m_redirect_url:
        return HttpResponse(
            status=303, headers={"Location": callback.redirect_url(payment.m_redirect_url, answer)}
        )
    return render(
        request,
        "sandbox/result.html",
        {**_template_context(payment), "page": {**page, "answer": answer}},
    )


def _handle_choice(request: HttpRequest, payment: Payment) -> HttpResponse:
    """A second press finds the choice made and is shown the result."""
    fields = read_form(request)
    try:
        nonce_fits = _signer.unsign(fields.get("nonce") or "") == payment.imp_uid
    except signing.BadSignature:
        nonce_fits = False
    if not nonce_fits:
        return HttpResponseForbidden(
            "This form does not belong to this payment.\n", content_type="text/plain; charset=utf-8"
        )
    choice = fields.get("choice")
    road = NOBODY if choice in ("vanish", "again") else request.GET.get("road")
    shown = payment
    with suppress(payments.WrongState, ValueError, Payment.DoesNotExist):
        try:
            shown = window_options.apply_choice(payment, choice, fields)
        except request_pay.RequestPayRefused as refused:
            return render(
                request,
                "sandbox/result.html",
                {"error_msg": refused.error_msg, "page": {"target": "*", "silent": True}},
            )
    return HttpResponse(
        status=303,
        headers={"Location": _window_url(shown, road=road, language=request.GET.get("language"))},
    )


def _window_url(payment: Payment, *, road: Any, language: Any) -> str:
    """The window's address; what is usual is left out."""
    query = {"road": road} if road in (POPUP, REDIRECT, NOBODY) else {}
    if isinstance(language, str) and language in dict(settings.LANGUAGES):
        query["language"] = language
    return reverse("sandbox:window", args=[payment.imp_uid]) + (
        f"?{urlencode(query)}" if query else ""
    )


def _template_context(payment: Payment) -> dict[str, Any]:
    return {
        "payment": payment,
        "amount": format_amount(payment.amount, payment.currency),
        "method": pay_method_name(payment),
        "deadline": to_datetime(payment.vbank_date),
        "paid_at": to_datetime(payment.paid_at),
        "cancelled_at": to_datetime(payment.cancelled_at),
        "cancelled": format_amount(payment.cancel_amount, payment.currency)
        if payment.cancel_amount
        else "",
    }
