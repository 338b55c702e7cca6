"""Lists of the ledger, of cancels and returns, of deliveries, and of reconcile's runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import PointCancellation, PointEntry, ReconcileRun, WebhookEvent
from billing.reports import open_work
from billing_office import columns, review_notes, searching
from billing_office.actions import decide_refund, deliveries
from billing_office.base import MoneyAdmin
from billing_office.exports import export_columns
from billing_office.formatting import badge, choice_badge, money, points, won
from billing_office.listing import Column, Filter, Listing, SearchResult
from billing_office.pages import reconcile_run

YES_NO = [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]
SEARCH_HINT = gettext_lazy("Order, payment, PG or approval number, member, e-mail")


# -- the ledger ------------------------------------------------------------------------------------


def _search_entries(typed: str, data: QueryDict) -> SearchResult:
    found = searching.related(typed, rows="txn", owner="owner")
    return (
        found
        if found.recognised_as
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


@admin.register(PointEntry)
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
            when="created_at",
            search=_search_entries,
            search_hint=gettext_lazy("Order, payment, PG or approval number, member, e-mail, key"),
            totals=_entry_totals,
        )


# -- cancels and returns ---------------------------------------------------------------------------


def _cancellation_totals(rows: QuerySet[Any]) -> list[tuple[Any, str]]:
    in_won = Q(state=PointCancellation.State.DONE, currency="KRW")
    cancels, returns = in_won & Q(kind="cancel"), in_won & Q(kind="return")
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


@admin.register(PointCancellation)
class PointCancellationAdmin(MoneyAdmin):
    """Money on its way back."""

    acts = {"finish": decide_refund.finish, "settle": decide_refund.settle}
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
                "{}<small>{}</small>", review_notes.shown(row.reason), review_notes.shown(row.error)
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
                lambda value: open_work.UNDER_WAY,
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
            when="created_at",
            search=lambda typed, data: searching.related(typed, rows="txn", owner="txn__owner"),
            search_hint=SEARCH_HINT,
            totals=_cancellation_totals,
        )


# -- deliveries ------------------------------------------------------------------------------------


def _delivery_link(event: WebhookEvent) -> Any:
    return format_html(
        '<a class="bo-link" href="{}">{}</a><small>{}</small>',
        columns.delivery_url(event.pk),
        event.merchant_uid,
        event.imp_uid,
    )


def _search_deliveries(typed: str, data: QueryDict) -> SearchResult:
    rows = WebhookEvent.objects.order_by()
    for name, words in (
        ("imp_uid", _("Payment number (imp_uid)")),
        ("merchant_uid", _("Order number (merchant_uid)")),
    ):
        if rows.filter(**{name: typed}).exists():
            return SearchResult(Q(**{name: typed}), words)
    return SearchResult(Q(pk__in=[]))


def _delivery_totals(rows: QuerySet[Any]) -> list[tuple[Any, str]]:
    outcomes = WebhookEvent.Outcome
    sums = rows.order_by().aggregate(
        number=Count("pk"),
        **{value: Count("pk", filter=Q(outcome=value)) for value in outcomes.values},
    )
    return [
        (_("Deliveries"), f"{sums['number']:,}"),
        *((words, f"{sums[value]:,}") for value, words in outcomes.choices),
    ]


@admin.register(WebhookEvent)
class WebhookEventAdmin(MoneyAdmin):
    """What came in at the doors that anybody may knock at."""

    detail = deliveries.show
    acts = {"replay": deliveries.replay}

    list_columns = [
        Column(gettext_lazy("Time"), lambda event: columns.time_cell(event.received_at)),
        Column(gettext_lazy("Payment"), _delivery_link),
        Column(
            gettext_lazy("Door"),
            lambda event: format_html(
                "{}<small>{}</small>", event.get_source_display(), columns.sender_address(event)
            ),
        ),
        Column(gettext_lazy("Says"), lambda event: event.claimed_status),
        Column(
            gettext_lazy("Outcome"),
            lambda event: choice_badge(event.outcome, event.get_outcome_display()),
        ),
        Column(gettext_lazy("Tries"), lambda event: str(event.tries), numeric=True),
        Column(gettext_lazy("Remark"), lambda event: review_notes.shown(event.error)),
    ]

    def listing(self, request: HttpRequest) -> Listing:
        chosen = [
            Filter(
                "outcome",
                gettext_lazy("Outcome"),
                lambda value: Q(outcome=value),
                WebhookEvent.Outcome.choices,
            ),
            Filter(
                "source",
                gettext_lazy("Door"),
                lambda value: Q(source=value),
                WebhookEvent.Source.choices,
            ),
        ]
        return Listing(
            request.GET,
            self.get_queryset(request),
            self.list_columns,
            chosen,
            when="received_at",
            search=_search_deliveries,
            search_hint=gettext_lazy("Order or payment number"),
            totals=_delivery_totals,
        )


# -- reconcile -------------------------------------------------------------------------------------


@admin.register(ReconcileRun)
class ReconcileRunAdmin(MoneyAdmin):
    """What the scheduled jobs did."""

    detail = reconcile_run.show

    list_columns = [
        Column(
            gettext_lazy("Began"),
            lambda run: format_html(
                '<a class="bo-link" href="{}">{}</a>',
                columns.run_url(run.pk),
                columns.time_cell(run.started),
            ),
        ),
        Column(gettext_lazy("Ended"), lambda run: columns.time_cell(run.finished)),
        Column(gettext_lazy("Job"), lambda run: run.name),
        Column(gettext_lazy("Seen up to"), lambda run: columns.time_cell(run.watermark)),
        Column(gettext_lazy("Result"), lambda run: columns.run_result(run.result)),
    ]

    def listing(self, request: HttpRequest) -> Listing:
        return Listing(request.GET, self.get_queryset(request), self.list_columns)
