"""The list of the ledger: every change of every balance."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import PointEntry
from billing_office import columns, searching
from billing_office.base import MoneyAdmin
from billing_office.exports import export_columns
from billing_office.formatting import badge, points
from billing_office.listing import Column, Filter, Listing, SearchResult


def _search_entries(typed: str, data: QueryDict) -> SearchResult:
    result = searching.related(typed, rows="txn", owner="owner")
    return (
        result
        if result.recognised_as
        else SearchResult(Q(idempotency_key=typed) & Q(idempotency_key__isnull=False), _("Key"))
    )


def _entry_totals(rows: QuerySet[Any]) -> list[tuple[Any, str]]:
    sums = rows.order_by().aggregate(
        up=Sum("delta", filter=Q(delta__gt=0)),
        down=Sum("delta", filter=Q(delta__lt=0)),
        number=Count("pk"),
    )
    up, down = sums["up"] or 0, sums["down"] or 0
    return [
        (_("Entries"), f"{sums['number']:,}"),
        (_("Added"), points(up, signed=True)),
        (_("Taken"), points(down, signed=True)),
        (_("Together"), points(up + down, signed=True)),
    ]


class PointEntryAdmin(MoneyAdmin):
    """The ledger: every change of every balance."""

    sheet = export_columns.ENTRIES

    list_columns = [
        Column(gettext_lazy("Time"), lambda entry: columns.time_cell(entry.created_at)),
        Column(gettext_lazy("Member"), lambda entry: columns.member_link(entry.owner)),
        Column(
            gettext_lazy("Kind"),
            lambda entry: badge(entry.get_kind_display(), "plain", "+" if entry.delta > 0 else "−"),
        ),
        Column(
            gettext_lazy("Points"), lambda entry: points(entry.delta, signed=True), numeric=True
        ),
        Column(gettext_lazy("From"), columns.entry_source),
        Column(gettext_lazy("By"), lambda entry: columns.done_by(entry, entry.owner_id)),
    ]

    def listing(self, request: HttpRequest) -> Listing:
        rows = self.get_queryset(request).select_related("owner__user", "txn")
        kind = Filter(
            "kind", gettext_lazy("Kind"), lambda value: Q(kind=value), PointEntry.Kind.choices
        )
        return Listing(
            request.GET,
            rows,
            self.list_columns,
            [kind, columns.member_filter("owner")],
            time_column="created_at",
            search=_search_entries,
            search_hint=gettext_lazy("Order, payment, PG or approval number, member, e-mail, key"),
            totals=_entry_totals,
        )
