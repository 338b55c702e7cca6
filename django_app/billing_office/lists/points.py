"""The list of members' points."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Point, PointTransaction
from billing.support.people import login_name
from billing_office import columns, masking, searching
from billing_office.actions.registry import actions_of
from billing_office.base import MoneyAdmin
from billing_office.formatting import badge, points
from billing_office.listing import Column, Filter, Listing, SearchResult
from billing_office.pages import member

MOST_NAMED = 5  # members of one e-mail address


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


def _without_account(typed: str) -> SafeString:
    """Ways to the pages of members of this name who have never begun to pay: no row of this list is
    theirs.
    """
    users = get_user_model()._default_manager.filter(
        pk__in=searching.members(typed), point__isnull=True
    )
    return format_html_join(
        "",
        '<p>{} <a class="bo-link" href="{}">{}</a></p>',
        (
            (
                _("Has never charged:"),
                columns.member_url(user.pk),
                masking.login(login_name(user)),
            )
            for user in users.order_by("pk")[:MOST_NAMED]
        ),
    )


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
        typed = request.GET.get("q", "").strip()
        return Listing(
            request.GET, self.get_queryset(request), self.list_columns, [below], search=_search,
            search_hint=gettext_lazy("Login name, e-mail, order or payment number"),
            nothing_found=partial(_without_account, typed),  # called where it is shown
        )  # fmt: skip
