"""Fixtures of the billing tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing.models import Point, PointEntry, PointTransaction
from billing.payment import Payment
from billing.tests.payments import payment_json


@pytest.fixture
def make_txn(user: Any) -> Callable[..., PointTransaction]:
    """make_txn(amount=…) → an attempt of `user` as start() leaves it, without asking the gateway."""

    def make(amount: int = 10_000, pay_method: str = "card", owner: Any = None) -> PointTransaction:
        return PointTransaction.objects._open(owner or user, amount, pay_method)

    return make


@pytest.fixture
def answer() -> Callable[..., Payment]:
    """answer(txn, status="paid", …) → the gateway's payment for this row, parsed from JSON."""

    def make(txn: PointTransaction, imp_uid: str = "imp_100000000001", **changes: Any) -> Payment:
        changes.setdefault("amount", txn.amount)
        if changes.get("status") == "cancelled":
            changes.setdefault("cancel_amount", txn.amount)
        return Payment.from_json(payment_json(**{"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, **changes}))

    return make


@pytest.fixture
def ledger() -> Callable[[PointTransaction], None]:
    """ledger(txn) checks I1 and the row's own sums, and returns (balance, [deltas of the row])."""

    def check(txn: PointTransaction) -> tuple[int, list[int]]:
        fresh = PointTransaction.objects.select_related("owner").get(pk=txn.pk)
        balance = Point.objects.get(pk=txn.owner_id).balance
        assert balance == sum(PointEntry.objects.filter(owner_id=txn.owner_id).values_list("delta", flat=True))
        deltas = list(fresh.entries.order_by("id").values_list("delta", flat=True))
        assert fresh.credited == sum(deltas)
        if fresh.is_bound:
            assert fresh.credited == fresh.amount - max(fresh.cancel_amount, fresh.cancel_goal)
        return balance, deltas

    return check
