"""The day's figures: planted rows around midnight in Seoul, compared with sums made by hand;
roll-up, close, and an audit that sees lies.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from billing.models import PointTransaction
from billing.reports.closed_days import close_days
from billing.reports.daily_stats import Sums
from billing.tests.support.figures import (
    DAY,
    FIGURES,
    MONDAY,
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
    close_days(now=seoul("2026-11-26 04:00"))
    assert {day.day: sums.adjusted for (day, _), sums in without_empty(stored()).items()} == {
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
    close_days(now=seoul("2026-11-26 04:00"))
    assert without_empty(stored()) == without_empty(by_hand()) == {
        (date(2026, 11, 23), "kakaopay"): Sums(attempts=1, succeeded=1, charged=10_000),
        (date(2026, 11, 23), "card"): Sums(attempts=1),
        (date(2026, 11, 24), "kakaopay"): Sums(cancelled=4_000),
        (date(2026, 11, 24), ""): Sums(spent=700, given_back=300, adjusted=-50),
        (date(2026, 11, 25), "kakaopay"): Sums(cancelled=-3_000),
    }  # fmt: skip
    assert FIGURES not in contradictions()


def test_what_staff_adopted_is_money_and_no_attempt(attempt, gateway, user, make_user):
    attempt("2026-11-23 10:00", paid="2026-11-23 10:01", claimed=True)
    close_days(now=seoul("2026-11-24 04:00"))
    assert stored()[MONDAY, "card"] == Sums(charged=10_000)
    stranger = gateway.pay("shop-2", amount=5_000)
    claimed = PointTransaction.objects.claim_unmatched_payment(
        stranger, user=user, by=make_user("staff")
    ).txn
    assert claimed.claimed


def test_a_success_counts_for_31_days(attempt):
    began = seoul("2026-09-01 10:00")
    attempt(began, paid=began + 31 * DAY - timedelta(seconds=1))
    attempt(began, paid=began + 31 * DAY)
    close_days(now=seoul("2026-11-24 04:00"))
    assert stored()[date(2026, 9, 1), "card"] == Sums(attempts=2, succeeded=1)
    assert stored()[date(2026, 10, 2), "card"] == Sums(charged=20_000)
    assert contradictions() == {}


# -- closing ---------------------------------------------------------------------------------------
