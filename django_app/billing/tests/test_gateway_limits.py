"""Cancels, batches, lists and closed accounts: what is sent, and what raw answers mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests
import responses
from django.conf import settings

from billing.errors import (
    GatewayPaymentNotFound,
    GatewayRejected,
    GatewayUnreachable,
    InvalidGatewayResponse,
    InvalidId,
)
from billing.gateway.api import RefundAccount, gateway
from billing.tests.support.payments import envelope, payment_json

API = settings.IAMPORT_API_URL
IMP = "imp_100000000001"
HISTORY = [
    {
        "amount": 4_000,
        "reason": "관리자페이지취소",
        "cancellation_id": "A",
        "cancelled_at": 1,
        "pg_tid": "t",
    },
    {
        "amount": 6_000,
        "reason": "wrong order #17",
        "cancellation_id": "B",
        "cancelled_at": 2,
        "pg_tid": "t",
    },
    "rubbish",
    {"amount": None},
]


@pytest.fixture
def wire():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        body = envelope(
            {"access_token": "token", "now": 1_795_400_000, "expired_at": 1_795_401_800}
        )
        mock.add(responses.POST, f"{API}users/getToken", json=body)
        yield mock


def cancel(**changes):
    return gateway().cancel_payment(
        IMP, **{"amount": 6_000, "checksum": 10_000, "reason": "wrong order #17", **changes}
    )


def test_a_cancel_is_sent_by_imp_uid_with_checksum(wire):
    answer = payment_json(status="cancelled", cancel_amount=10_000, cancel_history=HISTORY)
    asked = wire.add(responses.POST, f"{API}payments/cancel", json=envelope(answer))
    payment = cancel(account=RefundAccount("88", "110123456789", "홍길동"))
    assert json.loads(asked.calls[0].request.body) == {
        "imp_uid": IMP,
        "amount": 6_000,
        "checksum": 10_000,
        "reason": "wrong order #17",
        "refund_bank": "88",
        "refund_account": "110123456789",
        "refund_holder": "홍길동",
    }
    assert (payment.cancel_amount, payment.left) == (Decimal(10_000), Decimal(0))
    assert [(record.amount, record.cancellation_id) for record in payment.cancel_history] == [
        (4_000, "A"),
        (6_000, "B"),
    ]
    assert (payment.cancellation_id("#17"), payment.cancellation_id("#7 ")) == ("B", "")


def test_fractions_are_sent_as_numbers(wire):
    asked = wire.add(
        responses.POST,
        f"{API}payments/cancel",
        json=envelope(payment_json(amount=14.2, currency="USD")),
    )
    cancel(amount=Decimal("14.2"), checksum=Decimal("14.2"))
    assert '"amount": 14.2' in asked.calls[0].request.body.decode()


@pytest.mark.parametrize("amount", [0, -1, Decimal(0)])
def test_nothing_would_mean_everything(wire, amount):
    with pytest.raises(ValueError, match="more than 0"):
        cancel(amount=amount)


def test_a_refusal_and_another_payment(wire):
    wire.add(
        responses.POST,
        f"{API}payments/cancel",
        json=envelope(None, code=1, message="이미 전액취소된 주문입니다."),
    )
    with pytest.raises(GatewayRejected) as caught:
        cancel()
    assert (caught.value.code, caught.value.gateway_message) == (1, "이미 전액취소된 주문입니다.")
    wire.replace(
        responses.POST, f"{API}payments/cancel", json=envelope(payment_json(imp_uid="imp_2"))
    )
    with pytest.raises(InvalidGatewayResponse):
        cancel()


@pytest.mark.parametrize(
    ("trouble", "surely"),
    [
        (requests.ConnectTimeout("x"), True),
        (requests.ReadTimeout("x"), False),
        (requests.ConnectionError("x"), False),
    ],
    ids=str,
)
def test_what_was_surely_not_sent(wire, trouble, surely):
    wire.add(responses.POST, f"{API}payments/cancel", body=trouble)
    with pytest.raises(GatewayUnreachable) as caught:
        cancel()
    assert caught.value.surely_not_sent is surely


def test_without_a_token_nothing_was_sent(wire):
    wire.replace(responses.POST, f"{API}users/getToken", body=requests.ReadTimeout("x"))
    asked = wire.add(responses.POST, f"{API}payments/cancel", json=envelope(payment_json()))
    with pytest.raises(GatewayUnreachable) as caught:
        cancel()
    assert (caught.value.surely_not_sent, asked.call_count) == (True, 0)


def test_a_refund_account_is_in_no_text():
    assert "110123456789" not in repr(RefundAccount("88", "110123456789", "홍길동"))
    assert "홍길동" not in repr(RefundAccount("88", "110123456789", "홍길동"))


# -- several at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 207])
def test_several(wire, status):
    payments = [
        payment_json(),
        payment_json(imp_uid="imp_2", status="nonsense"),
        payment_json(imp_uid="imp_3"),
    ]
    asked = wire.add(responses.GET, f"{API}payments", json=envelope(payments), status=status)
    found = gateway().payments_by_ids(imp_uids=[IMP, "imp_2"], merchant_uids=["order-1"])
    assert [payment.imp_uid for payment in found.payments] == [IMP, "imp_3"]
    assert found.unreadable == [
        ("imp_2", "20261123-abcdefghijklmnopqrstuvwxyz", "imp_2: the payment has no known status")
    ]
    assert asked.calls[0].request.params == {
        "imp_uid[]": [IMP, "imp_2"],
        "merchant_uid[]": "order-1",
    }


def test_none_of_several_is_known(wire):
    wire.add(
        responses.GET,
        f"{API}payments",
        json=envelope(None, code=-1, message="존재하지 않는 결제정보입니다."),
        status=404,
    )
    assert gateway().payments_by_ids(merchant_uids=["order-1"]).payments == []


@pytest.mark.parametrize(
    "ids",
    [{}, {"imp_uids": ["imp_1"] * 101}, {"imp_uids": ["imp_1"] * 60, "merchant_uids": ["m"] * 41}],
    ids=len,
)
def test_too_many_or_none(wire, ids):
    with pytest.raises(ValueError, match="between 1 and 100"):
        gateway().payments_by_ids(**ids)


def test_ids_that_are_none_are_not_sent(wire):
    with pytest.raises(InvalidId):
        gateway().payments_by_ids(merchant_uids=["a/../b"])


def test_a_window(wire):
    page = {"total": 3, "previous": 0, "next": 0, "list": [payment_json()]}
    asked = wire.add(responses.GET, f"{API}payments/status/paid", json=envelope(page))
    begin, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    found = gateway().payments_by_status("paid", begin, end)
    assert (found.total, len(found.payments)) == (3, 1)
    sent = asked.calls[0].request.params
    assert (sent["limit"], sent["from"], sent["to"], sent["page"]) == (
        "1000",
        "1793491200",
        "1793577600",
        "1",
    )


@pytest.mark.parametrize(
    "answer",
    [None, [], {"list": []}, {"total": "3", "list": []}, {"total": 0, "list": [payment_json()]}],
    ids=str,
)
def test_what_is_no_list(wire, answer):
    wire.add(responses.GET, f"{API}payments/status/paid", json=envelope(answer))
    with pytest.raises(InvalidGatewayResponse):
        gateway().payments_by_status(
            "paid", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
        )


# -- a virtual account is closed -------------------------------------------------------------------


def test_close_account(wire, settings):
    asked = wire.add(
        responses.DELETE, f"{API}vbanks/{IMP}", json=envelope(payment_json(status="cancelled"))
    )
    assert gateway().close_account(IMP).status == "cancelled"
    assert asked.calls[0].request.params == {}
    settings.IAMPORT_PG_API_KEY = "inicis-key"
    gateway().close_account(IMP)
    assert asked.calls[1].request.params == {"pg_api_key": "inicis-key"}


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, GatewayRejected), (404, GatewayPaymentNotFound), (500, GatewayUnreachable)],
)
def test_close_account_in_vain(wire, status, error):
    wire.add(
        responses.DELETE,
        f"{API}vbanks/{IMP}",
        json=envelope(None, code=-1, message="no"),
        status=status,
    )
    with pytest.raises(error):
        gateway().close_account(IMP)
