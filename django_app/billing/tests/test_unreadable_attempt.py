"""Two windows of one order: an attempt that cannot be read does not hide the one that was paid."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from billing.errors import InvalidGatewayResponse
from billing.models import PointTransaction
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


@pytest.fixture
def txn(gateway, user):
    """Its `ready` attempt, the older one, cannot be read."""
    made = rows.start(user=user, amount=10_000, pay_method="card")
    odd = gateway.pay(made.merchant_uid, outcome="ready")

    def change(call, status, body):
        answer = json.loads(body)
        found = answer["response"]
        for item in found.get("list", [found]) if isinstance(found, dict) else found or []:
            if item.get("imp_uid") == odd:
                item["currency"] = None
        return status, json.dumps(answer).encode()

    gateway.change_answer = change
    return made


def test_the_paid_one_is_credited(gateway, txn, caplog):
    paid = gateway.pay(txn.merchant_uid)
    assert [applied.points for applied in rows.sync_order(txn.merchant_uid)] == [10_000]
    assert rows.get().imp_uid == paid
    assert "cannot be read: the payment has no currency" in caplog.text


def test_the_status_door_sees_the_paid_one(gateway, client, user, txn):
    gateway.pay(txn.merchant_uid)
    client.force_login(user)
    answer = client.get(reverse("billing:status", args=[txn.merchant_uid]))
    assert (answer.status_code, answer.json()["status"], answer.json()["balance"]) == (
        200,
        "paid",
        10_000,
    )


def test_where_nothing_else_can_be_read_it_is_nonsense(gateway, client, user, txn):
    with pytest.raises(InvalidGatewayResponse, match="no currency"):
        rows.sync_order(txn.merchant_uid)
    client.force_login(user)
    answer = client.get(reverse("billing:status", args=[txn.merchant_uid]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "gateway_nonsense")


def test_one_that_contradicts_its_row_hides_no_other(gateway, txn):
    """The one that the row holds has another amount all at once; the later one is money that goes
    back.
    """
    gateway.change_answer = None
    held, stray = gateway.pay(txn.merchant_uid), gateway.pay(txn.merchant_uid)
    rows.sync(held)
    Payment.objects.using("sandbox").filter(imp_uid=held).update(amount=12_000)
    rows.sync_order(txn.merchant_uid)
    assert (rows.get().credited, rows.get().cancellations.get().imp_uid) == (10_000, stray)
    Payment.objects.using("sandbox").exclude(imp_uid=held).delete()
    with pytest.raises(InvalidGatewayResponse):
        rows.sync_order(txn.merchant_uid)
