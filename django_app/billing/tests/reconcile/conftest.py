"""Fixtures of reconcile's tests: payments that the callback never told of, one sweep, a whole run."""

from __future__ import annotations

import pytest
import requests

from billing import reconciliation
from billing.models import PointTransaction
from billing.tests.support.aging import let_pass

rows = PointTransaction.objects


@pytest.fixture
def start(gateway, user):
    return lambda amount=10_000, **how: rows.start(
        user=user, amount=amount, pay_method=how.pop("pay_method", "card"), **how
    )


@pytest.fixture
def paid(gateway, start):
    """A credited row."""

    def make(**how):
        return rows.sync(gateway.pay(start(**how).merchant_uid, **how)).txn

    return make


@pytest.fixture
def only(monkeypatch):
    """only(sweep) → the report of a repair with that sweep alone; repair=False only reports."""

    def run(sweep, *, repair=True, **how):
        with monkeypatch.context() as patch:
            patch.setattr(reconciliation, "SWEEPS", (sweep,))
            return reconciliation.reconcile(repair=repair, **how)

    return run


@pytest.fixture
def mess(gateway, start, make_user):
    """Something to do for every sweep. Afterwards the right balance is 10,000 + 4,000 + 5,000."""
    lost, console, part, ours, wrong, closing = (start() for _ in range(6))
    imp_uid = gateway.pay(lost.merchant_uid, webhook=True)
    gateway.fail_next(f"payments/{imp_uid}")
    gateway.deliver()
    for txn in (console, part, ours):
        rows.sync(gateway.pay(txn.merchant_uid))
    gateway.cancel(rows.get(pk=console.pk).imp_uid, 6_000)
    part_uid = rows.get(pk=part.pk).imp_uid
    gateway.cancel(part_uid, 3_000)
    rows.sync(part_uid)
    gateway.cancel(part_uid, 2_000)
    gateway.control("faults", path="payments/cancel", timeout=True, times=1)
    rows.cancel(rows.get(pk=ours.pk), reason="wrong order", by=make_user("staff"))
    gateway.fail_next("payments/cancel", requests.ConnectTimeout())
    rows.sync(gateway.pay(wrong.merchant_uid, amount=9_000))
    gateway.pay(closing.merchant_uid, outcome="failed")
    gateway.pay("a-shop-we-do-not-know", amount=5_000)
    let_pass(hours=25)
    return 19_000
