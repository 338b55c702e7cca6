"""Months of the history: totals, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from billing.tests.support.history import ENTRIES, NOW, PAYMENTS, shown, spend
from billing.web.history_query import Month

pytestmark = pytest.mark.django_db


SEOUL_NOVEMBER = datetime(2026, 10, 31, 15, tzinfo=UTC)  # 1 November, 00:00


@pytest.mark.parametrize("address", [PAYMENTS, ENTRIES])
def test_a_month_begins_in_seoul(member: Client, add: Any, now: Any, address: str) -> None:
    made = []
    for moment in (SEOUL_NOVEMBER - timedelta(seconds=1), SEOUL_NOVEMBER, NOW):
        now(moment)
        txn = add(paid=True)
        made.append(txn.pk if address == PAYMENTS else txn.entries.get().pk)
    now(NOW)
    assert shown(member.get(f"{address}?month=2026-10")) == made[:1]
    assert shown(member.get(f"{address}?month=2026-11")) == [made[2], made[1]]
    assert shown(member.get(f"{address}?month=2026-12")) == []
    months = member.get(address).context["months"]
    assert [str(month) for month, _rows in months] == ["2026-11", "2026-10"]
    assert [str(month) for month in member.get(address).context["choices"]] == [
        "2026-11",
        "2026-10",
    ]
    assert "2031-01" in [
        str(month) for month in member.get(f"{address}?month=2031-01").context["choices"]
    ]


def test_totals_are_those_of_the_month(member: Client, add: Any, now: Any, user: Any) -> None:
    now(SEOUL_NOVEMBER - timedelta(seconds=1))
    add(paid=True, amount=50_000)
    now(NOW)
    add(paid=True, amount=30_000)
    add(cancelled=4_000, amount=10_000)
    add("failed", amount=70_000)
    spend(user, -500, "")
    assert member.get(f"{PAYMENTS}?month=2026-11").context["totals"] == {
        "paid": 40_000,
        "refunded": 4_000,
    }
    assert member.get(f"{PAYMENTS}?month=2026-10").context["totals"] == {
        "paid": 50_000,
        "refunded": 0,
    }
    assert member.get(f"{ENTRIES}?month=2026-11").context["totals"] == {
        "came": 40_000,
        "went": 4_500,
    }
    assert member.get(f"{ENTRIES}?month=2020-01").context["totals"] == {"came": 0, "went": 0}
    # Over everything it would cost more every year.
    assert member.get(PAYMENTS).context["totals"] is None


def test_months_go_round_the_year() -> None:
    assert str(Month(2026, 12).next) == "2027-01"
    assert str(Month(2026, 1).before) == "2025-12"
    assert str(Month(2026, 11).next) == "2026-12"
    assert str(Month(2026, 12).before) == "2026-11"
    assert Month(2026, 11).begins == SEOUL_NOVEMBER


# -- what nobody links to --------------------------------------------------------------------------
