"""One delivery: its page, and its replay."""

from __future__ import annotations

import pytest

from billing.models import PointTransaction, WebhookEvent
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import payment_page

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

rows = PointTransaction.objects


def test_a_delivery_s_page_and_its_replay(gateway, support, user, ledger):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    event = WebhookEvent.objects.create(
        imp_uid=imp_uid,
        merchant_uid=txn.merchant_uid,
        outcome="dead",
        body='{"imp_uid": 1}',
        error="gone",
    )
    page = support.get(url("webhookevent", event.pk, "change")).text
    assert "gone" in page
    assert "&quot;imp_uid&quot;" in page
    for _ in range(2):
        response = support.post(url("webhookevent", event.pk, "replay"), follow=True)
        assert told(response) == [
            "Replayed: the gateway was asked, and the transaction is as it says."
        ]
    assert ledger(txn) == (10_000, [10_000])
    assert "Replayed a delivery: done" in response.text
    assert "Replayed a delivery: done" in payment_page(support, txn).text


def test_a_replay_for_somebody_else_s_payment(gateway, support):
    imp_uid = gateway.control(
        "pay",
        merchant_uid="other-shop-1",
        pay_method="card",
        outcome="paid",
        amount=5_000,
        webhook=False,
    )["imp_uid"]
    event = WebhookEvent.objects.create(
        imp_uid=imp_uid, merchant_uid="other-shop-1", outcome="ignored"
    )
    assert (
        "Replayed and ignored"
        in told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0]
    )


def test_a_replay_without_an_answer(gateway, support, make_txn):
    txn = make_txn()
    event = WebhookEvent.objects.create(
        imp_uid="imp_1", merchant_uid=txn.merchant_uid, outcome="dead"
    )
    gateway.fail_next("payments/imp_1")
    assert (
        "no usable answer"
        in told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0]
    )


def test_a_pending_delivery_is_tried_again(gateway, support, user, ledger):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    event = WebhookEvent.objects.create(imp_uid=imp_uid, merchant_uid=txn.merchant_uid)
    gateway.fail_next(imp_uid)
    assert (
        "stays pending"
        in told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0]
    )
    event.refresh_from_db()
    assert (event.outcome, event.tries) == ("pending", 1)
    assert told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0].startswith(
        "Replayed"
    )
    event.refresh_from_db()
    assert (event.outcome, event.tries) == ("done", 2)
    assert ledger(txn) == (10_000, [10_000])
