"""DJANGO_MAINTENANCE=1 closes the pages: 503 with Retry-After, as a page for people and as JSON for
scripts.

Money under way must not stand before a closed door, so what takes news of a payment stays open: the
page's callback (validation), status, the phone's return and the webhook. No new attempt begins and
nothing is cancelled. Staff work on in the admin; /healthz and /readyz answer as ever (a load
balancer should go on sending people here, to be told). Static files are served. The page asks no
database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from billing.web.json_api import error

RETRY_AFTER = 300  # seconds
OPEN_VIEWS = {"billing:validation", "billing:status", "billing:complete", "billing:webhook"}
OPEN_APPS = {"admin", "sandbox", "preview"}


class Maintenance:
    """The middleware. It stands behind the one that chooses the language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        if (
            not settings.MAINTENANCE
            or match is None
            or match.view_name in OPEN_VIEWS
            or set(match.app_names) & OPEN_APPS
        ):
            return None
        if getattr(view, "answers_json", False):
            return error("maintenance", headers={"Retry-After": str(RETRY_AFTER)})
        return closed(request)


def closed(request: HttpRequest) -> HttpResponse:
    """The page for people."""
    response = render(request, "maintenance.html", status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    response.headers["Cache-Control"] = "no-store"
    return response
