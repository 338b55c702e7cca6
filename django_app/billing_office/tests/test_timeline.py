"""Everything that happened to one payment, on its page."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import PointTransaction, WebhookEvent
from billing_office.tests.conftest import url
from billing_office.tests.support.staff import payment_page

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

rows = PointTransaction.objects


def test_everything_that_happened_is_told_in_order(gateway, boss, user):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid, webhook=True)
    gateway.deliver()
    boss.post(url("pointtransaction", txn.pk, "sync"))
    data = {
        "amount": "4,000",
        "reason": "kind",
        "rule": "unspent",
        "remaining": "10000",
        "confirmed": "yes",
    }
    boss.post(url("pointtransaction", txn.pk, "cancel"), data)
    told_in_order = [
        str(event.what) for event in reversed(payment_page(boss, txn).context["events"])
    ]
    expected = [
        "Began to pay 10,000 won", "Registered the amount at the gateway", "Payment window opened",
        "Paid", "Webhook", "Charge +10,000P",
        "Asked the gateway and took its answer over: nothing new", "Cancel of 4,000 won begun (#1)",
        "Cancel -4,000P", "Cancel #1 ended",
        "Cancel of 4,000 won: done · “kind”",
    ]  # fmt: skip
    mentioned = [what for what in told_in_order if re.sub(r"#\d+", "#1", what) in expected]
    assert {re.sub(r"#\d+", "#1", what) for what in mentioned} == set(expected)
    by_step = [
        what
        for what in told_in_order
        if what in ("Began to pay 10,000 won", "Paid", "Charge +10,000P", "Cancel -4,000P")
    ]
    assert by_step == ["Began to pay 10,000 won", "Paid", "Charge +10,000P", "Cancel -4,000P"]
    assert imp_uid in payment_page(boss, txn).text


@pytest.mark.parametrize("number", [0, 30])
def test_statements_do_not_grow_with_the_story(gateway, support, paid, number):
    txn = paid(50_000)
    for _i in range(number):
        WebhookEvent.objects.create(imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid)
        rows.cancel(txn, reason="part", by=txn.owner.user, amount=100)
    payment_page(support, txn)
    with CaptureQueriesContext(connection) as caught:
        assert payment_page(support, txn).status_code == 200
    assert len(caught) == 10, [one["sql"][:90] for one in caught]


def test_a_long_story_says_that_it_is_cut(support, paid):
    txn = paid()
    WebhookEvent.objects.bulk_create(
        WebhookEvent(imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid) for _ in range(150)
    )
    response = payment_page(support, txn)
    assert "newest 100" in response.text
    assert sum(event.link != "" for event in response.context["events"]) == 100


def test_what_strangers_wrote_is_only_text(support, paid):
    txn = paid()
    WebhookEvent.objects.create(
        imp_uid="imp_1",
        merchant_uid=txn.merchant_uid,
        claimed_status="<script>",
        body="<script>alert(1)</script>",
    )
    rows.filter(pk=txn.pk).update(receipt_url="", has_notes=True, fail_reason="<i>")
    txn.notes.create(code="legacy", params={"text": "<b>x</b>"})
    assert "<script>alert" not in payment_page(support, txn).text
    event = WebhookEvent.objects.latest("pk")
    page = support.get(url("webhookevent", event.pk, "change")).text
    assert "&lt;script&gt;alert(1)" in page
