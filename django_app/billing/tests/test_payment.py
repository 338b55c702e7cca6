"""Reading the gateway's JSON."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.errors import InvalidGatewayResponse, InvalidId
from billing.gateway.payment import Payment, check_imp_uid, check_merchant_uid
from billing.tests.support.payments import payment_json

NOTHING = [None, "", 0]


def test_a_card_payment():
    payment = Payment.from_json(payment_json())
    assert payment.amount == Decimal(10000)
    assert payment.cancel_amount == 0
    assert (payment.status, payment.currency, payment.test_channel) == ("paid", "KRW", False)
    assert payment.paid_at == datetime.fromtimestamp(1795400100, UTC)
    assert payment.card_name == "신한카드"
    assert payment.vbank_date is None
    assert payment.fail_reason == ""


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("key", ["vbank_date", "failed_at", "cancelled_at", "started_at"])
def test_zero_empty_and_null_are_no_time(key, nothing):
    assert getattr(Payment.from_json(payment_json(**{key: nothing})), key) is None


@pytest.mark.parametrize(
    "odd",
    [
        "yesterday",
        "2026-01-01 23:59:59",
        10**20,
        -1,
        253402300799,
        Decimal("1e3000000"),
        Decimal("1.5"),
        [1],
        True,
        "９",
    ],
)
def test_a_time_that_cannot_be_read_is_no_time_and_keeps_no_money_away(odd):
    payment = Payment.from_json(payment_json(vbank_date=odd, started_at=odd))
    assert (payment.vbank_date, payment.started_at, payment.status) == (None, None, "paid")


def test_a_time_in_digits_is_a_time():
    assert Payment.from_json(payment_json(paid_at="1795400100")).paid_at == datetime.fromtimestamp(
        1795400100, UTC
    )


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("key", ["vbank_num", "fail_reason", "receipt_url", "apply_num", "pg_tid"])
def test_empty_and_null_are_no_text(key, nothing):
    assert getattr(Payment.from_json(payment_json(**{key: nothing})), key) == ""


def test_unknown_keys_are_left_out_and_missing_ones_are_empty():
    data = {
        key: payment_json()[key]
        for key in ("imp_uid", "merchant_uid", "amount", "cancel_amount", "currency", "status")
    }
    payment = Payment.from_json({**data, "added_next_year": {"a": [1]}})
    assert payment.test_channel is False
    assert payment.pg_provider == ""


@pytest.mark.parametrize(
    ("value", "amount"),
    [(10000, "10000"), ("10000", "10000"), (Decimal("14.2"), "14.2"), ("0", "0")],
)
def test_amounts_are_decimals(value, amount):
    assert Payment.from_json(payment_json(amount=value)).amount == Decimal(amount)


@pytest.mark.parametrize("key", ["amount", "cancel_amount"])
@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "ten",
        True,
        [],
        {},
        -1,
        "-1",
        "NaN",
        "Infinity",
        10**13,
        Decimal("0.00001"),
        "1" * 5000,
        "1_0_0",
        "１０００",
        " 1000",
        "1e4",
        "+1",
        "0x1",
    ],
)
def test_an_amount_that_is_none(key, value):
    with pytest.raises(InvalidGatewayResponse):
        Payment.from_json(payment_json(**{key: value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"cancel_amount": 10001},
        {"status": "refunded"}, {"status": None}, {"status": []}, {"status": "PAID"},
        {"imp_uid": None}, {"imp_uid": "imp_1/../x"}, {"imp_uid": "i" * 33}, {"imp_uid": 7},
        {"merchant_uid": None}, {"merchant_uid": ""}, {"merchant_uid": "a\x00b"},
        {"merchant_uid": "m" * 201}, {"merchant_uid": "\ud800"},
        {"currency": None}, {"currency": ""}, {"currency": "WON!"}, {"currency": 410},
    ],
)  # fmt: skip
def test_nonsense(changes):
    with pytest.raises(InvalidGatewayResponse):
        Payment.from_json(payment_json(**changes))


@pytest.mark.parametrize(
    "key", ["imp_uid", "merchant_uid", "amount", "cancel_amount", "currency", "status"]
)
def test_a_required_key_is_missing(key):
    data = payment_json()
    del data[key]
    with pytest.raises(InvalidGatewayResponse):
        Payment.from_json(data)


@pytest.mark.parametrize("data", [None, [], "paid", 7, {}])
def test_no_object(data):
    with pytest.raises(InvalidGatewayResponse):
        Payment.from_json(data)


def test_texts_fit_every_database():
    payment = Payment.from_json(
        payment_json(fail_reason="가\x00나\ud800" + "다" * 600, card_name=7, bank_name={"x": 1})
    )
    assert payment.fail_reason.startswith("가나?다")
    assert len(payment.fail_reason) == 500
    assert (payment.card_name, payment.bank_name) == ("7", "")


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "ftp://x",
        "https://x/" + "a" * 500,
    ],
)
def test_a_receipt_that_must_not_be_linked(link):
    assert Payment.from_json(payment_json(receipt_url=link)).receipt_url == ""


@pytest.mark.parametrize(
    ("value", "test"),
    [
        (True, True),
        ("true", True),
        ("True", True),
        (1, True),
        ("Y", True),
        (0, False),
        (False, False),
        (None, False),
        ("", False),
        ("false", False),
    ],
)
def test_the_test_channel(value, test):
    assert Payment.from_json(payment_json(sandbox=value)).test_channel is test


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "imp-1",
        "imp 1",
        "imp_1\n",
        "x" * 33,
        "imp_1/cancel",
        "í",
        "imp_\x00",
        "imp_１",
        None,
        7,
        ["imp_1"],
        "a" * 10_000,
    ],
)
def test_not_an_imp_uid(bad):
    with pytest.raises(InvalidId):
        check_imp_uid(bad)


@pytest.mark.parametrize("bad", ["", "a/b", "a?b", "주문", "a b", "m" * 41, "a\x00", None, "a\n"])
def test_not_a_merchant_uid(bad):
    with pytest.raises(InvalidId):
        check_merchant_uid(bad)
