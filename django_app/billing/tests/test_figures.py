"""The day's figures: planted rows around midnight in Seoul, compared with sums made by hand;
roll-up, close, and an audit that sees lies.
"""

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
from billing.reports.integrity_checks import CHECKS, audit

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
    return {finding.check: finding.named for finding in audit() if finding.count}


# -- days begin at midnight in Seoul ---------------------------------------------------------------


def test_an_entry_belongs_to_its_day_in_seoul(plant):
    for when in (
        "2026-11-22 23:59:59.999999",
        "2026-11-23 00:00:00",
        "2026-11-23 08:59:59",
        "2026-11-23 09:00",
        "2026-11-23 23:59:59.999999",
        "2026-11-24 00:00",
    ):
        plant("adjust", 1, when)
    daily_stats.close_days(now=seoul("2026-11-26 04:00"))
    assert {day.day: sums.adjusted for (day, _), sums in something(stored()).items()} == {
        22: 1,
        23: 4,
        24: 1,
    }


def test_every_kind_in_its_column(attempt, plant):
    txn = attempt("2026-11-23 10:00", paid="2026-11-23 10:01", method="kakaopay")
    attempt("2026-11-23 11:00")
    plant("cancel", -4_000, "2026-11-24 10:00", txn)  # of yesterday's charge: the day of the cancel
    # Withdrawn the day after: that day has less than nothing cancelled.
    plant("release", 4_000, "2026-11-25 10:00", txn)
    plant("cancel", -1_000, "2026-11-25 11:00", txn)
    plant("spend", -700, "2026-11-24 10:00")
    plant("give_back", 300, "2026-11-24 12:00")
    plant("adjust", -50, "2026-11-24 13:00")
    daily_stats.close_days(now=seoul("2026-11-26 04:00"))
    assert something(stored()) == something(by_hand()) == {
        (date(2026, 11, 23), "kakaopay"): daily_stats.Sums(attempts=1, succeeded=1, charged=10_000),
        (date(2026, 11, 23), "card"): daily_stats.Sums(attempts=1),
        (date(2026, 11, 24), "kakaopay"): daily_stats.Sums(cancelled=4_000),
        (date(2026, 11, 24), ""): daily_stats.Sums(spent=700, given_back=300, adjusted=-50),
        (date(2026, 11, 25), "kakaopay"): daily_stats.Sums(cancelled=-3_000),
    }  # fmt: skip
    assert FIGURES not in found()


def test_what_staff_adopted_is_money_and_no_attempt(attempt, gateway, user, make_user):
    attempt("2026-11-23 10:00", paid="2026-11-23 10:01", claimed=True)
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    assert stored()[MONDAY, "card"] == daily_stats.Sums(charged=10_000)
    stranger = gateway.pay("shop-2", amount=5_000)
    claimed = PointTransaction.objects.claim_unmatched_payment(
        stranger, user=user, by=make_user("staff")
    ).txn
    assert claimed.claimed


def test_a_success_counts_for_31_days(attempt):
    began = seoul("2026-09-01 10:00")
    attempt(began, paid=began + 31 * DAY - timedelta(seconds=1))
    attempt(began, paid=began + 31 * DAY)
    daily_stats.close_days(now=seoul("2026-11-24 04:00"))
    assert stored()[date(2026, 9, 1), "card"] == daily_stats.Sums(attempts=2, succeeded=1)
    assert stored()[date(2026, 10, 2), "card"] == daily_stats.Sums(charged=20_000)
    assert found() == {}


# -- closing ---------------------------------------------------------------------------------------


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
