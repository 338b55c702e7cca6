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
from billing_sandbox.csp import in_frames, let_in
from billing_sandbox.engine import payments, request_pay, worker
from billing_sandbox.formatting import moment, money, pay_method
from billing_sandbox.models import Payment, Status
from billing_sandbox.window import callback, window_options

# Nobody: whoever opened it is not told.
FRAME, POPUP, REDIRECT, NOBODY = (
    "frame",
    "popup",
    "redirect",
    "nobody",
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
@in_frames
@require_POST
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """request_pay's form arrives: open the window, or tell the page why not.

    Where the page itself is to go to the window, the form was sent from a frame that hears where; a
    refusal leaves the page as it is.
    """
    worker.ensure_running()
    fields = form(request)
    origin, road = opener(request, fields), fields.get("road")
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
    except request_pay.Refused as refused:
        return refusal(request, origin, params, refused)
    except ValueError:
        return refusal(
            request,
            origin,
            params,
            request_pay.Refused(
                request_pay.WRONG_PARAMETER, "결제 요청 파라미터가 올바르지 않습니다."
            ),
        )
    place = _address(payment, road=road, language=params.get("language"))
    return departure(request, origin, place) if road == REDIRECT else see(request, place, origin)


@csrf_exempt
@in_frames
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def window(request: HttpRequest, imp_uid: str) -> HttpResponse:
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
        answer = _choose(request, payment) if request.method == "POST" else _show(request, payment)
    return shared(answer, request, payment.origin, leads_to=payment.m_redirect_url)


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
    return render(request, "sandbox/receipt.html", _shown(payment))


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
            "refusals": window_options.refusals(payment),
            "road": road,
        }
        return render(request, "sandbox/window.html", {**_shown(payment), **context})
    if road == NOBODY:
        return render(
            request, "sandbox/result.html", {**_shown(payment), "page": {**page, "silent": True}}
        )
    answer = callback.of(payment)
    if road == REDIRECT and payment.m_redirect_url:
        return HttpResponse(
            status=303, headers={"Location": callback.address(payment.m_redirect_url, answer)}
        )
    return render(
        request, "sandbox/result.html", {**_shown(payment), "page": {**page, "answer": answer}}
    )


def _choose(request: HttpRequest, payment: Payment) -> HttpResponse:
    """A second press finds the choice made and is shown the result."""
    fields = form(request)
    try:
        mine = _signer.unsign(fields.get("nonce") or "") == payment.imp_uid
    except signing.BadSignature:
        mine = False
    if not mine:
        return HttpResponseForbidden(
            "This form does not belong to this payment.\n", content_type="text/plain; charset=utf-8"
        )
    choice = fields.get("choice")
    road = NOBODY if choice in ("vanish", "again") else request.GET.get("road")
    shown = payment
    with suppress(payments.WrongState, ValueError, Payment.DoesNotExist):
        try:
            shown = window_options.choose(payment, choice, fields)
        except request_pay.Refused as refused:
            return render(
                request,
                "sandbox/result.html",
                {"error_msg": refused.error_msg, "page": {"target": "*", "silent": True}},
            )
    return HttpResponse(
        status=303,
        headers={"Location": _address(shown, road=road, language=request.GET.get("language"))},
    )


def _address(payment: Payment, *, road: Any, language: Any) -> str:
    """The window's address; what is usual is left out."""
    query = {"road": road} if road in (POPUP, REDIRECT, NOBODY) else {}
    if isinstance(language, str) and language in dict(settings.LANGUAGES):
        query["language"] = language
    return reverse("sandbox:window", args=[payment.imp_uid]) + (
        f"?{urlencode(query)}" if query else ""
    )


def _shown(payment: Payment) -> dict[str, Any]:
    return {
        "payment": payment,
        "amount": money(payment.amount, payment.currency),
        "method": pay_method(payment),
        "deadline": moment(payment.vbank_date),
        "paid_at": moment(payment.paid_at),
        "cancelled_at": moment(payment.cancelled_at),
        "cancelled": money(payment.cancel_amount, payment.currency)
        if payment.cancel_amount
        else "",
    }


# -- for all windows that the script opens ---------------------------------------------------------


def form(request: HttpRequest) -> parsing.Fields:
    """The posted form, empty where there is none that can be read."""
    try:
        fields = parsing.body(request)
    except parsing.TooBig:
        return parsing.Fields()
    if not fields.form:
        return parsing.Fields()
    # Every field here is one text; `name[]=` and `name[key]=` would be lists and objects.
    return parsing.Fields(
        {name: value for name, value in fields.values.items() if isinstance(value, str)}, form=True
    )


def opener(request: HttpRequest, fields: parsing.Fields) -> str:
    """The origin of the page that asked, "" where nobody tells it; browsers may withhold the
    header's ("null").
    """
    told = (request.headers.get("Origin") or "", fields.get("origin") or "")
    return next((value for value in told if request_pay.is_origin(value)), "")


def see(request: HttpRequest, address: str, origin: str) -> HttpResponse:
    """303 to a window."""
    return shared(HttpResponse(status=303, headers={"Location": address}), request, origin)


def departure(request: HttpRequest, origin: str, address: str) -> HttpResponse:
    """Tell the page where to go."""
    response = render(
        request,
        "sandbox/result.html",
        {"leaving": True, "page": {"target": origin or "*", "go": address}},
    )
    let_in(response, opener=origin)
    return response


def refusal(
    request: HttpRequest, origin: str, params: dict[str, Any], refused: request_pay.Refused
) -> HttpResponse:
    """Tell the page that no window opens. Target "*" only where the opener's origin is unknown (a
    file, a sandboxed frame).
    """
    try:
        merchant_uid = parsing.merchant_uid(params.get("merchant_uid"))
    except ValueError:
        merchant_uid = None
    answer = callback.refused(
        merchant_uid, refused.error_code, refused.error_msg, short=bool(params.get("channelKey"))
    )
    page = {"target": origin or "*", "road": POPUP, "answer": answer}
    return shared(
        render(request, "sandbox/result.html", {"error_msg": refused.error_msg, "page": page}),
        request,
        origin,
    )


def shared(
    response: HttpResponse, request: HttpRequest, origin: str, *, leads_to: str = ""
) -> HttpResponse:
    """A window that another site opened keeps its opener, whatever policy this site has for its own
    pages, and may stand in its frame.
    """
    let_in(response, opener=origin, leads_to=leads_to)
    if origin != request_pay.site(request):
        response["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response
