"""What the payment window and the identity window share: their posted form, the page that opened
them, and the answers to it.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from billing_sandbox import parsing
from billing_sandbox.csp import allow_framing
from billing_sandbox.engine import request_pay
from billing_sandbox.window import callback

# How a window stands (`road` in its address). Nobody: whoever opened it is not told.
FRAME, POPUP, REDIRECT, NOBODY = "frame", "popup", "redirect", "nobody"


def read_form(request: HttpRequest) -> parsing.Fields:
    """The posted form, empty where there is none that can be read."""
    try:
        fields = parsing.request_fields(request)
    except parsing.BodyTooLarge:
        return parsing.Fields()
    if not fields.form:
        return parsing.Fields()
    # Every field here is one text; `name[]=` and `name[key]=` would be lists and objects.
    return parsing.Fields(
        {name: value for name, value in fields.values.items() if isinstance(value, str)}, form=True
    )


def opener_origin(request: HttpRequest, fields: parsing.Fields) -> str:
    """The origin of the page that asked, "" where nobody tells it; browsers may withhold the
    header's ("null").
    """
    told = (request.headers.get("Origin") or "", fields.get("origin") or "")
    return next((value for value in told if request_pay.is_origin(value)), "")


def redirect_to_window(request: HttpRequest, address: str, origin: str) -> HttpResponse:
    """303 to a window."""
    return allow_opener(HttpResponse(status=303, headers={"Location": address}), request, origin)


def send_page_to_window(request: HttpRequest, origin: str, address: str) -> HttpResponse:
    """Tell the page where to go."""
    response = render(
        request,
        "sandbox/result.html",
        {"leaving": True, "page": {"target": origin or "*", "go": address}},
    )
    allow_framing(response, opener=origin)
    return response


def refusal_page(
    request: HttpRequest,
    origin: str,
    params: dict[str, Any],
    refused: request_pay.RequestPayRefused,
) -> HttpResponse:
    """Tell the page that no window opens. Target "*" only where the opener's origin is unknown (a
    file, a sandboxed frame).
    """
    try:
        merchant_uid = parsing.merchant_uid(params.get("merchant_uid"))
    except ValueError:
        merchant_uid = None
    answer = callback.answer_for_refusal(
        merchant_uid, refused.error_code, refused.error_msg, short=bool(params.get("channelKey"))
    )
    page = {"target": origin or "*", "road": POPUP, "answer": answer}
    return allow_opener(
        render(request, "sandbox/result.html", {"error_msg": refused.error_msg, "page": page}),
        request,
        origin,
    )


def allow_opener(
    response: HttpResponse, request: HttpRequest, origin: str, *, form_target: str = ""
) -> HttpResponse:
    """A window that another site opened keeps its opener, whatever policy this site has for its own
    pages, and may stand in its frame.
    """
    allow_framing(response, opener=origin, form_target=form_target)
    if origin != request_pay.base_url(request):
        response["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response
