"""Real threads on real transactions, each race with a negative control that shows that the test can
fail.
"""

import threading
from collections import Counter

import pytest
from django.db import transaction
from django.db.models import F

from billing.models import Point, PointEntry, PointTransaction
from billing.services.decide import decide
from billing.services.row_values import values_from
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

N = 32


def test_32_syncs_of_one_payment_credit_once(make_txn, gateway, ledger, user):
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    results = together([lambda: PointTransaction.objects.sync(imp_uid).points] * N)
    assert Counter(results) == {10_000: 1, 0: N - 1}
    assert ledger(txn) == (10_000, [10_000])


def test_32_starts_count_32_attempts(gateway, user):
    start = PointTransaction.objects.start
    results = together([lambda: start(user=user, amount=1_000, pay_method="card").merchant_uid] * N)
    assert all(isinstance(result, str) for result in results), results
    assert len(set(results)) == N
    assert Point.objects.get().point == N
    assert PointTransaction.objects.count() == N


def test_without_the_counting_update_attempts_are_lost(user):
    """The negative control: read, add one, save."""
    Point.objects.create(user=user)
    everybody_has_read = threading.Barrier(8)

    def careless():
        point = Point.objects.get()
        everybody_has_read.wait(30)
        point.point += 1
        point.save()

    assert together([careless] * 8) == [None] * 8
    assert Point.objects.get().point == 1


def paid_and_cancelled(txn, answer):
    return [
        answer(txn),
        answer(txn, status="cancelled", cancel_amount=10_000),
        answer(txn, status="cancelled", cancel_amount=4_000),
    ]


@pytest.mark.parametrize("round_", range(5))
def test_paid_and_cancelled_at_once_end_right(make_txn, answer, ledger, round_):
    """Rule A2: the answers were all asked for before any was applied."""
    txn = make_txn()
    answers = paid_and_cancelled(txn, answer)
    results = together([lambda a=a: PointTransaction.objects.apply(a).points for a in answers * 4])
    assert all(isinstance(points, int) for points in results), results
    balance, deltas = ledger(txn)
    assert balance == 0
    assert sum(deltas) == 0
    assert PointTransaction.objects.get().cancel_amount == 10_000


def test_deciding_on_what_was_read_before_the_lock_loses_money(make_txn, answer):
    """The negative control of rule A2: the same steps, but the row is read before the write, and
    nobody looks again.
    """
    txn = make_txn()
    everybody_has_read = threading.Barrier(2)

    def careless(payment):
        row = PointTransaction.objects.get(pk=txn.pk)
        decision = decide(row, payment, accept_test_channel=False)
        values = values_from(row, payment, decision)
        everybody_has_read.wait(30)
        points = values.get("credited", row.credited) - row.credited
        with transaction.atomic():
            PointTransaction.objects.filter(pk=row.pk).update(**values)
            Point.objects.filter(pk=row.owner_id).update(balance=F("balance") + points)

    paid, cancelled, _ = paid_and_cancelled(txn, answer)
    assert together([lambda: careless(paid), lambda: careless(cancelled)]) == [None, None]
    balance, row = Point.objects.get().balance, PointTransaction.objects.get()
    # And the gateway has cancelled all of it: points given away, or a row that says "paid" for
    # cancelled money.
    assert balance == 10_000
    assert PointEntry.objects.count() == 0
    assert (row.credited, row.cancel_amount) in {(10_000, 0), (0, 10_000)}


def test_two_payments_for_one_row_at_once(make_txn, answer, ledger):
    """Somebody paid in two tabs: one is credited, the other is returned, whichever comes first."""
    txn = make_txn()
    answers = [answer(txn, f"imp_{number}") for number in (1, 2)]
    results = together([lambda a=a: PointTransaction.objects.apply(a).points for a in answers * 8])
    assert Counter(results) == {10_000: 1, 0: 15}
    assert ledger(txn) == (10_000, [10_000])
    back = txn.cancellations.get()
    assert {back.imp_uid, PointTransaction.objects.get().imp_uid} == {"imp_1", "imp_2"}


def test_two_rows_of_one_member_at_once(make_txn, answer, ledger):
    """No deadlock between the row's lock and the member's, and no lost balance."""
    txns = [make_txn() for _ in range(8)]
    payments = [answer(txn, f"imp_{index}") for index, txn in enumerate(txns)]
    results = together([lambda p=p: PointTransaction.objects.apply(p).points for p in payments * 3])
    assert Counter(results) == {10_000: 8, 0: 16}
    for txn in txns:
        assert ledger(txn) == (80_000, [10_000])
