"""What we hold beside what the gateway says: asked on demand, told line by line, taken over."""

from __future__ import annotations

import pytest

from billing.models import PointTransaction
from billing.states import Status
from billing.tests.support.payments import envelope, payment_json
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import compared_lines, payment_page

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

rows = PointTransaction.objects


def test_the_gateway_is_asked_on_demand_only(gateway, support, paid):
    txn = paid()
    before = len(gateway.calls)
    response = payment_page(support, txn)
    assert (response.status_code, len(gateway.calls)) == (200, before)
    assert compared_lines(response)["Amount"] == ("10,000 won", None, False)
    response = payment_page(support, txn, ask=1)
    assert len(gateway.calls) == before + 1
    assert "Both sides agree" in response.text
    assert not [
        label for label, (_ours, _theirs, differs) in compared_lines(response).items() if differs
    ]


def test_a_difference_is_marked_with_sign_and_word(gateway, support, paid):
    txn = paid()
    gateway.cancel(txn.imp_uid, 3_000)
    response = payment_page(support, txn, ask=1)
    found = compared_lines(response)
    assert found["Cancelled amount"] == ("–", "3,000 won", True)
    assert found["Status"] == ("✓ Paid", "◐ Cancelled in part", True)
    assert found["Amount"] == ("10,000 won", "10,000 won", False)
    assert (
        response.text.count('<span class="bo-word">differs</span>')
        == response.context["differences"]
        == 4
    )
    assert response.context["changes"] == [
        "the status",
        "the cancelled amount",
        "the member's points",
    ]
    assert rows.get(pk=txn.pk).cancel_amount == 0  # looking changes nothing


def test_taking_it_over(gateway, support, paid, ledger):
    txn = paid()
    gateway.cancel(txn.imp_uid, 3_000)
    response = support.post(url("pointtransaction", txn.pk, "sync"), follow=True)
    assert told(response) == ["The gateway was asked: 3,000P were taken back."]
    assert ledger(txn) == (7_000, [10_000, -3_000])
    response = support.post(url("pointtransaction", txn.pk, "sync"), follow=True)
    assert told(response) == ["The gateway was asked: nothing new."]
    assert ledger(txn) == (7_000, [10_000, -3_000])


def test_a_payment_that_we_missed_is_credited(gateway, support, user, ledger):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    gateway.pay(txn.merchant_uid)
    response = payment_page(support, txn, ask=1)
    assert response.context["changes"] == [
        "the payment number",
        "the status",
        "the member's points",
    ]
    response = support.post(url("pointtransaction", txn.pk, "sync"), follow=True)
    assert told(response) == ["The gateway was asked: 10,000P were credited."]
    assert ledger(txn) == (10_000, [10_000])


def test_a_second_payment_is_shown_beside_the_first(gateway, support, paid):
    txn = paid()
    second = gateway.pay(txn.merchant_uid)
    response = payment_page(support, txn, ask=1)
    assert response.context["changes"] == ["wrong money is sent back"]
    assert second in response.text
    assert compared_lines(response)["Payment number"] == (txn.imp_uid, txn.imp_uid, False)
    response = support.post(url("pointtransaction", txn.pk, "sync"), follow=True)
    assert told(response) == ["The gateway was asked: wrong money of this order is sent back."]
    assert "Done" in payment_page(support, txn, ask=1).text


def test_wrong_money_is_no_flood_of_differences(gateway, support, make_txn):
    txn = make_txn()
    gateway.pay(txn.merchant_uid, amount=9_000)
    found = compared_lines(payment_page(support, txn, ask=1))
    assert [label for label, (_ours, _theirs, differs) in found.items() if differs] == [
        "Payment number",
        "Status",
        "Amount",
    ]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"status": 500}, "cannot be reached"),
        (
            {"json_body": {"code": 1, "message": "지금은 안 됩니다", "response": None}},
            "said no. Nothing was changed here. “지금은 안 됩니다”",
        ),
        ({"body": "<html>"}, "contradicts"),
        (
            {"json_body": {"code": 0, "message": None, "response": {"total": 0, "list": []}}},
            "does not know this payment",
        ),
        (
            {"status": 404, "json_body": {"code": 1, "message": "no", "response": None}},
            "does not know this payment",
        ),
    ],
)
def test_trouble_at_the_gateway_is_said(gateway, support, make_txn, trouble, words):
    txn = make_txn()
    gateway.answer_next("findAll", **trouble)
    page = payment_page(support, txn, ask=1)
    assert (page.status_code, words in page.text.replace("&#x27;", "'")) == (200, True)
    gateway.answer_next("findAll", **trouble)
    response = support.post(url("pointtransaction", txn.pk, "sync"), follow=True)
    assert words in told(response)[0]
    assert rows.get(pk=txn.pk).status == Status.READY


def test_an_answer_that_contradicts_our_money_cannot_be_taken_over(gateway, support, paid, ledger):
    txn = paid()
    other = payment_json(imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid, amount=99_000)
    for ask in (
        lambda: payment_page(support, txn, ask=1),
        lambda: support.post(url("pointtransaction", txn.pk, "sync"), follow=True),
    ):
        gateway.answer_next("findAll", json_body=envelope({"total": 1, "list": [other]}))
        assert "contradicts" in ask().text
    assert ledger(txn) == (10_000, [10_000])


def test_asking_needs_its_permission(log_in, paid):
    txn = paid()
    client = log_in("looker", "view_pointtransaction")
    assert payment_page(client, txn).status_code == 200
    assert payment_page(client, txn, ask=1).status_code == 403
    assert client.post(url("pointtransaction", txn.pk, "sync")).status_code == 403
