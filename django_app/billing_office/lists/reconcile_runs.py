"""The list of reconcile's runs."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from billing_office import columns
from billing_office.base import MoneyAdmin
from billing_office.listing import Column, Listing
from billing_office.pages import reconcile_run


class ReconcileRunAdmin(MoneyAdmin):
    """What the scheduled jobs did."""

    detail_page = reconcile_run.show

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
