"""Pages that show and move points look first at the database: its mode, and its tables."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from billing.db.database_state import TablesMissing
from billing.db.environment_stamp import WrongDatabase, require_money
from billing.web.json_api import error
from billing.web.page import render_page

logger = logging.getLogger(__name__)


Refuse = Callable[[HttpRequest, Callable[..., Any], Exception], HttpResponse]


def refuse_members(
    request: HttpRequest, view: Callable[..., Any], trouble: Exception
) -> HttpResponse:
    """An error to scripts and to the gateway, which come again; a page to people."""
    if request.method == "POST" or getattr(view, "answers_json", False):
        return error("unavailable", headers={"Retry-After": "60"})
    return render_page(request, "billing/unavailable.html", status=503)


def refuse_staff(
    request: HttpRequest, view: Callable[..., Any], trouble: Exception
) -> HttpResponse:
    """What is wrong, in one sentence."""
    return HttpResponse(f"{trouble}\n", status=503, content_type="text/plain; charset=utf-8")


def in_own_mode(patterns: list[URLPattern], refuse: Refuse = refuse_members) -> list[URLPattern]:
    """The same patterns, whose views answer 503 where the database was made for the other mode or
    migrate has not run.
    """
    for pattern in patterns:
        pattern.callback = _guarded(pattern.callback, refuse)
    return patterns


def _guarded(view: Callable[..., Any], refuse: Refuse) -> Callable[..., Any]:
    @wraps(view)  # with its marks: csrf_exempt, answers_json
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            require_money()
        except (WrongDatabase, TablesMissing) as trouble:
            logger.error("%s answered 503: %s", request.path, trouble)
            return refuse(request, view, trouble)
        response: HttpResponse = view(request, *args, **kwargs)
        return response

    return guarded
