"""reconcile: what each sweep finds alone, with callback, return and webhook all lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Point, PointCancellation, PointTransaction
from billing.reconciliation import open_transactions, status_lists
from billing.reconciliation.open_transactions import next_check
from billing.states import Status
from billing.tests.support.aging import let_pass
from billing.tests.support.payments import envelope
from billing.tests.support.reconcile import asked, tally
from billing_sandbox import serializer
from billing_sandbox.models import ApiCall, Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
NOW = timezone.now()


# -- open rows -------------------------------------------------------------------------------------


def test_an_attempt_that_nobody_reported(gateway, start, only, ledger):
    txn = start()
    gateway.pay(txn.merchant_uid)
    # Its first minute is not over.
    assert tally(only(open_transactions.sweep_open_transactions), "open rows") == (
        0,
        0,
        0,
        0,
        0,
        0,
    )
    let_pass(minutes=2)
    report = only(open_transactions.sweep_open_transactions)
    assert tally(report, "open rows") == (1, 1, 1, 1, 1, 0)
    assert report.exit_code == 0
    assert ledger(txn) == (10_000, [10_000])
    assert rows.get().next_check_at is None


def test_a_deposit_that_nobody_reported(gateway, start, only, ledger):
    txn = start(pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    rows.sync(imp_uid)
    gateway.control(f"payments/{imp_uid}/deposit")
    let_pass(minutes=2)
    # By imp_uid, and by merchant_uid.
    assert tally(only(open_transactions.sweep_open_transactions), "open rows") == (
        1,
        2,
        2,
        1,
        1,
        0,
    )
    assert ledger(txn) == (10_000, [10_000])


def test_an_account_that_nobody_reported_is_shown(gateway, start, only):
    """No money column changes, and yet the payer must learn where to pay."""
    txn = start(pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready", pay_method="vbank")
    rows.sync(imp_uid)
    gateway.control(f"payments/{imp_uid}/account")
    let_pass(minutes=2)
    assert only(open_transactions.sweep_open_transactions).remaining == 0
    assert rows.get().vbank_num


def test_a_payment_hidden_behind_its_own_rows_later_one(gateway, start, only, ledger):
    """Known is the second tab's payment, paid was the first's: asked by merchant_uid too, the
    gateway names both.
    """
    txn = start()
    gateway.pay(txn.merchant_uid)
    rows.sync(gateway.pay(txn.merchant_uid, outcome="ready"))
    let_pass(minutes=2)
    only(open_transactions.sweep_open_transactions)
    assert ledger(txn) == (10_000, [10_000])


def test_no_answer_or_an_unpaid_one_proves_nothing(gateway, start, only):
    nothing, unpaid = start(), start()
    gateway.pay(unpaid.merchant_uid, outcome="ready")
    let_pass(minutes=2)
    report = only(open_transactions.sweep_open_transactions)
    assert tally(report, "open rows") == (2, 1, 1, 1, 1, 0)  # a payment became known
    assert [txn.status for txn in rows.order_by("id")] == [Status.READY] * 2
    assert [bool(txn.imp_uid) for txn in rows.order_by("id")] == [False, True]
    assert all(txn.next_check_at > timezone.now() for txn in rows.all())
    gateway.control("payments/" + rows.get(pk=unpaid.pk).imp_uid + "/approve")
    gateway.pay(nothing.merchant_uid)
    let_pass(minutes=2)
    assert tally(only(open_transactions.sweep_open_transactions), "open rows")[3:] == (2, 2, 0)
    assert Point.objects.get().balance == 20_000


def test_what_the_gateway_does_not_know_is_404_and_207(gateway, start, only, ledger):
    txns = [start() for _ in range(3)]
    let_pass(minutes=2)
    only(open_transactions.sweep_open_transactions)
    gateway.pay(txns[1].merchant_uid)
    let_pass(minutes=2)
    only(open_transactions.sweep_open_transactions)
    answers = (
        ApiCall.objects.using("sandbox")
        .filter(path__endswith="/payments")
        .order_by("id")
        .values_list("http_status", flat=True)
    )
    assert list(answers) == [404, 207]
    assert ledger(txns[1]) == (10_000, [10_000])


@pytest.mark.parametrize("code", [0, -1])
def test_207_is_an_answer_whatever_its_code(gateway, start, only, ledger, code):
    """Which code it carries is not documented."""
    txn, _ = start(), start()
    imp_uid = gateway.pay(txn.merchant_uid)
    found = serializer.payment_json(Payment.objects.using("sandbox").get(imp_uid=imp_uid))
    let_pass(minutes=2)
    gateway.answer_next("payments?", status=207, json_body=envelope([found], code=code))
    assert only(open_transactions.sweep_open_transactions).exit_code == 0
    assert ledger(txn) == (10_000, [10_000])


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        ({"seconds": 0}, {"minutes": 1}), ({"minutes": 9, "seconds": 59}, {"minutes": 1}),
        ({"minutes": 10}, {"minutes": 5}),
        ({"minutes": 59}, {"minutes": 5}), ({"hours": 1}, {"minutes": 30}),
        ({"hours": 5, "minutes": 59}, {"minutes": 30}),
        ({"hours": 6}, {"hours": 2}), ({"hours": 23}, {"hours": 2}), ({"days": 1}, {"hours": 6}),
        ({"days": 6, "hours": 23}, {"hours": 6}), ({"days": 7}, None), ({"days": 400}, None),
    ],
)  # fmt: skip
def test_when_to_look_again(age, wait):
    created_at = NOW - timedelta(**age)
    assert next_check(created_at, None, NOW) == (NOW + timedelta(**wait) if wait else None)


@pytest.mark.parametrize(
    ("deadline", "looks"), [(-1, False), (2.9, True), (3.1, False), (-3.5, False)]
)
def test_an_account_is_looked_at_until_3_days_after_its_deadline(deadline, looks):
    """Whichever is later: the attempt is 8 days old here, and the account's deadline was so many
    days ago (but for -1: in a day).
    """
    vbank_date = NOW - timedelta(days=deadline) if deadline != -1 else NOW - timedelta(days=6)
    if deadline == -3.5:
        vbank_date = NOW - timedelta(days=30)
    assert (next_check(NOW - timedelta(days=8), vbank_date, NOW) is not None) == looks
    assert next_check(NOW - timedelta(days=6), vbank_date, NOW) is not None


def test_rows_are_looked_at_less_and_less_and_then_no_more(gateway, start, only):
    txn = start()
    for period, wait in (
        ({"minutes": 2}, 1),
        ({"minutes": 20}, 5),
        ({"hours": 2}, 30),
        ({"hours": 10}, 120),
        ({"days": 2}, 360),
    ):
        let_pass(**period)
        only(open_transactions.sweep_open_transactions)
        left = rows.get(pk=txn.pk).next_check_at - timezone.now()
        assert timedelta(minutes=wait) - timedelta(seconds=30) < left <= timedelta(minutes=wait)
    let_pass(days=7)
    only(open_transactions.sweep_open_transactions)
    assert rows.get(pk=txn.pk).next_check_at is None
    gateway.pay(txn.merchant_uid)
    assert tally(only(open_transactions.sweep_open_transactions), "open rows")[:2] == (0, 0)
    only(status_lists.sweep_status_lists)  # and a late payment is found by the windows
    assert rows.get(pk=txn.pk).credited == 10_000


def test_rows_bound_while_the_gateway_was_asked_keep_their_null(gateway, start, only):
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid)
    let_pass(minutes=2)
    gateway.answer_next("payments?", status=404, json_body=envelope(None, code=-1, message="none"))
    told = []

    def meanwhile(call):
        told.append(rows.sync(imp_uid).points)

    original = open_transactions._reschedule
    open_transactions._reschedule = lambda batch: (meanwhile(None), original(batch))
    try:
        only(open_transactions.sweep_open_transactions)
    finally:
        open_transactions._reschedule = original
    assert told == [10_000]
    assert rows.get().next_check_at is None


def test_given_up_rows_are_asked_since_a_day(gateway, start, only, ledger):
    old, txn = start(), start()
    let_pass(days=9)
    rows.filter(pk=txn.pk).update(created_at=timezone.now() - timedelta(days=8))
    rows.update(next_check_at=None)
    for one in (old, txn):
        gateway.pay(one.merchant_uid)
    report = only(
        open_transactions.sweep_open_transactions, since=timezone.now() - timedelta(days=8, hours=1)
    )
    assert tally(report, "open rows") == (1, 1, 1, 1, 1, 0)
    assert ledger(txn) == (10_000, [10_000])
    assert not rows.get(pk=old.pk).is_matched


def test_a_merchant_uid_that_cannot_be_asked_for_keeps_no_other_waiting(gateway, start, only):
    """A row adopted for a payment of another shop's numbering, whose apply never came."""
    odd, txn = start(), start()
    rows.filter(pk=odd.pk).update(merchant_uid="주문 1/2")
    gateway.pay("주문 1/2", amount=10_000)
    gateway.pay(txn.merchant_uid)
    let_pass(minutes=2)
    report = only(open_transactions.sweep_open_transactions)
    assert (report.exit_code, rows.get(pk=txn.pk).credited) == (0, 10_000)
    only(status_lists.sweep_status_lists)
    assert rows.get(pk=odd.pk).credited == 10_000


@pytest.mark.parametrize(
    ("number_of_rows", "calls"),
    [(1_000, 30), pytest.param(10_000, 300, marks=pytest.mark.thorough)],
)
def test_a_thousand_rows_are_30_calls(gateway, user, start, only, number_of_rows, calls):
    start()
    made = [
        rows.model(
            owner_id=user.pk,
            merchant_uid=f"20261123-{number:026}",
            amount=1_000,
            pay_method="card",
            next_check_at=NOW,
        )
        for number in range(number_of_rows - 1)
    ]
    rows.bulk_create(made, batch_size=1_000)
    let_pass(minutes=2)
    report = only(open_transactions.sweep_open_transactions)
    assert tally(report, "open rows") == (number_of_rows, calls, 0, 0, 0, 0)
    assert len(asked(gateway, "payments?")) == calls
    assert max(len(f"/sandbox/api/{path}") for path in asked(gateway)) <= 2_000
    assert rows.filter(next_check_at__gt=timezone.now()).count() == number_of_rows


# -- windows ---------------------------------------------------------------------------------------
