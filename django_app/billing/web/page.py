"""What every page of ours hands to its template, so that no context processor is needed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from billing.conf import conf


def render_page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """`template` with `context` and the frame's: request, user, sandbox_mode, merchant,
    terms_url.
    """
    frame = {"request": request, "user": getattr(request, "user", None), **mode(), **merchant()}
    return render(request, template, {**frame, **(context or {})}, status=status)


def mode() -> dict[str, Any]:
    """`sandbox_mode`: whether this project plays with the stand-in gateway."""
    return {"sandbox_mode": conf.IAMPORT_MODE == "sandbox"}


def merchant() -> dict[str, Any]:
    """`merchant`: who sells (the setting BILLING_MERCHANT). `terms_url`: the refund terms, "" for a
    project that has no such page.
    """
    try:
        terms_url = reverse("billing:terms")
    except NoReverseMatch:
        terms_url = ""
    return {"merchant": conf.BILLING_MERCHANT, "terms_url": terms_url}
