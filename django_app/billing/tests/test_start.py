"""start(): an attempt to pay."""

import hashlib
import re

import pytest
import requests
from django.db import transaction
from django.utils import timezone, translation

from billing import signals
from billing.errors import GatewayRejected, GatewayUnreachable, InvalidGatewayResponse
from billing.models import Point, PointTransaction
from billing.states import Status
from billing.tests.support.payments import envelope

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]
start = PointTransaction.objects.start


def test_an_attempt_is_kept_counted_and_registered(gateway, user):
    txn = start(user=user, amount=10_000, pay_method="card")
    fresh = PointTransaction.objects.get()
    assert (fresh.amount, fresh.pay_method, fresh.status, fresh.imp_uid, fresh.credited) == (
        10_000,
        "card",
        Status.READY,
        None,
        0,
    )
    assert fresh.prepared_at is not None
    assert fresh.next_check_at > timezone.now()
    assert (Point.objects.get().point, Point.objects.get().balance) == (1, 0)
    assert [(call.method, call.path) for call in gateway.calls] == [("POST", "payments/prepare")]
    assert txn.merchant_uid in gateway.calls[0].body


def test_every_call_is_a_new_attempt(gateway, user):
    uids = {start(user=user, amount=1_000, pay_method="card").merchant_uid for _ in range(3)}
    assert len(uids) == 3
    assert Point.objects.get().point == 3


def test_the_language_of_the_attempt_is_kept(gateway, user):

    with translation.override("en"):
        start(user=user, amount=1_000, pay_method="card")
    assert Point.objects.get().language == "en"


def test_merchant_uids_are_readable_and_spread(user):
    today = f"{timezone.localdate():%Y%m%d}"
    made = [PointTransaction.objects.new_merchant_uid(user) for _ in range(2_000)]
    assert len(set(made)) == 2_000
    for merchant_uid in made:
        assert re.fullmatch(today + r"[a-z2-7]{26}", merchant_uid)
        assert re.fullmatch("[A-Za-z0-9]{6,40}", merchant_uid)  # what offends no known processor


def test_a_hash_takes_bytes(user):
    """The original hashed a str. That is a TypeError; and its 10 hex digits of 20 random bits
    clashed at about 1,200 orders.
    """
    with pytest.raises(TypeError):
        hashlib.sha256(f"{user.pk}")
    assert PointTransaction.objects.new_merchant_uid(user)


def test_a_name_that_is_not_ascii_is_no_trouble(gateway, make_user):
    assert start(user=make_user("홍길동"), amount=1_000, pay_method="card").pk


def test_a_collision_is_made_anew(gateway, user, monkeypatch):
    made = iter(["m-same", "m-same", "m-same", "m-other"])
    monkeypatch.setattr("billing.services.start.new_merchant_uid", lambda user: next(made))
    assert start(user=user, amount=1_000, pay_method="card").merchant_uid == "m-same"
    assert start(user=user, amount=1_000, pay_method="card").merchant_uid == "m-other"
    assert (PointTransaction.objects.count(), Point.objects.get().point) == (2, 2)


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1000", True, None])
def test_an_amount_that_is_none(gateway, user, amount):
    with pytest.raises(ValueError, match="positive"):
        start(user=user, amount=amount, pay_method="card")
    assert PointTransaction.objects.count() == 0


@pytest.mark.parametrize(
    ("plan", "expected", "reason"),
    [
        (
            {
                "status": 200,
                "json_body": envelope(None, code=1, message="이미 등록된 merchant_uid입니다."),
            },
            GatewayRejected,
            "이미 등록된 merchant_uid입니다.",
        ),
        ({"status": 500, "body": b""}, GatewayUnreachable, "HTTP 500"),
        ({"status": 200, "body": b"<html>"}, InvalidGatewayResponse, "without an envelope"),
        (requests.ReadTimeout("slow"), GatewayUnreachable, "no answer"),
    ],
)
def test_a_failed_registration_keeps_the_attempt_with_its_reason(
    gateway, user, plan, expected, reason
):
    heard = []

    def hear(txn, **kwargs):
        heard.append(txn.merchant_uid)

    signals.payment_failed.connect(hear)
    if isinstance(plan, dict):
        gateway.answer_next("payments/prepare", **plan)
    else:
        gateway.fail_next("payments/prepare", plan)
    with pytest.raises(expected):
        start(user=user, amount=10_000, pay_method="card")
    signals.payment_failed.disconnect(hear)
    txn = PointTransaction.objects.get()
    assert (txn.status, txn.prepared_at, txn.credited) == (Status.FAILED, None, 0)
    assert reason in txn.fail_reason
    assert txn.failed_at is not None
    assert (Point.objects.get().point, Point.objects.get().balance) == (1, 0)
    assert heard == [txn.merchant_uid]


def test_a_registration_that_fails_late_does_not_undo_a_payment(gateway, user, ledger):
    """The gateway registered and was paid, but its answer was lost: "failed" must not be written
    over what was heard meanwhile.
    """

    def paid_meanwhile(call):
        if call.path == "payments/prepare":
            gateway.before_answer = None
            PointTransaction.objects.sync(gateway.pay(PointTransaction.objects.get().merchant_uid))
            raise requests.ReadTimeout("the answer was lost")

    gateway.before_answer = paid_meanwhile
    with pytest.raises(GatewayUnreachable):
        start(user=user, amount=10_000, pay_method="card")
    txn = PointTransaction.objects.get()
    assert txn.status == Status.PAID
    assert ledger(txn) == (10_000, [10_000])


def test_start_refuses_to_run_inside_a_callers_transaction(gateway, user):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        start(user=user, amount=1_000, pay_method="card")
    assert PointTransaction.objects.count() == 0


def test_sync_follows_the_payments_own_merchant_uid(gateway, user, ledger):
    txn = start(user=user, amount=10_000, pay_method="card")
    applied = PointTransaction.objects.sync(gateway.pay(txn.merchant_uid))
    assert (applied.points, applied.txn.merchant_uid) == (10_000, txn.merchant_uid)
    assert ledger(txn) == (10_000, [10_000])


def test_sync_order_finds_the_paid_one_of_two_tabs(gateway, user, ledger):
    """The newest-started attempt failed and hides the one that was paid."""
    txn = start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    gateway.pay(txn.merchant_uid, outcome="failed")
    asked = len(gateway.calls)
    assert (
        sum(applied.points for applied in PointTransaction.objects.sync_order(txn.merchant_uid))
        == 10_000
    )
    assert len(gateway.calls) == asked + 1
    assert PointTransaction.objects.get().imp_uid == imp_uid
    assert ledger(txn) == (10_000, [10_000])


def test_a_late_no_of_the_registration_does_not_hide_a_virtual_account(gateway, user):
    """As below, with an account issued meanwhile: the row is still `ready`, but something was heard
    of it.
    """

    def account_meanwhile(call):
        if call.path == "payments/prepare":
            gateway.before_answer = None
            PointTransaction.objects.sync(
                gateway.pay(PointTransaction.objects.get().merchant_uid, outcome="vbank")
            )
            raise requests.ReadTimeout("the answer was lost")

    gateway.before_answer = account_meanwhile
    with pytest.raises(GatewayUnreachable):
        start(user=user, amount=10_000, pay_method="vbank")
    txn = PointTransaction.objects.get()
    assert (txn.status, txn.fail_reason, bool(txn.vbank_num)) == (Status.READY, "", True)


def test_a_cancel_at_the_gateways_console_is_followed(gateway, user, ledger):
    txn = start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    PointTransaction.objects.sync(imp_uid)
    gateway.cancel(imp_uid, 3_000)
    PointTransaction.objects.sync(imp_uid)
    gateway.cancel(imp_uid)
    PointTransaction.objects.sync(imp_uid)
    assert ledger(txn) == (0, [10_000, -3_000, -7_000])


def test_test_channel_payments_are_seen_and_not_credited(gateway, user, ledger, settings):
    txn = start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid, sandbox=True)
    PointTransaction.objects.sync(imp_uid)
    assert ledger(txn) == (0, [])
    settings.BILLING_ACCEPT_TEST_CHANNEL = True
    PointTransaction.objects.sync(imp_uid)
    assert ledger(txn) == (0, [])  # it is to be returned already: never credited from that imp_uid
    other = start(user=user, amount=10_000, pay_method="card")
    PointTransaction.objects.sync(gateway.pay(other.merchant_uid, sandbox=True))
    assert ledger(other) == (10_000, [10_000])
