"""The list of deliveries: what came in from the gateway and from browsers that returned."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import WebhookEvent
from billing_office import columns, review_notes
from billing_office.actions.registry import actions_of
from billing_office.base import MoneyAdmin
from billing_office.formatting import choice_badge
from billing_office.listing import Column, Filter, Listing, SearchResult
from billing_office.pages import delivery


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


class WebhookEventAdmin(MoneyAdmin):
    """What came in where anybody may send something. Nothing of it is believed."""

    detail_page = delivery.show
    staff_actions = actions_of(WebhookEvent)

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
        Column(gettext_lazy("Remark"), lambda event: review_notes.trouble_of(event)),
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
            time_column="received_at",
            search=_search_deliveries,
            search_hint=gettext_lazy("Order or payment number"),
            totals=_delivery_totals,
        )
