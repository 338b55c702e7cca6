"""The list of cancels and returns: money on its way back."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import PointCancellation
from billing.reports import open_work
from billing_office import columns, review_notes, searching
from billing_office.actions.registry import actions_of
from billing_office.base import MoneyAdmin
from billing_office.exports import export_columns
from billing_office.formatting import money, won
from billing_office.listing import YES_NO, Column, Filter, Listing


def _cancellation_totals(rows: QuerySet[Any]) -> list[tuple[Any, str]]:
    in_won = Q(state=PointCancellation.State.DONE, currency="KRW")
    cancels = in_won & Q(kind=PointCancellation.Kind.CANCEL)
    returns = in_won & Q(kind=PointCancellation.Kind.MISMATCH_REFUND)
    sums = rows.order_by().aggregate(
        number=Count("pk"),
        cancels=Sum("amount", filter=cancels),
        returns=Sum("amount", filter=returns),
    )
    return [
        (_("Cancels and returns"), f"{sums['number']:,}"),
        (_("Sum cancelled"), won(sums["cancels"] or 0)),
        (_("Sum sent back"), won(sums["returns"] or 0)),
    ]


class PointCancellationAdmin(MoneyAdmin):
    """Money on its way back."""

    staff_actions = actions_of(PointCancellation)
    sheet = export_columns.CANCELLATIONS

    list_columns = [
        Column(gettext_lazy("Time"), lambda row: columns.time_cell(row.created_at)),
        Column(gettext_lazy("Payment"), lambda row: columns.payment_link(row.txn, row.imp_uid)),
        Column(gettext_lazy("Kind"), lambda row: row.get_kind_display()),
        Column(gettext_lazy("Amount"), lambda row: money(row.amount, row.currency), numeric=True),
        Column(gettext_lazy("State"), columns.cancellation_badge),
        Column(
            gettext_lazy("Reason"),
            lambda row: format_html(
                "{}<small>{}</small>", review_notes.reason_words(row), review_notes.trouble_of(row)
            ),
        ),
        Column(gettext_lazy("By"), lambda row: columns.done_by(row, row.txn.owner_id)),
    ]

    def listing(self, request: HttpRequest) -> Listing:
        chosen = [
            Filter(
                "kind",
                gettext_lazy("Kind"),
                lambda value: Q(kind=value),
                PointCancellation.Kind.choices,
            ),
            Filter(
                "state",
                gettext_lazy("State"),
                lambda value: Q(state=value),
                PointCancellation.State.choices,
            ),
            Filter(
                "staff",
                gettext_lazy("Staff decide"),
                lambda value: Q(needs_staff=value == "yes", state__in=PointCancellation.OPEN),
                YES_NO,
            ),
            Filter(
                "under-way",
                gettext_lazy("Cancels under way"),
                lambda value: open_work.CANCELS_UNDER_WAY,
                hidden=True,
                is_flag=True,
            ),
            Filter(
                "open",
                gettext_lazy("Still open"),
                lambda value: Q(state__in=PointCancellation.OPEN),
                hidden=True,
                is_flag=True,
            ),
        ]
        return Listing(
            request.GET,
            self.get_queryset(request).select_related("txn"),
            self.list_columns,
            chosen,
            time_column="created_at",
            search=lambda typed, data: searching.related(typed, rows="txn", owner="txn__owner"),
            search_hint=gettext_lazy("Order, payment, PG or approval number, member, e-mail"),
            totals=_cancellation_totals,
        )
