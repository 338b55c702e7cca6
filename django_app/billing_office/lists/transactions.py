"""The list of transactions."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from billing.conf import conf
from billing.models import PayMethod, PointTransaction
from billing.reports import open_work
from billing.states import Review, Status
from billing_office import columns, searching
from billing_office.actions.find_payment import lookup_buttons
from billing_office.actions.registry import actions_of
from billing_office.base import MoneyAdmin
from billing_office.exports import export_columns
from billing_office.formatting import won
from billing_office.listing import YES_NO, Column, Filter, Listing
from billing_office.pages import payment_detail

PART = "part"  # our word for `cancelled` with something left
ANY = "any"
IMP_UID = re.compile(r"imps?_[0-9]{6,28}")

COLUMNS = [
    Column(gettext_lazy("Payment"), columns.payment_link),
    Column(gettext_lazy("Member"), lambda txn: columns.member_link(txn.owner)),
    Column(gettext_lazy("Amount"), columns.amount_cell, numeric=True),
    Column(gettext_lazy("Status"), columns.status_cell),
    Column(pgettext_lazy("payment", "Method"), columns.method_cell),
    Column(gettext_lazy("Began"), lambda txn: columns.time_cell(txn.created_at)),
]


def _of_status(value: str) -> Q:
    return (
        Q(status=Status.CANCELLED, cancel_amount__gt=0, cancel_amount__lt=F("amount"))
        if value == PART
        else Q(status=value)
    )


def _of_review(value: str) -> Q:
    return ~Q(review="") if value == ANY else ~Q(review="") & Q(review=value)


def filters() -> list[Filter]:
    return [
        Filter(
            "status",
            gettext_lazy("Status"),
            _of_status,
            [*Status.choices, (PART, gettext_lazy("Cancelled in part"))],
        ),
        Filter(
            "method",
            pgettext_lazy("payment", "Method"),
            lambda value: Q(pay_method=value),
            PayMethod.choices,
        ),
        Filter(
            "pg",
            gettext_lazy("PG"),
            lambda value: Q(pg_provider=value),
            suggest=sorted({conf.IAMPORT_PG, *conf.BILLING_REFUND_BANKS}),
        ),
        Filter(
            "review",
            gettext_lazy("Review"),
            _of_review,
            [(ANY, gettext_lazy("Any open review")), *Review.choices],
        ),
        Filter(
            "deposit",
            gettext_lazy("Waiting for a deposit"),
            lambda value: open_work.waits_for_deposit(timezone.now()),
            hidden=True,
            is_flag=True,
        ),
        Filter(
            "test",
            gettext_lazy("Test channel"),
            lambda value: Q(test_channel=value == "yes"),
            YES_NO,
        ),
    ]


def totals(rows: QuerySet[Any]) -> list[tuple[Any, str]]:
    """What the listed attempts came to, by the day they began."""
    paid = Q(credited_at__isnull=False)
    sums = rows.order_by().aggregate(
        attempts=Count("pk"),
        paid=Sum("amount", filter=paid),
        cancelled=Sum("cancel_amount", filter=paid),
        paid_count=Count("pk", filter=paid),
    )
    charged, back = sums["paid"] or 0, sums["cancelled"] or 0
    return [
        (_("Attempts"), f"{sums['attempts']:,}"),
        (_("Sum paid"), f"{won(charged)} · {sums['paid_count']:,}"),
        (_("Sum cancelled"), won(back)),
        (_("Net"), won(charged - back)),
    ]


class PointTransactionAdmin(MoneyAdmin):
    """Attempts to pay."""

    detail_page = payment_detail.show
    staff_actions = actions_of(PointTransaction)
    sheet = export_columns.TRANSACTIONS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("owner__user")  # type: ignore[no-any-return]

    def listing(self, request: HttpRequest) -> Listing:
        typed = request.GET.get("q", "").strip()
        return Listing(
            request.GET,
            self.get_queryset(request),
            COLUMNS,
            [*filters(), columns.member_filter("owner")],
            time_column="created_at",
            search=searching.transactions,
            search_hint=gettext_lazy(
                "Order, payment, PG or approval number, member, e-mail, exact amount"
            ),
            totals=totals,
            nothing_found=lookup_buttons(request, typed) if IMP_UID.fullmatch(typed) else "",
        )
