"""The list of payments that the gateway knows and no transaction does."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import UnmatchedPayment
from billing.models.unmatched import HEALED, HOLDS_MONEY, WAITS
from billing_office import columns, masking
from billing_office.actions import not_ours
from billing_office.actions.claim_payment import ClaimPayment
from billing_office.actions.registry import actions_of
from billing_office.base import MoneyAdmin
from billing_office.formatting import NOTHING, badge, money, status_badge, won
from billing_office.listing import Column, Filter, Listing, SearchResult

DECISION = "decision"
WAITING = "waits"

_CONDITIONS = {
    WAITING: WAITS,
    **{decision: Q(decision=decision) for decision in UnmatchedPayment.Decision.values},
}


def decision(row: UnmatchedPayment) -> Any:
    """What was decided, by whom, when and why; what nobody needs to decide says so."""
    if row.waits:
        return badge(_("To be decided"), "bad", "!")
    if not row.decision:
        return badge(_("Holds no money"), "plain", "○")
    sign = ("good", "✓") if row.decision == UnmatchedPayment.Decision.CLAIMED else ("plain", "✕")
    reason = (
        _("A transaction has this order number.")
        if row.reason == HEALED
        else masking.free_text(row.reason)
    )
    return format_html(
        "{}<small>{} {}</small><small>{}</small>",
        badge(row.get_decision_display(), *sign), columns.time_cell(row.decided_at), row.by_name,
        reason,
    )  # fmt: skip


def _amount(row: UnmatchedPayment) -> SafeString:
    cancelled = (
        format_html("<small>↩ {}</small>", money(row.cancel_amount, row.currency))
        if row.cancel_amount
        else ""
    )
    return format_html("{}{}", money(row.amount, row.currency), cancelled)


def _status(row: UnmatchedPayment) -> SafeString:
    test = badge(_("Test"), "warn", "⚑") if row.test_channel else ""
    return format_html("{} {}<small>{}</small>", status_badge(row), test, row.pg_provider)


COLUMNS = [
    Column(
        gettext_lazy("Payment"),
        lambda row: format_html(
            '<span class="bo-nowrap">{}</span><small>{}</small>', row.imp_uid, row.merchant_uid
        ),
    ),
    Column(gettext_lazy("Amount"), _amount, numeric=True),
    Column(gettext_lazy("Status"), _status),
    Column(gettext_lazy("First seen"), lambda row: columns.time_cell(row.first_seen)),
    Column(gettext_lazy("Last seen"), lambda row: columns.time_cell(row.last_seen)),
    Column(gettext_lazy("Decision"), decision),
]


def _search(typed: str, data: QueryDict) -> SearchResult:
    for name, words in (
        ("imp_uid", _("Payment number (imp_uid)")),
        ("merchant_uid", _("Order number (merchant_uid)")),
    ):
        if UnmatchedPayment.objects.filter(**{name: typed}).exists():
            return SearchResult(Q(**{name: typed}), words)
    return SearchResult(Q(pk__in=[]))


def _totals(rows: QuerySet[Any]) -> list[tuple[Any, str]]:
    left = Sum(
        F("amount") - F("cancel_amount"), filter=Q(currency="KRW", test_channel=False) & HOLDS_MONEY
    )
    sums = rows.order_by().aggregate(number=Count("pk"), left=left)
    return [
        (_("Payments"), f"{sums['number']:,}"),
        (_("Held by the gateway"), won(sums["left"] or 0)),
    ]


class UnmatchedPaymentAdmin(MoneyAdmin):
    """What reconcile found and no transaction knows. Nothing of it is touched until staff
    decide.
    """

    staff_actions = actions_of(UnmatchedPayment)
    list_template = "billing_office/unmatched_payments.html"

    def listing(self, request: HttpRequest) -> Listing:
        data = request.GET.copy()
        data.pop("ticked", None)  # of one page only
        if DECISION not in data:
            data[DECISION] = WAITING
        choices = [(WAITING, gettext_lazy("To be decided")), *UnmatchedPayment.Decision.choices]
        may_decide = request.user.has_perm(not_ours.NotOurs.permission)
        return Listing(
            data,
            self.get_queryset(request),
            [_ticks(request), *COLUMNS, Column(gettext_lazy("What can be done"), _claim)]
            if may_decide
            else COLUMNS,
            [Filter(DECISION, gettext_lazy("Decision"), lambda value: _CONDITIONS[value], choices)],
            time_column="first_seen",
            search=_search,
            search_hint=gettext_lazy("Order or payment number"),
            totals=_totals,
            per_page=not_ours.MOST_AT_ONCE,
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request,
            {
                "not_ours": not_ours.NotOurs.url()
                if request.user.has_perm(not_ours.NotOurs.permission)
                else "",
                "all_ticked": _all_ticked(request),
                "tick": _address(request, ticked="all"),
                "untick": _address(request, ticked=""),
                **(extra_context or {}),
            },
        )


def _address(request: HttpRequest, *, ticked: str) -> str:
    """This page once more, with all boxes ticked or none."""
    data = request.GET.copy()
    data["ticked"] = ticked
    return f"?{data.urlencode()}"


def _all_ticked(request: HttpRequest) -> bool:
    return request.GET.get("ticked") == "all"


def _ticks(request: HttpRequest) -> Column:
    """A box in front of each row that waits; it belongs to the form below the list."""
    ticked = SafeString(" checked") if _all_ticked(request) else ""

    def cell(row: UnmatchedPayment) -> Any:
        if not row.waits:
            return ""
        box = '<input type="checkbox" name="row" value="{}" form="not-ours" aria-label="{}"{}>'
        return format_html(box, row.pk, _("Choose %(imp_uid)s") % {"imp_uid": row.imp_uid}, ticked)

    return Column(gettext_lazy("Chosen"), cell)


def _claim(row: UnmatchedPayment) -> Any:
    """Also what was called "not ours" may be claimed after all."""
    if row.decision == UnmatchedPayment.Decision.CLAIMED or (not row.waits and not row.decision):
        return NOTHING
    address = ClaimPayment.url_for(row.imp_uid)
    return format_html('<a class="bo-link" href="{}">{}</a>', address, _("Claim"))
