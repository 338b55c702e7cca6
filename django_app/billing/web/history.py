"""The member's history: two lists, and each as a CSV file. Whatever belongs to somebody else is in
neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.models import PayMethod, Point, PointEntry, PointTransaction
from billing.reports import csv_file
from billing.support.rate_limit import allow
from billing.web import history_query
from billing.web.display_status import DisplayStatus, display_status
from billing.web.history_query import ENTRY_KINDS, PAYMENT_KINDS, QUIET, STATES, Month, Query
from billing.web.page import render_page

FILES_PER_MINUTE = 10  # per member; each reads the whole history

View = Callable[[HttpRequest, Query], HttpResponseBase]


def _own(kinds: Any) -> Callable[[View], Callable[[HttpRequest], HttpResponseBase]]:
    """A page of the member's own, for a choice that can be read; 404 for any other."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
        @never_cache
        @require_safe
        @login_required
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponseBase:
            try:
                return view(request, Query.read(request.GET, kinds))
            except history_query.BadQuery as bad:
                raise Http404(f"not understood: {bad}") from None

        return answer

    return decorate


@_own(PAYMENT_KINDS)
def payments(request: HttpRequest, query: Query) -> HttpResponse:
    """Attempts to pay."""
    member = request.user.pk
    page = history_query.payments(member, query)
    months = [
        (
            month,
            [
                (txn, state := display_status(txn).status, STATES[state], state in QUIET)
                for txn in rows
            ],
        )
        for month, rows in page.months()
    ]
    context = {
        "months": months,
        "totals": history_query.payment_totals(member, query.month) if query.month else None,
        "kinds": list(PAYMENT_KINDS.items()),
    }
    return _show(request, "billing/payments.html", query, page.older, PointTransaction, context)


@_own(ENTRY_KINDS)
def entries(request: HttpRequest, query: Query) -> HttpResponse:
    """The ledger."""
    member = request.user.pk
    page = history_query.entries(member, query)
    context = {
        "months": [
            (month, [(entry, ENTRY_KINDS[entry.kind]) for entry in rows])
            for month, rows in page.months()
        ],
        "totals": history_query.entry_totals(member, query.month) if query.month else None,
        "kinds": list(ENTRY_KINDS.items()),
    }
    return _show(request, "billing/entries.html", query, page.older, PointEntry, context)


def _show(
    request: HttpRequest,
    template: str,
    query: Query,
    older: int | None,
    model: type[PointTransaction] | type[PointEntry],
    context: dict[str, Any],
) -> HttpResponse:
    shared = {
        "DisplayStatus": DisplayStatus,
        "query": query,
        "balance": Point.objects.balance_of(request.user),
        "choices": history_query.months_of(model, request.user.pk, query.month),
        "newest_query": query.address() if query.before else None,
        "older_query": query.address(older) if older else None,
        "file_query": query.address(),
    }
    return render_page(request, template, {**shared, **context})


# -- files -----------------------------------------------------------------------------------------


@_own(PAYMENT_KINDS)
def payments_csv(request: HttpRequest, query: Query) -> HttpResponseBase:
    """Attempts to pay, as a file. The words are looked up before it is sent: by then another
    request may speak another language.
    """
    states, methods = _words(STATES), _words(dict(PayMethod.choices))

    def rows() -> Iterator[tuple[str | int, ...]]:
        for txn in history_query.payment_rows(request.user.pk, query):
            method = methods.get(txn.pay_method, txn.pay_method)
            money = (txn.amount, txn.cancel_amount, txn.credited)
            yield (
                _time(txn.created_at),
                txn.merchant_uid,
                states[display_status(txn).status],
                method,
                *money,
            )

    head = [
        _("Time"),
        _("Payment number"),
        _("State"),
        pgettext("payment", "Method"),
        _("Amount (won)"),
        _("Refunded (won)"),
        _("Points"),
    ]
    return _file(request, "payments", query, head, rows)


@_own(ENTRY_KINDS)
def entries_csv(request: HttpRequest, query: Query) -> HttpResponseBase:
    """The ledger, as a file."""
    kinds = _words(ENTRY_KINDS)

    def rows() -> Iterator[tuple[str | int, ...]]:
        for entry in history_query.entry_rows(request.user.pk, query):
            number = entry.txn.merchant_uid if entry.txn else ""
            yield (_time(entry.created_at), kinds[entry.kind], entry.delta, entry.memo, number)

    return _file(
        request,
        "points",
        query,
        [_("Time"), _("Kind"), _("Points"), _("Memo"), _("Payment number")],
        rows,
    )


def _file(
    request: HttpRequest,
    name: str,
    query: Query,
    head: list[str],
    rows: Callable[[], Iterator[tuple[str | int, ...]]],
) -> HttpResponseBase:
    if not allow(f"csv-{request.user.pk}", at_most=FILES_PER_MINUTE, seconds=60):
        return render_page(request, "billing/too_many.html", status=429)
    until: Month | str = query.month or f"{timezone.localdate():%Y-%m-%d}"
    return csv_file.response(f"{name}-{until}", head, rows())


def _words(texts: dict[str, Any]) -> dict[str, str]:
    return {key: str(text) for key, text in texts.items()}


def _time(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
