"""The month's close, and lies that the audit sees in the figures."""

from __future__ import annotations

from datetime import date

import pytest
from django.db.models import F

from billing.models import DailyFigures
from billing.reports import overview as reports_overview
from billing.reports.closed_days import close_days
from billing.reports.daily_stats import COLUMNS, Sums
from billing.reports.month_close import month_close
from billing.reports.overview import overview
from billing.tests.support.figures import FIGURES, MONDAY, contradictions, seoul, stored

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


def test_a_month_adds_up(attempt, plant, point):
    txn = attempt("2026-09-30 23:59", paid="2026-09-30 23:59:59")
    attempt("2026-10-01 00:00", paid="2026-10-01 00:00", amount=3_000)
    plant("cancel", -4_000, "2026-10-05 10:00", txn)
    plant("release", 4_000, "2026-10-06 10:00", txn)
    plant("spend", -700, "2026-10-31 23:59:59")
    plant("give_back", 200, "2026-10-31 23:59:59")
    plant("adjust", -50, "2026-10-20 10:00")
    close_days(now=seoul("2026-11-24 04:00"))
    close = month_close(date(2026, 10, 17))
    assert (close.month, close.opening, close.is_whole, len(close.lines)) == (
        date(2026, 10, 1),
        10_000,
        True,
        31,
    )
    assert close.sums == Sums(
        attempts=1, succeeded=1, charged=3_000, spent=700, given_back=200, adjusted=-50
    )
    assert close.closing == 12_450
    owed = close.opening
    for line in close.lines:
        assert line.opening == owed
        owed = line.closing
    assert owed == close.closing == month_close(date(2026, 11, 1)).opening
    point.refresh_from_db()
    assert close.closing == point.balance  # nothing happened since
    assert month_close(date(2026, 9, 1)).opening == 0


def test_a_month_that_is_not_over(plant):
    plant("adjust", 5, "2026-10-31 10:00")
    close_days(now=seoul("2026-11-24 04:00"))
    november = month_close(date(2026, 11, 24))
    assert (november.is_whole, len(november.lines), november.opening, november.closing) == (
        False,
        23,
        5,
        5,
    )
    assert month_close(date(2026, 12, 1)).lines == []
    assert month_close(
        date(2026, 10, 1)
    ).is_whole  # it has its last day, though the installation began within it


# -- the audit sees lies ---------------------------------------------------------------------------


@pytest.fixture
def closed(attempt, plant):
    attempt("2026-09-01 10:00", paid="2026-09-01 10:01")
    attempt("2026-11-23 10:00", paid="2026-11-23 10:01")
    plant("spend", -10, "2026-11-23 10:00")
    close_days(now=seoul("2026-11-24 04:00"))
    assert contradictions() == {}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_falsified_figure_is_found(closed, column):
    DailyFigures.objects.filter(day=MONDAY, pay_method="card").update(**{column: F(column) + 1})
    value = getattr(stored()[MONDAY, "card"], column)
    assert contradictions() == {
        FIGURES: [f"2026-11-23 card: {column} is {value}, the rows say {value - 1}"]
    }


def test_less_success_than_the_rows_is_found_on_a_final_day_only(closed):
    for day in (MONDAY, date(2026, 9, 1)):
        DailyFigures.objects.filter(day=day, pay_method="card").update(succeeded=0)
    assert contradictions() == {FIGURES: ["2026-09-01 card: succeeded is 0, the rows say 1"]}


def test_a_day_that_never_was_and_one_that_is_missing_are_found(closed):
    DailyFigures.objects.create(day=MONDAY, pay_method="gold", charged=1_000_000)
    DailyFigures.objects.filter(day=date(2026, 9, 1), pay_method="card").delete()
    assert contradictions() == {
        FIGURES: [
            "2026-09-01 card: not rolled up",
            "2026-11-23 gold: charged is 1000000, the rows say 0",
        ]
    }
    close_days(now=seoul("2026-11-24 04:00"), since=date(2026, 9, 1))
    assert contradictions() == {}


def test_rows_of_today_are_no_drift(closed, plant):
    plant("spend", -10, "2026-11-24 10:00")
    assert contradictions() == {}


def test_what_was_committed_late_is_found_and_the_next_night_mends_it(closed, plant):
    """A spend before midnight, inside a caller's transaction that is committed after the night's
    job.
    """
    plant("spend", -10, "2026-11-23 23:59")
    assert contradictions() == {FIGURES: ["2026-11-23: spent is 10, the rows say 20"]}
    close_days(now=seoul("2026-11-25 04:00"))
    assert contradictions() == {}


@pytest.mark.parametrize("closed_before", [False, True])
def test_a_day_that_is_closed_while_the_overview_is_read_counts_once(
    plant, closed_before, monkeypatch
):
    plant("adjust", 700, "2026-11-22 12:00")
    plant("adjust", 5_000, "2026-11-24 12:00")
    now = seoul("2026-11-25 09:00")
    if closed_before:
        close_days(now=seoul("2026-11-23 09:00"))
    before, by_key = overview(now=now), reports_overview.sums_by_key

    def closed_meanwhile(*queries):
        monkeypatch.undo()
        close_days(now=now)
        return by_key(*queries)

    monkeypatch.setattr(reports_overview, "sums_by_key", closed_meanwhile)
    found = overview(now=now)
    assert found == before
    assert (found.period(7).adjusted, found.owed) == (5_700, 5_700)
