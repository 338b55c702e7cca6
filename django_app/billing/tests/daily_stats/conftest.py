"""Fixtures of the tests of figures: rows and entries of a chosen moment."""

from datetime import datetime

import pytest
from django.db.models import F

from billing.models import Point, PointEntry, PointTransaction
from billing.tests.support.figures import at, seoul


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
