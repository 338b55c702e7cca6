"""Days that are closed once, and read from there."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, Sum
from django.test.utils import CaptureQueriesContext

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


def by_hand(until=None):
    """The same from every single row, in plain Python."""
    sums = defaultdict(lambda: dict.fromkeys(daily_stats.COLUMNS, 0))
    column = {"charge": ("charged", 1), "cancel": ("cancelled", -1), "release": ("cancelled", -1),
        "spend": ("spent", -1),
              "give_back": ("given_back", 1), "adjust": ("adjusted", 1)}  # fmt: skip
    for entry in PointEntry.objects.select_related("txn"):
        name, sign = column[entry.kind]
        sums[entry.created_at.astimezone(SEOUL).date(), entry.txn.pay_method if entry.txn else ""][
            name
        ] += sign * entry.delta
    for txn in PointTransaction.objects.filter(claimed=False):
        key = txn.created_at.astimezone(SEOUL).date(), txn.pay_method
        sums[key]["attempts"] += 1
        sums[key]["succeeded"] += bool(
            txn.credited_at and txn.credited_at < txn.created_at + timedelta(days=31)
        )
    return {
        key: daily_stats.Sums(**found)
        for key, found in sums.items()
        if until is None or key[0] <= until
    }


def something(sums):
    """Without the lines that only say that a day is closed."""
    return {key: found for key, found in sums.items() if found != daily_stats.Sums()}


def found():
    return {finding.check: finding.named for finding in check_integrity() if finding.count}


def test_twice_is_once(attempt, plant):
    attempt("2026-11-23 10:00", paid="2026-11-23 10:01")
    plant("spend", -10, "2026-11-24 10:00")
    now = seoul("2026-11-26 04:00")
    assert daily_stats.close_days(now=now) == 3
    once = stored()
    assert daily_stats.close_days(now=now) == 3  # still open for late payments
    assert stored() == once


def test_every_closed_day_has_a_line_and_today_has_none(plant):
    plant("adjust", 1, "2026-11-20 10:00")
    plant("adjust", 1, "2026-11-23 10:00")
    daily_stats.close_days(now=seoul("2026-11-23 23:59"))
    assert [row.day.day for row in DailyFigures.objects.filter(pay_method="").order_by("day")] == [
        20,
        21,
        22,
    ]


@pytest.mark.parametrize(("now", "last"), [("2026-11-24 00:09:59", 22), ("2026-11-24 00:10", 23)])
def test_a_day_closes_once_its_last_transactions_have_ended(plant, now, last):
    plant("adjust", 1, "2026-11-20 10:00")
    daily_stats.close_days(now=seoul(now))
    assert max(DailyFigures.objects.values_list("day", flat=True)).day == last


def test_without_rows_nothing_closes():
    assert daily_stats.close_days() == 0
    assert daily_stats.overview().owed == 0
    assert found() == {}


def test_a_late_payment_changes_the_rate_of_its_day_and_only_that(attempt):
    txn = attempt("2026-11-23 10:00", method="vbank")
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    attempt.pay(txn, "2026-11-25 10:00")
    assert found() == {}  # the next night sees it
    daily_stats.close_days(now=seoul("2026-11-26 04:00"))
    assert stored()[MONDAY, "vbank"] == daily_stats.Sums(attempts=1, succeeded=1)
    assert stored()[MONDAY + 2 * DAY, "vbank"] == daily_stats.Sums(charged=10_000)
    assert found() == {}


def test_a_final_day_is_left_alone_unless_asked(attempt):
    attempt("2026-09-01 10:00", paid="2026-09-01 10:01")
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    DailyFigures.objects.filter(charged=10_000).update(charged=1)
    daily_stats.close_days(now=seoul("2026-11-25 04:00"))
    assert stored()[date(2026, 9, 1), "card"].charged == 1
    daily_stats.close_days(now=seoul("2026-11-25 04:00"), since=date(2026, 9, 1))
    assert stored() == {
        **stored(),
        (date(2026, 9, 1), "card"): daily_stats.Sums(attempts=1, succeeded=1, charged=10_000),
    }
    assert found() == {}


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
    real, done = daily_stats._roll_up, []

    def once(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(real(*arguments))

    monkeypatch.setattr(daily_stats, "_roll_up", once)
    with pytest.raises(KeyboardInterrupt):
        daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    monkeypatch.undo()
    assert DailyFigures.objects.filter(pay_method="").count() == 31
    assert daily_stats.overview(now=seoul("2026-11-24 12:00")).owed == 10_000
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
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

    overview = daily_stats.overview(now=now)  # nothing is closed yet
    balances = Point.objects.aggregate(sum=Sum("balance"))["sum"]
    assert overview.owed == balances
    daily_stats.close_days(now=now - 5 * DAY)  # nightly did not run for a few days
    for number in (1, 7, 30):
        expected = [
            sums for (day, _), sums in by_hand().items() if day > date(2026, 11, 24) - number * DAY
        ]
        assert (
            daily_stats.overview(now=now).period(number)
            == overview.period(number)
            == daily_stats.total(expected)
        )
    assert daily_stats.overview(now=now).owed == balances
    daily_stats.close_days(now=now)
    again = daily_stats.overview(now=now)
    assert something(again.by_key) == something(
        {key: sums for key, sums in by_hand().items() if key[0] > date(2026, 10, 25)}
    )
    assert something(stored()) == something(by_hand(until=date(2026, 11, 23)))
    assert again.owed == balances
    assert FIGURES not in found()


def test_periods(attempt, plant):
    now = seoul("2026-11-24 12:00")
    for back, amount in ((0, 1_000), (6, 20_000), (7, 300_000), (29, 400_000), (30, 5_000_000)):
        attempt(now - back * DAY, paid=now - back * DAY, amount=amount)
    attempt(now)
    plant("spend", -100, now)
    overview = daily_stats.overview(now=now)
    assert [overview.period(number).charged for number in (1, 7, 30)] == [1_000, 21_000, 721_000]
    assert (overview.period(1).attempts, overview.period(1).rate) == (2, 0.5)
    assert overview.by_method(1) == {
        "card": daily_stats.Sums(attempts=2, succeeded=1, charged=1_000),
        "": daily_stats.Sums(spent=100),
    }
    assert dict(overview.days(7))[date(2026, 11, 18)].net == 20_000
    assert overview.owed == 5_721_000 - 100
    assert daily_stats.Sums().rate is None


def test_the_number_of_statements_does_not_grow(attempt, plant):
    now = seoul("2026-11-24 12:00")

    def statements():
        with CaptureQueriesContext(connection) as captured:
            daily_stats.overview(now=now)
            daily_stats.close_of(MONDAY)
        return len(captured)

    few = statements()
    for back in range(40):
        attempt(now - back * DAY, paid=now - back * DAY, method=f"m{back % 9}")
    daily_stats.close_days(now=now)
    plant("spend", -10, now)
    assert statements() == few == 6


# -- the month's close -----------------------------------------------------------------------------
