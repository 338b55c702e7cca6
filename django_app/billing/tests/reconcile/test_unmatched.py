"""Payments that cannot be read: an alarm that nobody can end for those that are surely none of
ours, and none forgotten of the others.
"""

from __future__ import annotations

import json

import pytest
from django.db.models import F
from django.utils import timezone

from billing.models import PointTransaction, ReconcileRun
from billing.reconciliation import reconcile, runs
from billing.tests.support.reconcile import payments

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


@pytest.fixture
def odd(gateway):
    """odd(imp_uid, currency=None) → from now on, this payment's values where the gateway
    names it.
    """

    def make(imp_uid, /, **values):
        def change(call, status, body):
            answer = json.loads(body)
            found = answer["response"]
            for item in found.get("list", []) if isinstance(found, dict) else found or []:
                if item["imp_uid"] == imp_uid:
                    item.update(values)
            return status, json.dumps(answer).encode()

        gateway.change_answer = change
        return imp_uid

    return make


def days_ago(days):
    payments.update(paid_at=F("paid_at") - days * 86_400)


@pytest.mark.parametrize("order", ["another-shop", "주문-17"])
def test_another_shops_unreadable_payment_is_named_once(gateway, user, odd, order):
    rows.start(user=user, amount=10_000, pay_method="card")
    bad = odd(gateway.pay(order, amount=5_000), currency=None)
    found = reconcile(repair=True)
    assert (found.exit_code, found.remaining, found.troubles, found.watermark) == (
        0,
        0,
        [],
        found.started,
    )
    assert found.notes == [
        f"a payment that no transaction has cannot be read, and is left alone: {bad}: the "
        "payment has no currency"
    ]
    assert runs.last_unresolved() == []
    for _ in range(2):
        again = reconcile(repair=True)
        assert (again.exit_code, again.notes) == (0, [])
    days_ago(5)
    assert reconcile(repair=True).exit_code == 0
    assert runs.last_unreadable_unmatched() == []  # nothing is kept of what no window shows


def test_one_that_an_earlier_version_carried_ends_its_alarm(gateway, user, odd):
    rows.start(user=user, amount=10_000, pay_method="card")
    bad = odd(gateway.pay("another-shop", amount=5_000), currency=None)
    days_ago(5)
    ReconcileRun.objects.create(
        finished=timezone.now(), watermark=rows.get().created_at, result={"unsettled": [bad]}
    )
    found = reconcile(repair=True)
    assert (found.exit_code, found.sweeps["unsettled payments"].payments) == (0, 1)
    assert (runs.last_unresolved(), len(found.notes)) == ([], 1)


@pytest.mark.parametrize(
    ("values", "tried"),
    [
        ({"currency": None}, True),
        ({"currency": None, "merchant_uid": "x"}, True),
        ({"merchant_uid": None}, True),
        ({"merchant_uid": None}, False),
    ],
    ids=["by merchant_uid", "by imp_uid", "by imp_uid alone", "by nothing: it may be ours"],
)
def test_one_that_may_be_ours_stays_visible(gateway, user, odd, values, tried):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    bad = gateway.pay(txn.merchant_uid, outcome="ready" if tried else "paid")
    if tried:
        rows.sync(bad)
        payments.update(status="paid", paid_at=F("started_at"))
    rows.update(next_check_at=None)
    odd(bad, **values)
    found = reconcile(repair=True)
    assert (found.exit_code, found.remaining, found.notes, runs.last_unresolved()) == (
        1,
        1,
        [],
        [bad],
    )
    days_ago(5)
    assert reconcile(repair=True).exit_code == 1  # no window shows it any more
    gateway.change_answer = None
    assert (reconcile(repair=True).exit_code, rows.get().credited) == (0, 10_000)


def test_what_cannot_even_be_named_holds_the_watermark(gateway, user, odd):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    odd(gateway.pay(txn.merchant_uid), imp_uid=None, merchant_uid=None)
    rows.update(next_check_at=None)
    found = reconcile(repair=True)
    assert (found.exit_code, found.watermark) == (1, None)


def test_a_run_without_windows_forgets_no_name(gateway, user, odd):
    rows.start(user=user, amount=10_000, pay_method="card")
    bad = odd(gateway.pay("another-shop", amount=5_000), currency=None)
    reconcile(repair=True)
    for _ in range(4):
        gateway.fail_next("status/")
    assert reconcile(repair=True).exit_code == 2
    assert runs.last_unreadable_unmatched() == [bad]
    assert reconcile(repair=True).notes == []
