"""The overview: what came in, what waits, what is owed. For those who may see figures; no gateway
is asked. A page of its own (`month_close.py`), and the first one where a project wants it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from billing.admin_site import admin_url
from billing.db import permissions
from billing.reports.daily_stats import DAY, Sums, total
from billing.reports.open_work import OpenWork, open_work
from billing.reports.overview import Overview, overview
from billing_office.columns import METHODS, run_url
from billing_office.formatting import NOTHING, badge, moment, points, won
from billing_office.pages import charts

DAYS = 30
PERIODS = (1, 7, DAYS)


@dataclass(frozen=True)
class Waiting:
    """One thing that waits. address: the list of it, for those who may see it; tone: how much it
    matters.
    """

    words: str
    number: str
    address: str
    note: str = ""
    tone: str = "plain"
    sign: str = "○"

    @property
    def badge(self) -> Any:
        """The number, in its tone."""
        return badge(self.number, self.tone, self.sign)


@dataclass(frozen=True)
class Table:
    """A chart's numbers to read: heads, then rows of a name and cells."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


def context(request: HttpRequest, given: dict[str, Any]) -> dict[str, Any]:
    """What a page that includes `billing_office/_overview.html` needs on top; nothing for those who
    may not see figures. For Unfold's DASHBOARD_CALLBACK, too.
    """
    if not request.user.has_perm(permissions.FIGURES):
        return given
    now = timezone.now()
    stats, waits = overview(DAYS, now=now), open_work(now=now)
    days = stats.days(DAYS)
    return {
        **given,
        "figures": {
            "periods": [_period(stats, number) for number in PERIODS],
            "owed": points(stats.owed),
            "short": waits.members_below_zero
            and _("%(members)s members are %(points)s below zero") % _below_zero(waits),
            "waiting": list(_waiting(request, waits)),
            "reconcile": _reconcile(request, waits),
            "closed_until": stats.closed_until,
            "is_behind": stats.closed_until is None or stats.closed_until < stats.today - DAY,
            "first": days[0][0],
            "last": stats.today,
            "money": _money_chart(days),
            "rates": _rate_chart(days),
            "close": admin_url("billing_dailyfigures_changelist"),
        },
    }


# -- periods ---------------------------------------------------------------------------------------


def _period_name(number: int) -> str:
    return _("Today") if number == 1 else _("%(number)d days") % {"number": number}


def rate(sums: Sums) -> str:
    """Attempts that succeeded, in percent; rounded down, so that 100 % are all of them."""
    return f"{sums.succeeded * 100 // sums.attempts}%" if sums.attempts else NOTHING


def _period(stats: Overview, number: int) -> dict[str, Any]:
    sums = stats.period(number)
    by_method = sorted(
        stats.by_method(number).items(), key=lambda item: (-item[1].charged, item[0])
    )
    paying = [
        (method, part) for method, part in by_method if method or part.charged or part.attempts
    ]
    most = max((part.charged for _method, part in paying), default=0)
    names = {method: str(METHODS.get(method, method or NOTHING)) for method, _part in paying}
    return {
        "name": _period_name(number),
        "summary": _("By method: %(period)s") % {"period": _period_name(number)},
        "paid": won(sums.charged),
        "facts": [
            (_("Cancelled"), won(sums.cancelled)),
            (_("Net"), won(sums.net)),
            (_("Attempts"), f"{sums.attempts:,}"),
            (_("Success rate"), rate(sums)),
        ],
        "methods": [
            (names[method], won(part.charged), round(100 * max(part.charged, 0) / (most or 1), 1))
            for method, part in paying
        ],
        "table": Table(
            [pgettext("payment", "Method"), *_heads()],
            [(names[method], _cells(part)) for method, part in paying],
        ),
    }


def _heads() -> list[str]:
    return [_("Paid"), _("Cancelled"), _("Net"), _("Attempts"), _("Success rate")]


def _cells(sums: Sums) -> list[str]:
    return [won(sums.charged), won(sums.cancelled), won(sums.net), f"{sums.attempts:,}", rate(sums)]


# -- charts ----------------------------------------------------------------------------------------


def _money_chart(days: list[tuple[date, Sums]]) -> dict[str, Any]:
    # What somebody reads who points at a bar.
    titles = [
        f"{day:%m-%d} · {_('Paid')} {won(sums.charged)} · {_('Cancelled')} {won(sums.cancelled)}"
        for day, sums in days
    ]
    best, highest = max(days, key=lambda item: item[1].charged)
    summary = _(
        "Paid and cancelled on each of the last %(days)d days. The most was paid on %(day)s: "
        "%(amount)s."
    )
    return {
        "chart": charts.bars(
            [sums.charged for _day, sums in days], [sums.cancelled for _day, sums in days], titles
        ),
        "summary": summary % {"days": DAYS, "day": f"{best:%m-%d}", "amount": won(highest.charged)},
        "most": won(highest.charged),
        "table": Table(
            [_("Day"), *_heads()[:3]],
            [(f"{day:%Y-%m-%d}", _cells(sums)[:3]) for day, sums in reversed(days)],
        ),
    }


def _rate_chart(days: list[tuple[date, Sums]]) -> dict[str, Any]:
    titles = [
        f"{day:%m-%d} · {rate(sums)} · {sums.succeeded:,}/{sums.attempts:,}" for day, sums in days
    ]
    summary = _(
        "Share of the attempts of each of the last %(days)d days that were paid. All of them "
        "together: %(rate)s."
    )
    return {
        "chart": charts.bars([sums.rate or 0 for _day, sums in days], [], titles, most=1),
        "summary": summary % {"days": DAYS, "rate": rate(total(sums for _day, sums in days))},
        "table": Table(
            [_("Day"), _("Attempts"), _("Paid"), _("Success rate")],
            [
                (f"{day:%Y-%m-%d}", [f"{sums.attempts:,}", f"{sums.succeeded:,}", rate(sums)])
                for day, sums in reversed(days)
            ],
        ),
    }


# -- what waits ------------------------------------------------------------------------------------


def _below_zero(waits: OpenWork) -> dict[str, str]:
    return {"members": f"{waits.members_below_zero:,}", "points": points(waits.points_below_zero)}


def _waiting(request: HttpRequest, waits: OpenWork) -> Iterator[Waiting]:
    def item(
        words: str,
        number: int,
        model: str,
        query: str,
        *,
        note: str = "",
        tone: str = "info",
        sign: str = "…",
    ) -> Waiting:
        may_see = request.user.has_perm(f"billing.view_{model}")
        address = f"{admin_url(f'billing_{model}_changelist')}{query}" if may_see else ""
        return Waiting(
            words,
            f"{number:,}",
            address,
            note,
            tone if number else "plain",
            sign if number else "○",
        )

    yield item(
        _("Open reviews"), waits.reviews, "pointtransaction", "?review=any", tone="bad", sign="!"
    )
    yield item(
        _("Unknown cancels"),
        waits.unknown_cancels,
        "pointcancellation",
        "?kind=cancel&state=unknown",
        tone="warn",
        sign="?",
    )
    yield item(_("Cancels under way"), waits.cancels_under_way, "pointcancellation", "?under-way=1")
    yield item(
        _("Wrong money on its way back"),
        waits.mismatch_refunds,
        "pointcancellation",
        "?kind=return&open=1",
    )
    yield item(
        _("Only staff can finish"),
        waits.for_staff,
        "pointcancellation",
        "?staff=yes",
        tone="bad",
        sign="!",
    )
    note = won(waits.unmatched_won) if waits.unmatched else ""
    yield item(
        _("Unmatched payments"),
        waits.unmatched,
        "unmatchedpayment",
        "?decision=waits",
        note=note,
        tone="bad",
        sign="!",
    )
    yield item(
        _("Deliveries not handled yet"),
        waits.deliveries,
        "webhookevent",
        "?outcome=pending",
        tone="warn",
    )
    note = won(waits.open_account_won) if waits.open_accounts else ""
    yield item(
        _("Virtual accounts waiting for a deposit"),
        waits.open_accounts,
        "pointtransaction",
        "?deposit=1",
        note=note,
    )
    yield item(
        _("Members below zero"),
        waits.members_below_zero,
        "point",
        "?balance=below",
        tone="bad",
        sign="−",
    )


def _reconcile(request: HttpRequest, waits: OpenWork) -> dict[str, Any]:
    last = waits.reconcile
    words, tone, sign = {
        "never": (_("never ran"), "bad", "!"),
        "running": (_("running"), "info", "…"),
        "clean": (_("everything agrees"), "good", "✓"),
        "drift": (_("%(number)s differ") % {"number": f"{last.remaining:,}"}, "bad", "!"),
        "silent": (_("the gateway gave no answer"), "bad", "!"),
        "stopped": (_("did not come to its end"), "warn", "?"),
    }[last.verdict]
    if last.verdict == "clean" and not waits.all_agrees:
        words, tone, sign = _("money without a transaction: somebody must decide"), "bad", "!"
    return {
        "badge": badge(words, tone, sign),
        "began": moment(last.began),
        "is_late": last.is_late and last.began is not None,
        "address": run_url(last.pk)
        if last.pk and request.user.has_perm("billing.view_reconcilerun")
        else "",
    }
