"""The month's close: day by day what was charged, cancelled, spent, given back and adjusted,
between the points owed before and after. The overview of the same figures lies below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.models import DailyFigures
from billing.reports.daily_stats import Sums
from billing.reports.month_close import MonthClose, month_close
from billing.support.non_atomic import non_atomic
from billing.web.mode_guard import in_own_mode, refuse_staff
from billing_office import audit_log
from billing_office.base import MoneyAdmin
from billing_office.exports import export
from billing_office.formatting import points
from billing_office.pages import overview


def heads() -> list[str]:
    """The columns, in the reader's language."""
    return [
        _("Day"),
        _("Owed before"),
        _("Charged"),
        _("Cancelled"),
        _("Spent"),
        _("Given back"),
        _("Adjusted"),
        _("Owed after"),
    ]


def line(opening: int, sums: Sums, closing: int) -> list[int]:
    """One line's numbers, signed as they add up: opening + all of them = closing."""
    return [
        opening,
        sums.charged,
        -sums.cancelled,
        -sums.spent,
        sums.given_back,
        sums.adjusted,
        closing,
    ]


def table(close: MonthClose) -> Iterator[list[Any]]:
    """Days, and the month below them."""
    for day in close.lines:
        yield [day.day, *line(day.opening, day.sums, day.closing)]
    yield [_("Together"), *line(close.opening, close.sums, close.closing)]


def asked_month(request: HttpRequest) -> date:
    """The month of ?month=2026-11, the current one without it; Http404 for what is none."""
    typed = request.GET.get("month", "")
    if not typed:
        return timezone.localdate(timezone=timezone.get_default_timezone()).replace(day=1)
    try:
        month = parse_date(f"{typed}-01") if re.fullmatch(r"[0-9]{4}-[0-9]{2}", typed) else None
    except ValueError:
        month = None
    if month is None or not 2000 <= month.year <= 2099:
        raise Http404("no such month")
    return month


class DailyFiguresAdmin(MoneyAdmin):
    """Its list is the month's close."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "export/<slug:kind>/",
                self.admin_site.admin_view(self.export_view),
                name="billing_dailyfigures_export",
            ),
            path(
                "overview/",
                self.admin_site.admin_view(self.overview_view),
                name="billing_dailyfigures_overview",
            ),
        ]
        return in_own_mode(non_atomic([*own, *super().get_urls()]), refuse_staff)

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """What came in, what waits, what is owed."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        self.check_permission(request, permissions.FIGURES)
        context = overview.context(request, {"title": _("Overview")})
        return self.page(request, "billing_office/overview.html", context)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        close = self._asked(request)
        if isinstance(close, HttpResponse):
            return close
        *days, (_together, month) = [
            (name, [points(number) for number in numbers]) for name, *numbers in table(close)
        ]
        first = close.month
        after = _month_of(first, 1)
        context = {
            "title": _("Month's close"),
            "close": close,
            "heads": heads(),
            "days": days,
            "month": month,
            "before": _month_of(first, -1),
            "after": after if after <= f"{timezone.localdate():%Y-%m}" else "",
            "overview": self.address("billing_dailyfigures_overview"),
            "export_links": [
                (kind.upper(), f"export/{kind}/?month={first:%Y-%m}")
                for kind in export.offered_formats()
            ],
        }
        return self.page(request, "billing_office/month_close.html", context)

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """The same as a file."""
        close = self._asked(request)
        if isinstance(close, HttpResponse):
            return close
        if kind not in export.FORMATS:
            raise Http404
        if problem := export.format_problem(kind):
            messages.error(request, problem)
            return HttpResponseRedirect(f"{self.list_url}?month={close.month:%Y-%m}")
        audit_log.record_export(request, DailyFigures, kind=kind, month=f"{close.month:%Y-%m}")
        return export.as_file(kind, f"close-{close.month:%Y-%m}", heads(), table(close))

    def _asked(self, request: HttpRequest) -> MonthClose | HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        return month_close(asked_month(request))


def _month_of(first: date, step: int) -> str:
    """The month before or after this one, as the address has it."""
    months = first.year * 12 + first.month - 1 + step
    return f"{months // 12}-{months % 12 + 1:02}"
