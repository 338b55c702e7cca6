"""Fixtures of the history's tests: a moment that can be moved, a member."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from billing.models import Point, PointEntry, PointTransaction
from billing.tests.support.history import (
    NOW,
    numbers,
)


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
        number = next(numbers)
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
