"""The month's close, and lies that the audit sees in the figures."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F

from billing.models import DailyFigures, Point, PointEntry, PointTransaction
from billing.reports import daily_stats
from billing.reports.integrity_checks import CHECKS, check_integrity

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

SEOUL = ZoneInfo("Asia/Seoul")
DAY = timedelta(days=1)
MONDAY = date(2026, 11, 23)
FIGURES = list(CHECKS)[-1]


def seoul(text):
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


@contextmanager
def at(when):
    """As if it were this moment: what Django stamps rows with."""
    with patch(
        "django.utils.timezone.now",
        return_value=when if isinstance(when, datetime) else seoul(when),
    ):
        yield


@pytest.fixture
def point(user):
    return Point.objects.create(user=user)


@pytest.fixture
def plant(point):
    """plant("spend", -500, "2026-11-24 00:00"): an entry of that moment, and the balance
    with it.
    """
    number = iter(range(1, 10_000))

    def make(kind, delta, when, txn=None):
        key = (
            {"txn": txn, "version": next(number)}
            if txn
            else {"idempotency_key": f"k-{next(number)}"}
        )
        with at(when):
            PointEntry.objects.create(owner=point, kind=kind, delta=delta, **key)
        Point.objects.filter(pk=point.pk).update(balance=F("balance") + delta)

    return make


@pytest.fixture
def attempt(point):
    """attempt("2026-11-23 10:00", paid="2026-11-24 09:00"): a row that began then, with its charge
    where it was paid.
    """

    def make(began, *, paid=None, amount=10_000, method="card", **more):
        made = PointTransaction.objects.count() + 1
        with at(began):
            txn = PointTransaction.objects.create(
                owner=point, merchant_uid=f"m-{made}", amount=amount, pay_method=method, **more
            )
        if paid:
            pay(txn, paid)
        return txn

    def pay(txn, when):
        with at(when):
            PointTransaction.objects.filter(pk=txn.pk).update(
                imp_uid=f"imp_{txn.pk}",
                status="paid",
                credited=txn.amount,
                credited_at=when if isinstance(when, datetime) else seoul(when),
            )
            PointEntry.objects.create(
                owner=point, txn=txn, version=100_000 + txn.pk, kind="charge", delta=txn.amount
            )
        Point.objects.filter(pk=point.pk).update(balance=F("balance") + txn.amount)

    make.pay = pay
    return make


def stored():
    return {
        (row.day, row.pay_method): daily_stats.Sums(
            *(getattr(row, name) for name in daily_stats.COLUMNS)
        )
        for row in DailyFigures.objects.all()
    }


def found():
    return {finding.check: finding.named for finding in check_integrity() if finding.count}


def test_a_month_adds_up(attempt, plant, point):
    txn = attempt("2026-09-30 23:59", paid="2026-09-30 23:59:59")
    attempt("2026-10-01 00:00", paid="2026-10-01 00:00", amount=3_000)
    plant("cancel", -4_000, "2026-10-05 10:00", txn)
    plant("release", 4_000, "2026-10-06 10:00", txn)
    plant("spend", -700, "2026-10-31 23:59:59")
    plant("give_back", 200, "2026-10-31 23:59:59")
    plant("adjust", -50, "2026-10-20 10:00")
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    close = daily_stats.close_of(date(2026, 10, 17))
    assert (close.month, close.opening, close.is_whole, len(close.lines)) == (
        date(2026, 10, 1),
        10_000,
        True,
        31,
    )
    assert close.sums == daily_stats.Sums(
        attempts=1, succeeded=1, charged=3_000, spent=700, given_back=200, adjusted=-50
    )
    assert close.closing == 12_450
    owed = close.opening
    for line in close.lines:
        assert line.opening == owed
        owed = line.closing
    assert owed == close.closing == daily_stats.close_of(date(2026, 11, 1)).opening
    point.refresh_from_db()
    assert close.closing == point.balance  # nothing happened since
    assert daily_stats.close_of(date(2026, 9, 1)).opening == 0


def test_a_month_that_is_not_over(plant):
    plant("adjust", 5, "2026-10-31 10:00")
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    november = daily_stats.close_of(date(2026, 11, 24))
    assert (november.is_whole, len(november.lines), november.opening, november.closing) == (
        False,
        23,
        5,
        5,
    )
    assert daily_stats.close_of(date(2026, 12, 1)).lines == []
    assert daily_stats.close_of(
        date(2026, 10, 1)
    ).is_whole  # it has its last day, though the installation began within it


# -- the audit sees lies ---------------------------------------------------------------------------


@pytest.fixture
def closed(attempt, plant):
    attempt("2026-09-01 10:00", paid="2026-09-01 10:01")
    attempt("2026-11-23 10:00", paid="2026-11-23 10:01")
    plant("spend", -10, "2026-11-23 10:00")
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    assert found() == {}


@pytest.mark.parametrize("column", daily_stats.COLUMNS)
def test_a_falsified_figure_is_found(closed, column):
    DailyFigures.objects.filter(day=MONDAY, pay_method="card").update(**{column: F(column) + 1})
    value = getattr(stored()[MONDAY, "card"], column)
    assert found() == {FIGURES: [f"2026-11-23 card: {column} is {value}, the rows say {value - 1}"]}


def test_less_success_than_the_rows_is_found_on_a_final_day_only(closed):
    for day in (MONDAY, date(2026, 9, 1)):
        DailyFigures.objects.filter(day=day, pay_method="card").update(succeeded=0)
    assert found() == {FIGURES: ["2026-09-01 card: succeeded is 0, the rows say 1"]}


def test_a_day_that_never_was_and_one_that_is_missing_are_found(closed):
    DailyFigures.objects.create(day=MONDAY, pay_method="gold", charged=1_000_000)
    DailyFigures.objects.filter(day=date(2026, 9, 1), pay_method="card").delete()
    assert found() == {
        FIGURES: [
            "2026-09-01 card: not rolled up",
            "2026-11-23 gold: charged is 1000000, the rows say 0",
        ]
    }
    daily_stats.close_days(now=seoul("2026-11-24 04:00"), since=date(2026, 9, 1))
    assert found() == {}


def test_rows_of_today_are_no_drift(closed, plant):
    plant("spend", -10, "2026-11-24 10:00")
    assert found() == {}


def test_what_was_committed_late_is_found_and_the_next_night_mends_it(closed, plant):
    """A spend before midnight, inside a caller's transaction that is committed after the night's
    job.
    """
    plant("spend", -10, "2026-11-23 23:59")
    assert found() == {FIGURES: ["2026-11-23: spent is 10, the rows say 20"]}
    daily_stats.close_days(now=seoul("2026-11-25 04:00"))
    assert found() == {}


@pytest.mark.parametrize("closed_before", [False, True])
def test_a_day_that_is_closed_while_the_overview_is_read_counts_once(
    plant, closed_before, monkeypatch
):
    plant("adjust", 700, "2026-11-22 12:00")
    plant("adjust", 5_000, "2026-11-24 12:00")
    now = seoul("2026-11-25 09:00")
    if closed_before:
        daily_stats.close_days(now=seoul("2026-11-23 09:00"))
    before, by_key = daily_stats.overview(now=now), daily_stats._by_key

    def closed_meanwhile(*queries):
        monkeypatch.undo()
        daily_stats.close_days(now=now)
        return by_key(*queries)

    monkeypatch.setattr(daily_stats, "_by_key", closed_meanwhile)
    found = daily_stats.overview(now=now)
    assert found == before
    assert (found.period(7).adjusted, found.owed) == (5_700, 5_700)
