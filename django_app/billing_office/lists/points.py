"""The list of members' points."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Point, PointTransaction
from billing_office import columns, searching
from billing_office.actions.registry import actions_of
from billing_office.base import MoneyAdmin
from billing_office.formatting import badge, points
from billing_office.listing import Column, Filter, Listing, SearchResult
from billing_office.pages import member


def balance(point: Point) -> str:
    """The balance; below zero it says so."""
    if point.balance >= 0:
        return points(point.balance)
    return format_html("{} {}", badge(_("Below zero"), "bad", "−"), points(point.balance))


def _search(typed: str, data: QueryDict) -> SearchResult:
    if users := searching.members(typed):
        return SearchResult(Q(pk__in=users), _("Member"))
    ids = searching.payments(typed)
    of_rows = PointTransaction.objects.filter(pk__in={key for key, _how in ids}).values("owner")
    return (
        SearchResult(Q(pk__in=of_rows), searching.recognised(how for _key, how in ids))
        if ids
        else SearchResult(Q(pk__in=[]))
    )


@admin.register(Point)
class PointAdmin(MoneyAdmin):
    """Members and what they may spend."""

    detail_page = member.show
    staff_actions = actions_of(Point)

    list_columns = [
        Column(gettext_lazy("Member"), columns.member_link),
        Column(gettext_lazy("Balance"), balance, numeric=True),
        Column(gettext_lazy("Attempts"), lambda point: f"{point.point:,}", numeric=True),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user")  # type: ignore[no-any-return]

    def listing(self, request: HttpRequest) -> Listing:
        below = Filter(
            "balance",
            gettext_lazy("Balance"),
            lambda value: Q(balance__lt=0),
            [("below", gettext_lazy("Below zero"))],
        )
        return Listing(
            request.GET, self.get_queryset(request), self.list_columns, [below], search=_search,
            search_hint=gettext_lazy("Login name, e-mail, order or payment number"),
        )  # fmt: skip
