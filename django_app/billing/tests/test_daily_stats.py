"""The day's figures: planted rows around midnight in Seoul, compared with sums made by hand;
roll-up, close, and an audit that sees lies.
"""

from __future__ import annotations

from collections import defaultdict
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
