"""payments/cancel by the API."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from billing_sandbox.engine.processor import KST
from billing_sandbox.models import CancelLater, Cancellation, Delivery, Payment

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NONE_THERE = "취소할 결제건이 존재하지 않습니다."
REFUND = {"refund_holder": "홍길동", "refund_bank": "088", "refund_account": "110-123-456789"}


def cancel(api, **body):
    answer = api("payments/cancel", body)
    return answer.status_code, answer.json()


def refused(found):
    status, body = found
    assert body["response"] is None
    return status, body["code"], body["message"]


def untouched():
    payment = Payment.objects.get()
    assert (payment.cancel_amount, payment.cancelled_at) == (0, 0)
    assert not Cancellation.objects.exists()
    assert not Delivery.objects.filter(body__status="cancelled").exists()


def test_all_of_it(api, pay, time):
    uid = pay("order-1")
    time.advance(60)
    status, body = cancel(api, imp_uid=uid, reason="단순 변심")
    assert (status, body["code"], body["message"]) == (200, 0, None)
    payment = body["response"]
    assert (
        payment["status"],
        payment["amount"],
        payment["cancel_amount"],
        payment["cancelled_at"],
    ) == (
        "cancelled",
        10_000,
        10_000,
        time.now,
    )
    assert (payment["cancel_reason"], payment["paid_at"]) == ("단순 변심", time.now - 60)
    [item] = payment["cancel_history"]
    assert (item["amount"], item["reason"], item["cancelled_at"]) == (10_000, "단순 변심", time.now)
    assert payment["cancel_receipt_urls"] == [item["receipt_url"]]
    assert payment == api(f"payments/{uid}").json()["response"]
    assert refused(cancel(api, imp_uid=uid)) == (200, 1, "이미 전액취소된 주문입니다.")
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("amount", [0, None, 0.0])
def test_amount_nothing_means_all_that_remains(api, pay, amount):
    uid = pay()
    assert cancel(api, imp_uid=uid, amount=4000)[1]["response"]["cancel_amount"] == 4000
    assert (
        cancel(api, imp_uid=uid, amount=amount)[1]["response"]["cancel_history"][1]["amount"]
        == 6000
    )


def test_parts_and_their_sum(api, pay):
    uid = pay()
    for amount, total in ((1, 1), (999, 1000), (9000, 10_000)):
        payment = cancel(api, imp_uid=uid, amount=amount, checksum=10_000 - total + amount)[1][
            "response"
        ]
        assert (payment["status"], payment["amount"], payment["cancel_amount"]) == (
            "cancelled",
            10_000,
            total,
        )
        assert sum(item["amount"] for item in payment["cancel_history"]) == total


def test_a_repeated_part_cancels_again_and_a_checksum_prevents_it(api, pay):
    uid = pay()
    cancel(api, imp_uid=uid, amount=3000)
    cancel(api, imp_uid=uid, amount=3000, checksum=7000)
    status, code, message = refused(cancel(api, imp_uid=uid, amount=3000, checksum=7000))
    assert (status, code) == (200, 1)
    assert "checksum" in message
    assert Payment.objects.get().cancel_amount == 6000


def test_more_than_remains(api, pay):
    uid = pay()
    text = "결제취소에 실패하였습니다.(requested cancel amount is bigger than cancelable amount)"
    assert refused(cancel(api, imp_uid=uid, amount=10_001)) == (200, -1, text)
    untouched()


@pytest.mark.parametrize("checksum", [0, 9_999, 10_001])
def test_wrong_checksum(api, pay, checksum):
    assert refused(cancel(api, imp_uid=pay(), checksum=checksum))[:2] == (200, 1)
    untouched()


def test_no_such_payment(api, pay):
    uid = pay("order-1")
    for body in (
        {"imp_uid": "imp_000000000000"},
        {"merchant_uid": "nobody"},
        {"imp_uid": "imp_1", "merchant_uid": "order-1"},
    ):
        assert refused(cancel(api, **body)) == (200, 1, NONE_THERE)
    assert refused(cancel(api, imp_uid="\0"))[0] == 400
    assert cancel(api, imp_uid=uid, merchant_uid="another")[0] == 200
    assert Payment.objects.get().status == "cancelled"


@pytest.mark.parametrize(
    "body",
    [{}, {"imp_uid": "", "merchant_uid": ""}, {"imp_uid": None}, {"amount": 100, "reason": "x"}],
)
def test_neither_uid(api, pay, body):
    pay()
    status, code, message = refused(cancel(api, **body))
    assert (status, code) == (400, -1)
    assert message.endswith("지정해주셔야합니다.")
    untouched()


@pytest.mark.parametrize("outcome", ["ready", "failed"])
def test_what_was_not_paid(api, pay, outcome):
    assert refused(cancel(api, imp_uid=pay("m", outcome=outcome))) == (200, 1, NONE_THERE)
    assert refused(cancel(api, merchant_uid="m")) == (200, 1, NONE_THERE)


def test_by_merchant_uid_the_one_paid_last_that_has_something_left(api, pay, time):
    first = pay("m")
    time.advance(5)
    second = pay("m")
    time.advance(5)
    pay("m", outcome="ready")
    assert [cancel(api, merchant_uid="m")[1]["response"]["imp_uid"] for _ in range(2)] == [
        second,
        first,
    ]
    assert refused(cancel(api, merchant_uid="m")) == (200, 1, "이미 전액취소된 주문입니다.")


BAD = [
    {"amount": -1}, {"amount": "100"}, {"amount": 0.5}, {"amount": 1.001}, {"amount": True},
    {"amount": []}, {"amount": {}}, {"amount": 10**30},
    {"amount": ""}, {"checksum": -1}, {"checksum": "10000"}, {"checksum": False}, {"tax_free": -1},
    {"tax_free": "x"}, {"vat_amount": [1]},
    {"reason": 1}, {"reason": "r" * 257}, {"reason": "a\0b"}, {"reason": "\ud800"},
    {"enable_webhook": "yes"}, {"enable_webhook": 1},
    {"refund_holder": 5}, {"refund_account": ["1"]}, {"refund_bank": {}}, {"imp_uid": 7},
    {"imp_uid": ["imp_1"]}, {"imp_uid": "i" * 201},
]  # fmt: skip


@pytest.mark.parametrize("change", BAD)
def test_unusable_parameters(api, pay, change):
    assert refused(cancel(api, **{"imp_uid": pay(), **change}))[:2] == (400, -1)
    untouched()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b"NaN", b"\xff", b"[" * 3000,
        b'{"imp_uid": "UID", "imp_uid": "UID"}', b'{"imp_uid": "UID", "amount": NaN}',
        b'{"imp_uid": "UID", "amount": 1, "amount": 10000}',
        b'{"imp_uid": "UID", "amount": 1e999999999}',
    ],
)  # fmt: skip
def test_unreadable_bodies(api, pay, raw):
    answer = api("payments/cancel", raw.replace(b"UID", pay().encode()))
    assert (answer.status_code, answer.json()["code"]) == (400, -1)
    untouched()


def test_a_body_of_a_megabyte(api, pay):
    answer = api("payments/cancel", {"imp_uid": pay(), "reason": "x" * 1_000_000})
    assert (answer.status_code, answer.json()) == (
        413,
        {"code": -1, "message": "Request Entity Too Large", "response": None},
    )
    untouched()


def test_a_form(api, pay):
    uid = pay()
    body = f"imp_uid={uid}&amount=3000&checksum=10000&reason=%ED%99%98%EB%B6%88&enable_webhook=false&extra[requester]=customer&tax_free=0"
    payment = api("payments/cancel/", body, form=True).json()["response"]
    assert (payment["cancel_amount"], payment["cancel_reason"]) == (3000, "환불")


@pytest.mark.parametrize(
    "more",
    [
        "amount=",
        "amount=-1",
        "amount=1.5",
        "amount=1e3",
        "amount=1&amount=2",
        "checksum=",
        "amount[]=1",
        "amount=１",
    ],
)
def test_unusable_forms(api, pay, more):
    answer = api("payments/cancel", f"imp_uid={pay()}&{more}", form=True)
    assert (answer.status_code, answer.json()["code"]) == (400, -1)
    untouched()


def test_other_currencies(api, pay):
    uid = pay(amount=14.2, currency="USD")
    assert cancel(api, imp_uid=uid, amount=4.15)[1]["response"]["cancel_amount"] == 4.15
    assert cancel(api, imp_uid=uid, checksum=10.05)[1]["response"]["cancel_amount"] == 14.2


# -- virtual accounts, phones and other processors --


def test_a_virtual_account_is_refunded_to_an_account(api, pay):
    uid = pay(pay_method="vbank")
    for missing in REFUND:
        assert refused(cancel(api, imp_uid=uid, **{**REFUND, missing: ""}))[:2] == (200, 1)
    assert refused(cancel(api, imp_uid=uid))[:2] == (200, 1)
    assert refused(cancel(api, imp_uid=uid, **{**REFUND, "refund_account": "1" * 17}))[:2] == (
        200,
        -1,
    )
    untouched()
    assert cancel(api, imp_uid=uid, **REFUND)[1]["response"]["status"] == "cancelled"


def test_smartro_wants_a_telephone_number_too(api, pay):
    uid = pay(pay_method="vbank", pg_provider="smartro_v2")
    assert refused(cancel(api, imp_uid=uid, **REFUND))[:2] == (200, 1)
    assert cancel(api, imp_uid=uid, **REFUND, refund_tel="010-0000-0000")[1]["code"] == 0
    assert refused(cancel(api, imp_uid=pay("trans", pay_method="trans", pg_provider="smartro_v2")))[
        :2
    ] == (200, 1)


def test_a_waiting_virtual_account(api, pay):
    assert refused(cancel(api, imp_uid=pay(pay_method="vbank", outcome="vbank"), **REFUND)) == (
        200,
        1,
        NONE_THERE,
    )


def seconds_until(time, *moment):
    return int(datetime(*moment, tzinfo=KST).timestamp()) - time.now


def test_phone_only_within_the_month_in_korea(api, pay, time, control):
    first, second, third = (pay(name, pay_method="phone") for name in "abc")
    time.advance(seconds_until(time, 2026, 9, 30, 23, 59, 59))
    assert cancel(api, imp_uid=first)[1]["code"] == 0
    time.advance(1)
    status, code, message = refused(cancel(api, imp_uid=second))
    assert (status, code) == (200, -1)
    assert message.startswith("결제취소에 실패하였습니다.(")
    assert refused(cancel(api, imp_uid=second, **REFUND))[1] == -1
    assert control(f"payments/{third}/cancel").status_code == 409
    late = pay("d", pay_method="phone", pg_provider="kcp")
    time.advance(40 * 86400)
    assert refused(cancel(api, imp_uid=late))[1] == -1
    assert cancel(api, imp_uid=late, **REFUND)[1]["code"] == 0


def test_partial_cancels_that_processors_refuse(api, pay):
    for name, provider, fine in (
        ("a", "html5_inicis", True),
        ("b", "kcp", True),
        ("c", "danal", False),
    ):
        assert (
            cancel(api, imp_uid=pay(name, pay_method="phone", pg_provider=provider), amount=1000)[
                1
            ]["code"]
            == 0
        ) is fine
    gift = pay("gift", pay_method="cultureland")
    assert refused(cancel(api, imp_uid=gift, amount=1))[:2] == (200, -1)
    assert cancel(api, imp_uid=gift)[1]["code"] == 0
    many = pay("many", pg_provider="ksnet")
    codes = [cancel(api, imp_uid=many, amount=1)[1]["code"] for _ in range(10)]
    assert codes == [0] * 9 + [-1]


# -- webhooks --


def test_the_webhook_of_an_api_cancel_goes_to_the_console_alone(api, pay, settings):
    uid = pay("order-1", webhook=True)
    Payment.objects.update(notice_urls=["http://127.0.0.1:9/own/"])
    cancel(api, imp_uid=uid, amount=1, enable_webhook=True)
    assert Delivery.objects.last().url == settings.SANDBOX["webhook_url"]
    settings.SANDBOX = {**settings.SANDBOX, "webhook_url": ""}
    sent = Delivery.objects.count()
    cancel(api, imp_uid=uid, amount=1, enable_webhook=True)
    assert Delivery.objects.count() == sent


def test_a_webhook_only_if_asked_and_only_if_there_was_one(api, pay):
    silent, heard = pay("silent"), pay("heard", webhook=True)
    cancel(api, imp_uid=silent, enable_webhook=True)
    cancel(api, imp_uid=heard, amount=1)
    assert Delivery.objects.count() == 1
    item = cancel(api, imp_uid=heard, amount=1, enable_webhook=True)[1]["response"][
        "cancel_history"
    ][1]
    assert Delivery.objects.last().body == {
        "imp_uid": heard, "merchant_uid": "heard", "status": "cancelled",
        "cancellation_id": item["cancellation_id"],
    }  # fmt: skip


# -- accepted now, done later --


def test_accepted_now_done_later(api, pay, control, time):
    uid = pay()
    control("faults", cancel_later_s=3600, path="payments/cancel", times=1)
    status, body = cancel(api, imp_uid=uid, amount=4000, reason="늦게")
    assert (
        status,
        body["code"],
        body["response"]["status"],
        body["response"]["cancel_history"],
    ) == (200, 0, "paid", [])
    assert refused(cancel(api, imp_uid=uid, amount=6001))[1] == -1
    assert cancel(api, imp_uid=uid, checksum=6000)[1]["response"]["cancel_amount"] == 6000
    assert refused(cancel(api, imp_uid=uid)) == (
        200,
        -1,
        "결제취소에 실패하였습니다.(취소 처리가 진행 중인 거래입니다.)",
    )
    assert control(f"payments/{uid}/cancel").status_code == 409
    control("clock", advance_s=3599)
    assert api(f"payments/{uid}").json()["response"]["cancel_amount"] == 6000
    control("clock", advance_s=1)
    payment = api(f"payments/{uid}").json()["response"]
    assert [(item["amount"], item["reason"]) for item in payment["cancel_history"]] == [
        (6000, ""),
        (4000, "늦게"),
    ]
    assert (payment["cancel_amount"], payment["cancelled_at"]) == (10_000, time.now + 3600)
    assert [row.body["status"] for row in Delivery.objects.all()] == ["cancelled"]
    assert not CancelLater.objects.exists()


def test_without_a_token_nothing_happens(api, pay):
    answer = api("payments/cancel", {"imp_uid": pay()}, headers={})
    assert (answer.status_code, json.loads(answer.content)["message"]) == (401, "Unauthorized")
    untouched()
