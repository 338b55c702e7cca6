"""Months of the history: totals, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.test import Client

from billing.models import Point, PointEntry, PointTransaction
from billing.web.history_query import Month

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)  # noon in Seoul
PAYMENTS, ENTRIES = "/billing/payments/", "/billing/entries/"
PAYMENTS_CSV, ENTRIES_CSV = "/billing/payments.csv", "/billing/entries.csv"
ALL = [PAYMENTS, ENTRIES, PAYMENTS_CSV, ENTRIES_CSV]
_numbers = count(1)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """now(moment) → whatever is made from then on was made at that moment."""

    def be(moment: datetime) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    be(NOW)
    return be


@pytest.fixture
def add(user: Any, make_user: Callable[..., Any]) -> Callable[..., PointTransaction]:
    """add(status=…, owner=…) → a row as the gateway's answers would leave it; paid ones with their
    entry.
    """

    def make(
        status: str = "ready",
        *,
        amount: int = 10_000,
        cancelled: int = 0,
        paid: bool = False,
        owner: Any = None,
        **more: Any,
    ) -> Any:
        account, _ = Point.objects.get_or_create(pk=(owner or user).pk)
        number = next(_numbers)
        facts: dict[str, Any] = {"pay_method": "card", **more}
        if paid or cancelled:
            facts.update(
                credited_at=NOW,
                credited=amount - cancelled,
                cancel_amount=cancelled,
                imp_uid=f"imp_{number:012d}",
            )
            status = "cancelled" if cancelled else "paid"
        txn = PointTransaction.objects.create(
            owner=account, merchant_uid=f"m-{number}", amount=amount, status=status, **facts
        )
        if paid or cancelled:
            PointEntry.objects.create(
                owner=account, txn=txn, version=1, kind="charge", delta=amount
            )
            if cancelled:
                PointEntry.objects.create(
                    owner=account, txn=txn, version=2, kind="cancel", delta=-cancelled
                )
        return txn

    return make


@pytest.fixture
def member(client: Client, user: Any) -> Client:
    client.force_login(user)
    return client


def spend(user: Any, points: int, memo: str, kind: str = "spend") -> PointEntry:
    account, _ = Point.objects.get_or_create(pk=user.pk)
    return PointEntry.objects.create(
        owner=account, kind=kind, idempotency_key=f"k-{next(_numbers)}", delta=points, memo=memo
    )


def shown(response: Any) -> list[int]:
    """Primary keys of the page's rows, in its order."""
    return [row[0].pk for _month, rows in response.context["months"] for row in rows]


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
