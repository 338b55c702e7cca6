"""A project whose SQLite is as Django makes it: transactions begin without the lock of writing. Ours
take it all the same.
"""

import time
from contextlib import nullcontext

import pytest
from django.db import OperationalError, connection, connections

from billing.db import transactions
from billing.db.transactions import money_transaction
from billing.models import Point, PointEntry, PointTransaction
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


@pytest.fixture(autouse=True)
def deferred(monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's alone")
    connection.close()
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "transaction_mode", None)
    yield
    connection.close()


def read_then_write(user):
    """What fails with "database is locked", at once and whatever the timeout, where another one
    wrote in between.
    """
    with money_transaction():
        balance = Point.objects.get(pk=user.pk).balance
        time.sleep(0.2)
        Point.objects.filter(pk=user.pk).update(balance=balance + 1)


def test_nobody_finds_the_database_locked(user):
    Point.objects.create(pk=user.pk)
    assert together([lambda: read_then_write(user)] * 3) == [None] * 3
    assert Point.objects.get().balance == 3
    assert connection.transaction_mode is None  # the project's own transactions are as it said


def test_without_our_lock_somebody_does(user, monkeypatch):
    """The negative control."""
    monkeypatch.setattr(transactions, "_immediate", lambda connection: nullcontext())
    Point.objects.create(pk=user.pk)
    results = together([lambda: read_then_write(user)] * 3)
    failed = [result for result in results if result is not None]
    assert failed
    assert all(isinstance(one, OperationalError) and "locked" in str(one) for one in failed)


def test_charges_and_spends_at_once(gateway, make_user):
    members = [make_user(f"member{number}") for number in range(4)]
    paid = []
    for member in members:
        txn = PointTransaction.objects.start(user=member, amount=10_000, pay_method="card")
        paid.append((member, gateway.pay(txn.merchant_uid)))

    def charge_and_spend(member, imp_uid):
        PointTransaction.objects.sync(imp_uid)
        Point.objects.spend(user=member, amount=4_000, idempotency_key="order-1")

    # each charge arrives twice, as by the page and by the webhook
    jobs = [lambda pair=pair: charge_and_spend(*pair) for pair in paid * 2]
    assert together(jobs) == [None] * 8
    assert list(Point.objects.values_list("balance", flat=True)) == [6_000] * 4
    assert PointEntry.objects.count() == 8
