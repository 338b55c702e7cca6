"""What request_pay's form may ask for, and what is refused before a window opens."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from billing_sandbox.models import Payment
from billing_sandbox.tests.support.window import ORIGIN, PARAMS, Window, told

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def refusal(window: Window, **change: Any) -> tuple[str, str]:
    answer = window.post({**PARAMS, **change})
    assert answer.status_code == 200
    assert "X-Frame-Options" not in answer.headers
    page = told(answer)
    assert page["target"] == ORIGIN
    assert (page["answer"]["success"], page["answer"]["imp_uid"]) == (False, None)
    return page["answer"]["error_code"], page["answer"]["error_msg"]


def test_another_amount_than_prepared_is_stopped_before_the_window(window, api):
    api("payments/prepare", {"merchant_uid": "order-1", "amount": 10_000})
    assert refusal(window, amount=9_999)[1] == "사전등록된 결제금액과 다릅니다."
    assert not Payment.objects.exists()
    window.open()
    assert Payment.objects.get().amount == 10_000


def test_a_prepared_currency_counts_and_none_does_not(window, api):
    api("payments/prepare", {"merchant_uid": "order-1", "amount": 10_000, "currency": "KRW"})
    api("payments/prepare", {"merchant_uid": "order-2", "amount": 10_000})
    assert refusal(window, currency="USD")[1] == "사전등록된 결제금액과 다릅니다."
    window.open(merchant_uid="order-2", currency="USD")


def test_a_paid_merchant_uid_is_refused(window, pay, control):
    uid = pay("order-1")
    assert refusal(window) == ("F1002", "이미 결제가 이루어진 거래건입니다.")
    control(f"payments/{uid}/cancel", amount=1)
    assert refusal(window) == ("F1002", "이미 결제가 이루어진 거래건입니다.")
    control(f"payments/{uid}/cancel")
    # "always unique" is the safe rule.
    assert refusal(window) == (
        "F1002",
        "이미 결제가 이루어진 거래건입니다.",
    )


@pytest.mark.parametrize("asked", ["nosuchpg", "INIpay", "a b", "p" * 17])
def test_an_unknown_processor_becomes_the_default_one(window, asked):
    assert window.choose(window.open(pg=asked), "approve").status_code == 200
    assert Payment.objects.get().asked_pg == "html5_inicis.INIpayTest"


def test_a_channel_key_stands_for_its_processor(window):
    for number, provider in ((1, "html5_inicis.INIpayTest"), (2, "tosspayments.iamporttest_4")):
        window.open(
            channelKey=f"channel-key-00000000-0000-4000-8000-00000000000{number}",
            merchant_uid=f"order-{number}",
        )
        assert Payment.objects.get(merchant_uid=f"order-{number}").asked_pg == provider


def test_dollars(window):
    window.open(pg="eximbay", amount=14.2)
    payment = Payment.objects.get()
    assert (payment.amount, payment.currency) == (Decimal("14.20"), "USD")


@pytest.mark.parametrize("path", ["/sandbox/pay/", "/sandbox/certification/", "the window"])
@pytest.mark.parametrize(
    "body",
    [
        "params[]=x",
        "params[a]=x",
        "nonce[]=:",
        "nonce={nonce}&choice[]=approve",
        "nonce={nonce}&choice=decline&refusal[]=x",
        "birthday[]=x",
    ],
)
def test_form_arrays_are_no_text(window, path, body):
    address = window.open()
    nonce = re.search(
        r'name="nonce" value="([^"]+)"', window.browser.get(address).content.decode()
    ).group(1)
    path = address if path == "the window" else path
    answer = window.browser.generic(
        "POST", path, body.format(nonce=nonce), content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code < 500
    assert Payment.objects.get().status != "paid"


def test_failed_ready_and_waiting_ones_may_be_tried_again(window, pay):
    pay("order-1", outcome="failed")
    pay("order-1", outcome="ready")
    pay("order-1", outcome="vbank", pay_method="vbank")
    window.open()
    assert Payment.objects.filter(merchant_uid="order-1").count() == 4


def test_two_tabs_can_both_be_paid(window):
    first, second = window.open(), window.open()
    for address in (first, second):
        assert told(window.choose(address, "approve"))["answer"]["success"] is True
    assert Payment.objects.filter(merchant_uid="order-1", status="paid").count() == 2


@pytest.mark.parametrize("code", ["", "imp11111111", "imp00000000 ", "\0"])
def test_a_wrong_merchant_code(window, code):
    answer = told(window.post(code=code))["answer"]
    assert (answer["imp_uid"], answer["error_msg"]) == (
        None,
        "가맹점 식별코드가 올바르지 않습니다.",
    )
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", "10000"), ("amount", 0), ("amount", -1), ("amount", 10.5), ("amount", None),
        ("amount", True), ("amount", 1_000_000_001),
        ("amount", [10_000]), ("amount", ""), ("merchant_uid", "m" * 41), ("merchant_uid", 7),
        ("merchant_uid", "a\0b"),
        ("merchant_uid", "\ud800"), ("merchant_uid", ""), ("pay_method", "gold"),
        ("pay_method", ["card"]), ("pay_method", {}),
        ("pg", 1), ("currency", "won"), ("name", "n" * 41), ("name", 1), ("name", "a\0"),
        ("buyer_name", "b" * 17),
        ("buyer_email", "e" * 65), ("buyer_tel", ""), ("buyer_tel", "1" * 17),
        ("buyer_addr", "a" * 129), ("buyer_postcode", "1" * 9),
        ("notice_url", "javascript:1"), ("notice_url", ["http://localhost", 1]),
        ("notice_url", ["http://localhost"] * 11), ("notice_url", {}),
        ("m_redirect_url", "/done"), ("m_redirect_url", "http://" + "x" * 2000),
        ("channelKey", "c" * 201), ("channelKey", ["c"]),
        ("custom_data", "x" * 20_001), ("custom_data", {"\ud800": 1}),
    ],
)  # fmt: skip
def test_unusable_parameters(window, name, value):
    answer = told(window.post({**PARAMS, name: value}))["answer"]
    assert (answer["imp_uid"], answer["error_msg"]) == (
        None,
        f"결제 요청 파라미터가 올바르지 않습니다. ({name})",
    )
    assert not Payment.objects.exists()


def test_phone_payments_must_say_whether_goods_are_digital(window):
    assert refusal(window, pay_method="phone")[1].endswith("(digital)")
    window.open(pay_method="phone", digital=True)


def test_without_a_merchant_uid_one_is_made_up(window):
    window.open(merchant_uid=None)
    assert re.fullmatch(r"nobody_[0-9]{13}", Payment.objects.get().merchant_uid)


@pytest.mark.parametrize(
    "raw",
    [
        "", "{", "[]", "null", "1", '"x"', "NaN", '{"amount": NaN}', '{"amount": 1e400}',
        '{"amount": 1e99999999999}', '{"amount": ' + "9" * 5000 + "}",
        "[" * 5000, '{"custom_data":' * 900 + "1" + "}" * 900,
        '{"amount": 1, "custom_data": 1e999}', '{"custom_data": ' + "[" * 700 + "]" * 700 + "}",
    ],
)  # fmt: skip
def test_junk_for_parameters(window, raw):
    assert told(window.post(raw))["answer"]["imp_uid"] is None


def test_junk_for_a_form():
    browser = Client()
    big = urlencode({"params": "x" * 300_000})
    for body, content_type in (
        (b"", ""), (b"\xff\xfe=%ff", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"), (b"&" * 5000, "application/x-www-form-urlencoded"),
        (big.encode(), "application/x-www-form-urlencoded"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b'{"params": 1}', "application/json"),
    ):  # fmt: skip
        answer = browser.generic("POST", "/sandbox/pay/", body, content_type=content_type)
        assert answer.status_code == 200
        assert told(answer)["answer"]["imp_uid"] is None


@pytest.mark.parametrize(
    ("header", "field", "target"),
    [
        ("https://a.example", "https://b.example", "https://a.example"),
        ("null", "https://b.example", "https://b.example"),
        ("", "http://localhost:8000", "http://localhost:8000"), ("null", "null", "*"),
        ("", "", "*"), ("", "javascript:1", "*"),
        ("", "https://a.example/path", "*"), ("", "https://a b", "*"), ("", "x" * 10_000, "*"),
        ("", "http://[::1]:8000", "http://[::1]:8000"),
    ],
)  # fmt: skip
def test_only_the_opener_is_told(window, header, field, target):
    answer = window.post({}, origin=field, **({"Origin": header} if header else {}))
    assert told(answer)["target"] == target
