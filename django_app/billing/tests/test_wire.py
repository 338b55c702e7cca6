"""Answers with something broken in them: what is broken costs its own value, never the page, and
never becomes money.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import responses
from django.conf import settings

from billing.errors import GatewayRejected, InvalidGatewayResponse
from billing.gateway import wire
from billing.gateway.api import gateway
from billing.gateway.batches import BATCH, MAX_URL_BYTES, url_batches
from billing.gateway.payment import Payment
from billing.gateway.payment_list import describe_unreadable
from billing.tests.support.payments import envelope, payment_json

pytestmark = pytest.mark.money

API = settings.IAMPORT_API_URL
IMP = "imp_100000000001"
HALF_A_LETTER = "한".encode()[:2]
# What a gateway may write where a text or a number should be.
POISON = {
    "half a Korean letter": b'"' + HALF_A_LETTER + b'"',
    "half of another encoding": '"한글"'.encode("cp949"), "a raw line break": b'"a\nb"',
    "a raw NUL": b'"a\x00b"', "NaN": b"NaN", "Infinity": b"-Infinity", "1e400": b"1e400",
    "an endless exponent": b"1e99999999999999999999",
    "thousands of digits": b"9" * 5_000,
}  # fmt: skip
OF_MONEY = ["imp_uid", "merchant_uid", "status", "amount", "cancel_amount", "currency"]


@pytest.fixture
def wire_of():
    """The gateway's answers, one by one."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        body = envelope(
            {"access_token": "token", "now": 1_795_400_000, "expired_at": 1_795_401_800}
        )
        mock.add(responses.POST, f"{API}users/getToken", json=body)
        yield mock


def with_poison(answer, field, poison):
    """The bytes of this envelope, with `poison` as the value of each `field` that says "HERE"."""
    return (
        json.dumps(answer, ensure_ascii=False)
        .encode()
        .replace(f'"{field}": "HERE"'.encode(), f'"{field}": '.encode() + poison)
    )


def page_of(*payments):
    return envelope({"total": len(payments), "previous": 0, "next": 0, "list": list(payments)})


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
@pytest.mark.parametrize(
    "field", ["name", "fail_reason", "card_quota", "custom_data", "paid_at", "vbank_num"]
)
def test_a_broken_fact_hides_no_payment(wire_of, field, poison):
    body = with_poison(
        page_of(payment_json(**{field: "HERE"}), payment_json(imp_uid="imp_2")), field, poison
    )
    wire_of.add(responses.GET, f"{API}payments/status/paid", body=body)
    found = gateway().payments_by_status(
        "paid", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    )
    assert ([payment.imp_uid for payment in found.payments], found.unreadable) == (
        [IMP, "imp_2"],
        [],
    )
    assert found.payments[0].amount == 10_000
    found.payments[0].fail_reason.encode()  # every database stores it


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
@pytest.mark.parametrize("field", [*OF_MONEY, "sandbox", "customer_uid_usage"])
def test_broken_money_is_never_right_money(wire_of, field, poison):
    """Its neighbour on the page is read all the same."""
    payments = [payment_json(**{field: "HERE"}), payment_json(imp_uid="imp_2")]
    wire_of.add(
        responses.GET, f"{API}payments", body=with_poison(envelope(payments), field, poison)
    )
    found = gateway().payments_by_ids(imp_uids=["imp_1", "imp_2"])
    assert ([payment.imp_uid for payment in found.payments], len(found.unreadable)) == (
        ["imp_2"],
        1,
    )
    wire_of.add(
        responses.GET,
        f"{API}payments/{IMP}",
        body=with_poison(envelope(payments[0]), field, poison),
    )
    with pytest.raises(InvalidGatewayResponse):
        gateway().payment(IMP)


@pytest.mark.parametrize("key", [b"s\xffndbox", b"sandbox\x00", b"sand\nbox"])
def test_a_flag_whose_name_is_damaged_makes_no_real_money(key):
    """Play money would be credited where the word that says so cannot be read."""
    body = json.dumps(payment_json(sandbox=True)).encode()
    assert Payment.from_json(wire.parse(body)).test_channel
    with pytest.raises(InvalidGatewayResponse):
        Payment.from_json(wire.parse(body.replace(b"sandbox", key)))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"[" * 100_000, b'{"a": ' * 50_000, b'{"a" 1}', b"nan", b'"\xff']
)
def test_what_is_no_json(body):
    with pytest.raises(ValueError, match=r"(?i)expecting|nested|unterminated|delimiter|value"):
        wire.parse(body)


def test_numbers_stay_exact():
    assert wire.parse(b"[10000, 14.20, 1e3, -0, 0.1, 999999999999999999999999999999]") == [
        10000, Decimal("14.20"), Decimal("1e3"), 0, Decimal("0.1"), 10**30 - 1,
    ]  # fmt: skip
    assert wire.parse(b"\xef\xbb\xbf[1]") == [1]  # with a mark of its encoding


def test_a_refusal_with_broken_words_is_a_refusal(wire_of):
    wire_of.add(
        responses.GET,
        f"{API}payments/{IMP}",
        body=b'{"code": 1, "message": "' + HALF_A_LETTER + b'", "response": null}',
    )
    with pytest.raises(GatewayRejected) as caught:
        gateway().payment(IMP)
    assert caught.value.gateway_message == "??"


# -- whose it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (b'{"imp_uid": "imp_1", "merchant_uid":"m-1", "custom_data": [[[', ("imp_1", "m-1")),
        (b'{"imp_uid": "imp_1", "custom_data": "{\\"imp_uid\\": \\"imp_2\\"}", ', ("imp_1", "")),
        (b'{"imp_uid": "imp_1", "imp_uid": "imp_2", "merchant_uid": "m-1"', ("", "m-1")),
        (b"<html>", ("", "")),
    ],
)
def test_what_is_no_json_may_still_say_whose_it_is(body, ids):
    assert wire.find_ids(body) == ids


@pytest.mark.parametrize(
    ("merchant_uid", "told"),
    [
        ("order-1", "order-1"),
        ("주문-\udced", "주문-?"),
        ("20261123-abcdefghijklmnopqrstuvwxy\udced", ""),  # this may have been one of ours
        ("20261123-abcdefghijklmnopqrstuvwxyz", "20261123-abcdefghijklmnopqrstuvwxyz"),
        (None, ""),
        (7, ""),
    ],
)
def test_a_damaged_order_number_that_may_be_ours_is_none(merchant_uid, told):
    assert describe_unreadable("imp_1", merchant_uid, "words") == ("imp_1", told, "imp_1: words")


# -- addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "uid", "slices"),
    [
        ("merchant_uid", "20261123-abcdefghijklmnopqrstuvwxyz", [35, 35, 30]),
        ("imp_uid", IMP, [63, 37]),
        ("imp_uid", "i", [100]),
    ],
)
def test_an_address_is_not_too_long(wire_of, name, uid, slices):
    asked = wire_of.add(responses.GET, f"{API}payments", json=envelope([]))
    batches = list(url_batches([uid] * 100, name))
    assert [len(batch) for batch in batches] == slices
    gateway().payments_by_ids(**{f"{name}s": batches[0]})
    assert len(asked.calls[0].request.path_url) <= MAX_URL_BYTES
    assert list(url_batches([], name)) == []
    assert [len(batch) for batch in url_batches(["i"] * 250, "imp_uid")] == [BATCH, BATCH, 50]


# -- one order -------------------------------------------------------------------------------------


def test_one_attempt_that_cannot_be_read_hides_no_other(wire_of, caplog):
    broken = payment_json(imp_uid="imp_2", status="ready", currency=None)
    order = broken["merchant_uid"]
    wire_of.add(
        responses.GET, f"{API}payments/findAll/{order}", json=page_of(broken, payment_json())
    )
    assert [payment.imp_uid for payment in gateway().payments_by_merchant_uid(order)] == [IMP]
    assert f"a payment of {order} cannot be read: the payment has no currency" in caplog.text
    wire_of.replace(
        responses.GET,
        f"{API}payments/findAll/{order}",
        json=page_of(broken, payment_json(merchant_uid="another")),
    )
    with pytest.raises(InvalidGatewayResponse, match="no currency"):
        gateway().payments_by_merchant_uid(order)
