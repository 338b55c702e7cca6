"""Every page that nobody wishes to see, to be looked at: /preview/, in sandbox mode only. That mode
serves this machine alone.
"""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, resolve
from django.views import defaults

from accounts import views
from billing.web import json_api
from config import maintenance


def _someone_elses_payment(request: HttpRequest) -> HttpResponse:
    request.resolver_match = resolve("/billing/payments/20261123-preview/")
    return defaults.page_not_found(request, Http404())


# Each is answered as the site answers it.
PAGES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "400": json_api.bad_request,
    "403": lambda request: defaults.permission_denied(request, PermissionDenied()),
    "csrf": json_api.csrf_failure,
    "404": lambda request: defaults.page_not_found(request, Http404()),
    "404-payment": _someone_elses_payment,
    "429": views.too_many,
    "429-login": views.locked_out,
    "500": defaults.server_error,
    "maintenance": maintenance.closed,
}


def index(request: HttpRequest) -> HttpResponse:
    """All of them."""
    return render(request, "preview.html", {"names": list(PAGES)})


def page(request: HttpRequest, name: str) -> HttpResponse:
    """One of them, with the status that it has in earnest."""
    if name not in PAGES:
        raise Http404
    return PAGES[name](request)


app_name = "preview"
urlpatterns = [path("", index, name="index"), path("<slug:name>/", page, name="page")]
