"""Days that are closed once, and read from there."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from billing.models import DailyFigures, Point
from billing.reports import closed_days
from billing.reports.closed_days import close_days
from billing.reports.daily_stats import Sums, total
from billing.reports.month_close import month_close
from billing.reports.overview import overview
from billing.tests.support.figures import (
    DAY,
    FIGURES,
    MONDAY,
    at,
    by_hand,
    contradictions,
    seoul,
    stored,
    without_empty,
)

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


def test_twice_is_once(attempt, plant):
    attempt("2026-11-23 10:00", paid="2026-11-23 10:01")
    plant("spend", -10, "2026-11-24 10:00")
    now = seoul("2026-11-26 04:00")
    assert close_days(now=now) == 3
    once = stored()
    assert close_days(now=now) == 3  # still open for late payments
    assert stored() == once


def test_every_closed_day_has_a_line_and_today_has_none(plant):
    plant("adjust", 1, "2026-11-20 10:00")
    plant("adjust", 1, "2026-11-23 10:00")
    close_days(now=seoul("2026-11-23 23:59"))
    assert [row.day.day for row in DailyFigures.objects.filter(pay_method="").order_by("day")] == [
        20,
        21,
        22,
    ]


@pytest.mark.parametrize(("now", "last"), [("2026-11-24 00:09:59", 22), ("2026-11-24 00:10", 23)])
def test_a_day_closes_once_its_last_transactions_have_ended(plant, now, last):
    plant("adjust", 1, "2026-11-20 10:00")
    close_days(now=seoul(now))
    assert max(DailyFigures.objects.values_list("day", flat=True)).day == last


def test_without_rows_nothing_closes():
    assert close_days() == 0
    assert overview().owed == 0
    assert contradictions() == {}


def test_a_late_payment_changes_the_rate_of_its_day_and_only_that(attempt):
    txn = attempt("2026-11-23 10:00", method="vbank")
    close_days(now=seoul("2026-11-24 04:00"))
    attempt.pay(txn, "2026-11-25 10:00")
    assert contradictions() == {}  # the next night sees it
    close_days(now=seoul("2026-11-26 04:00"))
    assert stored()[MONDAY, "vbank"] == Sums(attempts=1, succeeded=1)
    assert stored()[MONDAY + 2 * DAY, "vbank"] == Sums(charged=10_000)
    assert contradictions() == {}


def test_a_final_day_is_left_alone_unless_asked(attempt):
    attempt("2026-09-01 10:00", paid="2026-09-01 10:01")
    close_days(now=seoul("2026-11-24 04:00"))
    DailyFigures.objects.filter(charged=10_000).update(charged=1)
    close_days(now=seoul("2026-11-25 04:00"))
    assert stored()[date(2026, 9, 1), "card"].charged == 1
    close_days(now=seoul("2026-11-25 04:00"), since=date(2026, 9, 1))
    assert stored() == {
        **stored(),
        (date(2026, 9, 1), "card"): Sums(attempts=1, succeeded=1, charged=10_000),
    }
    assert contradictions() == {}


def test_the_command(attempt, capsys):
    attempt("2026-09-01 10:00", paid="2026-09-01 10:01")
    with at("2026-09-04 04:00"):
        call_command("roll_up")
        DailyFigures.objects.update(charged=1)
        call_command("roll_up", since="2026-09-03")
        call_command("roll_up", "--since", "2026-09-01")
    assert capsys.readouterr().out.splitlines() == ["3 days summed up."] * 3
    assert stored()[date(2026, 9, 1), "card"].charged == 10_000
    with pytest.raises(CommandError, match="is not a day: write it as 2026-11-24"):
        call_command("roll_up", "--since", "01.09.2026")


def test_a_stopped_run_is_taken_up_where_it_was_left(attempt, monkeypatch):
    attempt("2026-08-01 10:00", paid="2026-08-01 10:01")
    real, done = closed_days._roll_up, []

    def once(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(real(*arguments))

    monkeypatch.setattr(closed_days, "_roll_up", once)
    with pytest.raises(KeyboardInterrupt):
        close_days(now=seoul("2026-11-24 04:00"))
    monkeypatch.undo()
    assert DailyFigures.objects.filter(pay_method="").count() == 31
    assert overview(now=seoul("2026-11-24 12:00")).owed == 10_000
    close_days(now=seoul("2026-11-24 04:00"))
    assert (
        DailyFigures.objects.filter(pay_method="").count()
        == (date(2026, 11, 24) - date(2026, 8, 1)).days
    )


# -- reading: closed days and live ones ------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_life_equals_sums_made_by_hand(attempt, plant, seed):
    chance = random.Random(seed)
    now = seoul("2026-11-24 12:00")
    midnight = seoul("2026-11-24 00:00")

    def moment(earliest=50):
        """Anywhere within 50 days, half of them within a second of a midnight."""
        if chance.random() < 0.5:
            return (
                midnight
                - chance.randrange(earliest) * DAY
                + timedelta(microseconds=chance.randint(-1_000_000, 1_000_000))
            )
        return now - timedelta(seconds=chance.randrange(earliest * 86_400))

    for _ in range(60):
        began = moment()
        late = min(now, began + chance.choice([timedelta(minutes=1), 2 * DAY, 40 * DAY]))
        txn = attempt(
            began,
            paid=chance.choice([late, None]),
            method=chance.choice(["card", "vbank", "phone"]),
            amount=chance.randint(1, 50) * 1_000,
        )
        if txn.pk and chance.random() < 0.3:
            plant("cancel", -chance.randint(1, 1_000), min(now, late + DAY), txn)
            if chance.random() < 0.3:
                plant("release", chance.randint(1, 1_000), min(now, late + 2 * DAY), txn)
    for _ in range(60):
        kind, sign = chance.choice([("spend", -1), ("give_back", 1), ("adjust", 1), ("adjust", -1)])
        plant(kind, sign * chance.randint(1, 5_000), moment())

    seen = overview(now=now)  # nothing is closed yet
    balances = Point.objects.aggregate(sum=Sum("balance"))["sum"]
    assert seen.owed == balances
    close_days(now=now - 5 * DAY)  # nightly did not run for a few days
    for number in (1, 7, 30):
        expected = [
            sums for (day, _), sums in by_hand().items() if day > date(2026, 11, 24) - number * DAY
        ]
        assert overview(now=now).period(number) == seen.period(number) == total(expected)
    assert overview(now=now).owed == balances
    close_days(now=now)
    again = overview(now=now)
    assert without_empty(again.by_key) == without_empty(
        {key: sums for key, sums in by_hand().items() if key[0] > date(2026, 10, 25)}
    )
    assert without_empty(stored()) == without_empty(by_hand(until=date(2026, 11, 23)))
    assert again.owed == balances
    assert FIGURES not in contradictions()


def test_periods(attempt, plant):
    now = seoul("2026-11-24 12:00")
    for back, amount in ((0, 1_000), (6, 20_000), (7, 300_000), (29, 400_000), (30, 5_000_000)):
        attempt(now - back * DAY, paid=now - back * DAY, amount=amount)
    attempt(now)
    plant("spend", -100, now)
    seen = overview(now=now)
    assert [seen.period(number).charged for number in (1, 7, 30)] == [1_000, 21_000, 721_000]
    assert (seen.period(1).attempts, seen.period(1).rate) == (2, 0.5)
    assert seen.by_method(1) == {
        "card": Sums(attempts=2, succeeded=1, charged=1_000),
        "": Sums(spent=100),
    }
    assert dict(seen.days(7))[date(2026, 11, 18)].net == 20_000
    assert seen.owed == 5_721_000 - 100
    assert Sums().rate is None


def test_the_number_of_statements_does_not_grow(attempt, plant):
    now = seoul("2026-11-24 12:00")

    def statements():
        with CaptureQueriesContext(connection) as captured:
            overview(now=now)
            month_close(MONDAY)
        return len(captured)

    few = statements()
    for back in range(40):
        attempt(now - back * DAY, paid=now - back * DAY, method=f"m{back % 9}")
    close_days(now=now)
    plant("spend", -10, now)
    assert statements() == few == 6


# -- the month's close -----------------------------------------------------------------------------
