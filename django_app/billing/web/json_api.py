"""Answers to scripts: what a row looks like in JSON, and every error with a stable code and words
for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.urls import reverse
from django.utils.translation import get_language_from_request, gettext_lazy, override
from django.views.csrf import csrf_failure as django_csrf_failure
from django.views.defaults import bad_request as django_bad_request

from billing.errors import GatewayError, GatewayPaymentNotFound, GatewayRejected, GatewayUnreachable
from billing.models import PointTransaction
from billing.web.display_status import DisplayStatus, display_status

RETRY_AFTER = 3  # seconds

# code → HTTP status and words. Codes are stable; scripts may rely on them.
ERRORS: dict[str, tuple[HTTPStatus, Any]] = {
    "bad_input": (HTTPStatus.BAD_REQUEST, gettext_lazy("Please check what you entered.")),
    "login_required": (HTTPStatus.UNAUTHORIZED, gettext_lazy("Log in again and we continue here.")),
    "csrf": (
        HTTPStatus.FORBIDDEN,
        gettext_lazy("This page has become too old. Load it again and repeat the step."),
    ),
    "not_found": (HTTPStatus.NOT_FOUND, gettext_lazy("We do not know this payment.")),
    "method_not_allowed": (
        HTTPStatus.METHOD_NOT_ALLOWED,
        gettext_lazy("This address does not take such requests."),
    ),
    "ids_do_not_match": (
        HTTPStatus.CONFLICT,
        gettext_lazy("This payment belongs to another order."),
    ),
    "wrong_money": (
        HTTPStatus.CONFLICT,
        gettext_lazy("What was paid does not belong to this order and will be sent back."),
    ),
    "cancel_not_allowed": (
        HTTPStatus.CONFLICT,
        gettext_lazy("This payment cannot be refunded now."),
    ),
    "cancel_refused": (
        HTTPStatus.CONFLICT,
        gettext_lazy(
            "The payment service did not make the refund. Your points are back; our support "
            "can help you."
        ),
    ),
    "too_many": (
        HTTPStatus.TOO_MANY_REQUESTS,
        gettext_lazy("That was too often. Wait a minute and try again."),
    ),
    "unavailable": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        gettext_lazy(
            "We cannot start a payment right now, and nothing was charged. Please try again later."
        ),
    ),
    "maintenance": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        gettext_lazy("We are working on the service. Please try again in a few minutes."),
    ),
    "gateway_refused": (
        HTTPStatus.BAD_GATEWAY,
        gettext_lazy(
            "The payment service did not accept our request. If you paid, your points arrive "
            "by themselves."
        ),
    ),
    "gateway_nonsense": (
        HTTPStatus.BAD_GATEWAY,
        gettext_lazy(
            "The payment service gave an answer that we do not understand. If you paid, your "
            "points arrive by themselves."
        ),
    ),
    "gateway_unreachable": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        gettext_lazy("We cannot reach the payment service. Please try again shortly."),
    ),
}


def error(
    code: str, *, message: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> JsonResponse:
    """`{"error": {"code", "message"}}` with the code's HTTP status. more: further keys of
    the body.
    """
    status, words = ERRORS[code]
    return JsonResponse(
        {"error": {"code": code, "message": message or str(words)}, **more},
        status=status,
        headers=headers,
    )


def gateway_trouble(trouble: GatewayError) -> JsonResponse:
    """The error of a script's request that failed at the gateway."""
    if isinstance(trouble, GatewayPaymentNotFound):
        return error("not_found")
    if isinstance(trouble, GatewayUnreachable):
        return error("gateway_unreachable", headers={"Retry-After": str(RETRY_AFTER)})
    return error("gateway_refused" if isinstance(trouble, GatewayRejected) else "gateway_nonsense")


def payment_json(txn: PointTransaction, *, status: int = 200) -> JsonResponse:
    """A row as validation and status answer it. `txn.owner` must be loaded. next: where to go, None
    while there is nowhere to go.

    status: the HTTP status where all is well. 409 where the only money that came is wrong and goes,
    or went, back.
    """
    display = display_status(txn)
    if display.status in (DisplayStatus.RETURNING, DisplayStatus.RETURNED):
        return error("wrong_money", message=display.words, next=payment_url(txn))
    body = {
        "merchant_uid": txn.merchant_uid,
        "status": txn.status,
        "amount": txn.amount,
        "cancel_amount": txn.cancel_amount,
        "balance": txn.owner.balance,
        "message": display.words,
        "next": None
        if display.status in (DisplayStatus.CHECKING, DisplayStatus.UNFINISHED)
        else payment_url(txn),
    }
    return JsonResponse(body, status=status)


def payment_url(txn: PointTransaction) -> str:
    """The payment's own page."""
    return reverse("billing:payment", args=[txn.merchant_uid])


def json_endpoint(
    method: str,
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Mark a view whose every answer is JSON: one method, a logged-in member, and errors of this
    file.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method != method:
                return error("method_not_allowed", headers={"Allow": method})
            if not request.user.is_authenticated:
                return error("login_required")
            response = view(request, *args, **kwargs)
            response.headers["Cache-Control"] = "no-store"
            return response

        answer.answers_json = True  # type: ignore[attr-defined]
        # A wall around the whole project (LoginRequiredMiddleware) would send scripts a page.
        return login_not_required(answer)

    return decorate


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400: a body that is too long, has too many fields or cannot be parsed."""
    match = request.resolver_match
    if match and getattr(match.func, "answers_json", False):
        return error("bad_input")
    # It may come before the middleware that chooses the language, and the thread may speak the last
    # reader's.
    with override(get_language_from_request(request)):
        try:
            return render(request, "400.html", status=400)
        except TemplateDoesNotExist:
            return django_bad_request(request, exception or SuspiciousOperation())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's page for people, our JSON for scripts."""
    match = request.resolver_match
    if match and getattr(match.func, "answers_json", False):
        return error("csrf")
    return django_csrf_failure(request, reason=reason)
