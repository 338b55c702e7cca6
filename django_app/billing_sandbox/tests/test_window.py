"""The payment window through HTTP: the choices and the answer for the page; receipt, script and panel."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest
from django.core import signing

from billing_sandbox.models import Delivery, Payment
from billing_sandbox.tests.support.window import ORIGIN, PARAMS, told

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_opening_makes_a_ready_payment(window, time):
    address = window.open(
        custom_data={"a": [1, "é"]},
        notice_url="http://localhost/hook",
        m_redirect_url="http://localhost/done?x=1",
    )
    payment = Payment.objects.get()
    assert address == f"/sandbox/pay/{payment.imp_uid}/"
    assert (payment.status, payment.amount, payment.currency, payment.started_at) == (
        "ready",
        10_000,
        "KRW",
        time.now,
    )
    assert (payment.origin, payment.pg_provider, payment.sandbox) == (ORIGIN, "", False)
    assert (payment.notice_urls, payment.m_redirect_url) == (
        ["http://localhost/hook"],
        "http://localhost/done?x=1",
    )
    assert json.loads(payment.custom_data) == {"a": [1, "é"]}
    page = window.browser.get(address)
    assert "10,000원" in page.content.decode()
    assert "X-Frame-Options" not in page.headers
    assert told(page) == {
        "target": ORIGIN,
        "answer": None,
        "road": "frame",
        "imp_uid": payment.imp_uid,
    }
    assert not Delivery.objects.exists()


def test_pages_hold_no_inline_script_style_or_cookie(window):
    address = window.open()
    for page in (window.browser.get(address), window.choose(address, "approve")):
        text = page.content.decode()
        assert re.findall(r"<script(?![^>]*(?:src=|application/json))", text) == []
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
        assert not page.cookies


def test_approve(window, time):
    address = window.open(custom_data={"k": "</script>"})
    time.advance(20)
    page = window.choose(address, "approve")
    payment = Payment.objects.get()
    assert (payment.status, payment.paid_at) == ("paid", time.now)
    assert [row.body["status"] for row in Delivery.objects.all()] == ["paid"]
    answer = told(page)["answer"]
    assert set(answer) == {
        "success", "imp_uid", "merchant_uid", "pay_method", "paid_amount", "status", "name",
        "currency", "pg_provider", "pg_type", "pg_tid",
        "buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode", "custom_data",
        "paid_at", "receipt_url", "apply_num",
        "card_name", "card_number", "card_quota", "bank_name",
    }  # fmt: skip
    assert answer["success"] is True
    assert (answer["imp_uid"], answer["merchant_uid"], answer["status"]) == (
        payment.imp_uid,
        "order-1",
        "paid",
    )
    assert (answer["paid_amount"], answer["paid_at"], answer["pg_provider"]) == (
        10_000,
        time.now,
        "html5_inicis",
    )
    assert answer["custom_data"] == {"k": "</script>"}


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("decline", "[한도초과] 카드사에서 승인을 거절하였습니다"),
        ("close", "[결제포기] 사용자가 결제를 취소하셨습니다"),
    ],
)
def test_decline_and_close(window, api, choice, message):
    page = window.choose(window.open(), choice)
    payment = Payment.objects.get()
    assert (payment.status, payment.fail_reason) == ("failed", message)
    answer = told(page)["answer"]
    assert answer.pop("error_code")
    assert answer == {
        "success": False,
        "imp_uid": payment.imp_uid,
        "merchant_uid": "order-1",
        "error_msg": message,
    }
    assert message in page.content.decode()
    assert api(f"payments/{payment.imp_uid}").json()["response"]["fail_reason"] == message
    assert not Delivery.objects.exists()


def test_with_a_channel_key_only_ids_and_errors(window):
    paid = told(window.choose(window.open(channelKey="channel-key-1", buyer_tel=""), "approve"))[
        "answer"
    ]
    payment = Payment.objects.get()
    assert paid == {"imp_uid": payment.imp_uid, "merchant_uid": "order-1"}
    assert payment.pg_provider == "tosspayments"
    failed = told(
        window.choose(window.open(channelKey="channel-key-1", merchant_uid="order-2"), "decline")
    )["answer"]
    assert set(failed) == {"imp_uid", "merchant_uid", "error_code", "error_msg"}
    refused = told(window.post({**PARAMS, "channelKey": "channel-key-1"}))["answer"]
    assert refused == {
        "imp_uid": None,
        "merchant_uid": "order-1",
        "error_code": "F1002",
        "error_msg": "이미 결제가 이루어진 거래건입니다.",
    }


def test_a_virtual_account(window, time):
    address = window.open(pay_method="vbank", vbank_due="20261001")
    page = window.choose(address, "account")
    payment = Payment.objects.get()
    assert (payment.status, payment.paid_at, payment.vbank_issued_at) == ("ready", 0, time.now)
    assert payment.vbank_date == 1_790_866_799
    answer = told(page)["answer"]
    assert (answer["success"], answer["status"], answer["paid_at"], answer["vbank_date"]) == (
        True,
        "ready",
        0,
        "2026-10-01 23:59:59",
    )
    assert (answer["vbank_num"], answer["vbank_name"]) == (payment.vbank_num, "신한은행")
    assert [row.body["status"] for row in Delivery.objects.all()] == ["ready"]


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        ("2026-10-01", 1_790_866_799), ("20261001", 1_790_866_799),
        ("2026-10-01 12:00:01", 1_790_823_601), ("20261001120001", 1_790_823_601),
        ("202610011200", 1_790_823_600),
    ],
)  # fmt: skip
def test_formats_of_vbank_due(window, due, expected):
    window.open(pay_method="vbank", vbank_due=due)
    assert Payment.objects.get().vbank_due == expected


@pytest.mark.parametrize(
    "due",
    [
        "20260920",
        "20261332",
        "tomorrow",
        "2026-10-1",
        "２０２６１００１",
        20261001,
        "0000-00-00",
        ["20261001"],
    ],
)
def test_unusable_vbank_due(window, due):
    assert told(window.post({**PARAMS, "pay_method": "vbank", "vbank_due": due}))["answer"][
        "error_msg"
    ].endswith("(vbank_due)")


def test_the_second_press_changes_nothing(window):
    address = window.open()
    nonce = re.search(
        r'name="nonce" value="([^"]+)"', window.browser.get(address).content.decode()
    )[1]
    for choice in ("decline", "approve", "close", "account", "nonsense", ""):
        body = urlencode({"nonce": nonce, "choice": choice})
        assert (
            window.browser.post(
                address, body, content_type="application/x-www-form-urlencoded"
            ).status_code
            == 303
        )
    assert Payment.objects.get().status == "failed"
    assert not Delivery.objects.exists()


def test_a_choice_needs_the_payments_own_nonce(window):
    address, other = window.open(), window.open(merchant_uid="order-2")
    foreign = signing.Signer(salt="billing_sandbox.window.views").sign(other.split("/")[3])
    unsalted = signing.Signer().sign(address.split("/")[3])
    for nonce in ("", "x", foreign, unsalted, "é", "\0"):
        body = urlencode({"nonce": nonce, "choice": "approve"})
        assert (
            window.browser.post(
                address, body, content_type="application/x-www-form-urlencoded"
            ).status_code
            == 403
        )
    for content_type, body in (
        ("application/json", '{"nonce": "\\ud800"}'),
        ("multipart/form-data; boundary=x", "--x"),
        ("text/plain", "a"),
    ):
        assert window.browser.post(address, body, content_type=content_type).status_code == 403
    assert set(Payment.objects.values_list("status", flat=True)) == {"ready"}


@pytest.mark.parametrize("uid", ["imp_000000000000", "x", "%00", "i" * 10_000, "%ff"])
def test_unknown_windows_and_receipts(client, uid):
    for path in (f"/sandbox/pay/{uid}/", f"/sandbox/receipt/{uid}/"):
        assert client.get(path).status_code == 404
    assert client.post(f"/sandbox/pay/{uid}/").status_code == 404


def test_receipt(client, pay, control):
    uid = pay("order-1")
    text = client.get(f"/sandbox/receipt/{uid}/").content.decode()
    assert "10,000원" in text
    control(f"payments/{uid}/cancel", amount=3000)
    assert "3,000원" in client.get(f"/sandbox/receipt/{uid}/").content.decode()
    assert client.get(f"/sandbox/receipt/{pay('other', outcome='failed')}/").status_code == 404


def test_the_script(client):
    answer = client.get("/sandbox/iamport.js")
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/javascript; charset=utf-8",
    )
    text = answer.content.decode()
    assert "window.IMP = IMP;" in text
    assert not re.search(r"\beval\b|new Function|innerHTML|setAttribute\(\"style\"", text)


def test_panel(client, pay, control, api):
    pay("order-<b>1", webhook=True)
    pay("order-2", outcome="vbank", pay_method="vbank", sandbox=True)
    api("payments/imp_1")
    text = client.get("/sandbox/").content.decode()
    assert "order-&lt;b&gt;1" in text
    assert "신한은행 562" in text
    assert "/sandbox/api/payments/imp_1" in text
    assert "http://testserver/billing/webhook/" in text


def test_panel_shows_the_newest_hundred(client, pay):
    uids = [pay(f"order-{number}") for number in range(102)]
    text = client.get("/sandbox/").content.decode()
    assert uids[1] not in text
    assert uids[2] in text
