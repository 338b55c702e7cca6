"""payments/<imp_uid> and payments/find: the payment's form, the failure matrix, the log."""

import json
from typing import Any

import pytest
from django.conf import settings

from billing_sandbox.models import ApiCall

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

MISSING = {"code": -1, "message": "존재하지 않는 결제정보입니다.", "response": None}

# Every key that V1's payment has, with its value where nothing is known.
EMPTY: dict[str, Any] = {
    "apply_num": None, "bank_code": None, "bank_name": None, "buyer_addr": None,
    "buyer_email": None, "buyer_name": None,
    "buyer_postcode": None, "buyer_tel": None, "cancel_amount": 0, "cancel_history": [],
    "cancel_reason": None, "cancel_receipt_urls": [],
    "cancelled_at": 0, "card_code": None, "card_issuer_code": None, "card_issuer_name": None,
    "card_name": None, "card_number": None,
    "card_publisher_code": None, "card_publisher_name": None, "card_quota": 0, "card_type": None,
    "cash_receipt_issued": False,
    "channel": "pc", "currency": "KRW", "custom_data": None, "customer_uid": None,
    "customer_uid_usage": None, "deposit_history": [],
    "emb_pg_provider": None, "escrow": False, "fail_reason": None, "failed_at": 0, "name": None,
    "paid_at": 0, "pay_method": "card",
    "pg_id": None, "pg_provider": None, "pg_tid": None, "promotion": None, "receipt_url": None,
    "sandbox": False, "status": "ready",
    "user_agent": None, "vbank_code": None, "vbank_date": 0, "vbank_holder": None,
    "vbank_issued_at": 0, "vbank_name": None,
    "vbank_num": None,
}  # fmt: skip


def get(api, uid):
    return api(f"payments/{uid}").json()["response"]


def test_an_abandoned_window(api, pay, time):
    uid = pay("order-1", outcome="ready")
    assert get(api, uid) == {
        **EMPTY,
        "imp_uid": uid,
        "merchant_uid": "order-1",
        "amount": 10_000,
        "started_at": time.now,
    }


def test_bytes(api, pay):
    uid = pay(outcome="failed")
    answer = api(f"payments/{uid}")
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    text = answer.content.decode("ascii")
    assert text.startswith('{"code":0,"message":null,"response":{"amount":10000,"apply_num":null,')
    assert list(answer.json()["response"]) == sorted(answer.json()["response"])
    assert "\\ud55c\\ub3c4\\ucd08\\uacfc" in text
    assert api("payments/imp_1").content == (
        b'{"code":-1,"message":"\\uc874\\uc7ac\\ud558\\uc9c0 \\uc54a\\ub294 \\uacb0\\uc81c\\uc815\\ubcf4\\uc785\\ub2c8\\ub2e4.","response":null}'
    )
    paid = api(f"payments/{pay('other')}").content
    assert b'"receipt_url":"http:\\/\\/testserver\\/sandbox\\/receipt\\/imp_' in paid


def test_a_paid_card(api, pay, time):
    uid = pay("order-1")
    found = get(api, uid)
    assert uid.startswith("imp_")
    assert uid[4:].isdigit()
    assert len(uid) == 16
    assert {key: value for key,
        value in found.items() if EMPTY.get(key, "") == value}.keys() == EMPTY.keys() - {
        "apply_num", "card_code", "card_name", "card_number", "card_type", "paid_at", "pg_id",
        "pg_provider", "pg_tid", "receipt_url", "status",
    }  # fmt: skip
    assert (found["status"], found["amount"], found["paid_at"], found["card_type"]) == (
        "paid",
        10_000,
        time.now,
        0,
    )
    assert (found["pg_provider"], found["pg_id"]) == ("html5_inicis", "INIpayTest")
    assert found["pg_tid"].startswith("StdpayCARDINIpayTest20260921")
    assert type(found["amount"]) is int


def test_a_failed_card(api, pay, time):
    found = get(api, pay(outcome="failed"))
    assert (found["status"], found["failed_at"], found["paid_at"], found["pg_tid"]) == (
        "failed",
        time.now,
        0,
        None,
    )
    assert found["fail_reason"] == "[한도초과] 카드사에서 승인을 거절하였습니다"


def test_a_virtual_account_keeps_its_numbers_after_the_deposit(api, pay, control, time):
    uid = pay(pay_method="vbank", outcome="vbank")
    waiting = get(api, uid)
    assert (waiting["status"], waiting["paid_at"], waiting["vbank_issued_at"]) == (
        "ready",
        0,
        time.now,
    )
    assert waiting["vbank_date"] == 1_792_594_799  # 30 days later, 23:59:59 in Korea
    assert waiting["vbank_num"].isdigit()
    assert waiting["pg_tid"].startswith("StdpayVBNK")
    time.advance(3600)
    assert control(f"payments/{uid}/deposit").status_code == 200
    paid = get(api, uid)
    assert (paid["status"], paid["paid_at"]) == ("paid", time.now)
    assert {key for key in paid if paid[key] != waiting[key]} == {"status", "paid_at"}


def test_other_currencies_keep_their_decimals(api, pay):
    found = get(api, pay(amount=14.2, currency="USD"))
    assert (found["amount"], found["currency"]) == (14.2, "USD")


def test_kakaopay_ends_as_a_card(api, pay):
    found = get(api, pay(pay_method="kakaopay", pg_provider="kakaopay"))
    assert (found["pay_method"], found["emb_pg_provider"], found["pg_provider"]) == (
        "card",
        "kakaopay",
        "kakaopay",
    )


def test_test_channel_payments_only_for_those_who_ask(api, pay):
    uid = pay(sandbox=True)
    for query in (
        "",
        "?include_sandbox=false",
        "?include_sandbox=1",
        "?include_sandbox=",
        "?include_sandbox=TRUE",
    ):
        answer = api(f"payments/{uid}{query}")
        assert (answer.status_code, answer.json()) == (404, MISSING), query
    answer = api(f"payments/{uid}?include_sandbox=true")
    assert answer.status_code == 200
    assert answer.json()["response"]["sandbox"] is True
    assert (
        api(f"payments/{pay('live')}?include_sandbox=true").json()["response"]["sandbox"] is False
    )


@pytest.mark.parametrize(
    "uid",
    [
        "imp_000000000000",
        "x",
        "imp_1%00",
        "i" * 10_000,
        "%ED%95%9C",
        "%ff",
        "imp-1",
        "imp_1%0A",
        "findAllx",
        "1'--",
    ],
)
def test_unknown_imp_uid(api, uid):
    answer = api(f"payments/{uid}")
    assert (answer.status_code, answer.json()) == (404, MISSING)


@pytest.mark.parametrize(
    "merchant_uid", ["nobody", "a%00b", "m" * 10_000, "%ff%fe", "%0a", "%E2%80%AE"]
)
def test_find_unknown_merchant_uid(api, merchant_uid):
    for path in (
        f"payments/find/{merchant_uid}",
        f"payments/find/{merchant_uid}/paid/",
        f"payments/prepare/{merchant_uid}",
    ):
        answer = api(path)
        assert (answer.status_code, answer.json()["code"]) == (404, -1)


def test_find_gives_the_newest_started_not_the_paid_one(api, pay, time):
    """Two tabs: the second is opened later and abandoned; it hides the first, which was paid."""
    paid = pay("order-1")
    time.advance(5)
    abandoned = pay("order-1", outcome="ready")
    time.advance(5)
    failed = pay("order-1", outcome="failed")
    found = {
        path: api(f"payments/find/order-1{path}").json()["response"]["imp_uid"]
        for path in ("", "/", "/paid", "/ready/", "/failed")
    }
    assert found == {
        "": failed,
        "/": failed,
        "/paid": paid,
        "/ready/": abandoned,
        "/failed": failed,
    }
    assert api("payments/find/order-1/cancelled").json() == MISSING
    assert api("payments/find/order-1/cancelled").status_code == 404


def test_find_sorting(api, pay, control, time):
    first = pay("order-1", outcome="failed")
    time.advance(5)
    second = pay("order-1")
    time.advance(5)
    third = pay("order-1", outcome="ready")
    time.advance(5)
    control(f"payments/{first}/approve")

    def found(sorting):
        return api(f"payments/find/order-1?sorting={sorting}").json()["response"]["imp_uid"]

    assert [
        found("-started"),
        found("started"),
        found("-paid"),
        found("-updated"),
        found("updated"),
    ] == [
        third,
        first,
        first,
        first,
        second,
    ]
    assert api("payments/find/order-1/paid?sorting=paid").json()["response"]["imp_uid"] == second


def test_rows_of_the_same_second_are_told_apart_by_their_order(api, pay):
    uids = [pay("order-1", outcome="ready") for _ in range(3)]
    assert api("payments/find/order-1").json()["response"]["imp_uid"] == uids[-1]
    assert api("payments/find/order-1?sorting=started").json()["response"]["imp_uid"] == uids[0]


@pytest.mark.parametrize("tail", ["/all", "/PAID", "/x", "?sorting=x", "?sorting="])
def test_find_bad_status_or_sorting(api, pay, tail):
    pay("order-1")
    answer = api(f"payments/find/order-1{tail}")
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": -1, "message": "지원되지 않는 상태값입니다.", "response": None},
    )


def test_find_shows_test_channel_payments(api, pay):
    """Only the lookup by imp_uid is documented to leave them out."""
    uid = pay("order-1", sandbox=True)
    assert api("payments/find/order-1").json()["response"]["imp_uid"] == uid


@pytest.mark.parametrize(
    "word",
    [
        "find",
        "find/",
        "prepare/a/b",
        "findAll",
        "findAll/",
        "status",
        "status/",
        "x/y",
        "find/m/paid/more",
    ],
)
def test_words_that_are_no_imp_uid(api, word):
    answer = api(f"payments/{word}")
    assert answer.status_code == (405 if word == "prepare" else 404)
    assert answer.json() == {"code": -1, "message": "Not Found", "response": None}


@pytest.mark.parametrize("path", ["", "nothing", "users", "users/getTokens", "%00", "%0a"])
def test_unknown_addresses(api, path):
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = api(path, method=method, headers={})
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            404,
            "application/json; charset=UTF-8",
        )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "users/getToken"),
        ("GET", "payments/prepare"),
        ("POST", "payments/imp_1"),
        ("DELETE", "payments/find/m"),
        ("DELETE", "payments/prepare"),
        ("HEAD", "payments/imp_1"),
    ],
)
def test_wrong_methods(api, method, path):
    answer = api(path, method=method)
    assert answer.status_code == 405
    assert answer.headers["Allow"] in ("GET", "POST", "POST, PUT")
    if method != "HEAD":
        assert answer.json() == {"code": -1, "message": "Method Not Allowed", "response": None}


def test_the_log_keeps_calls_without_keys(api, browser):
    keys = {"imp_key": settings.SANDBOX["key"], "imp_secret": settings.SANDBOX["secret"]}
    token = api("users/getToken", keys, headers={}).json()["response"]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    secret, key = keys["imp_secret"], keys["imp_key"]
    api("users/getToken", b'{"imp_key": "' + secret.encode(), headers={})
    api("users/getToken", {"nested": [{"imp_secret": secret}], "other": f"x{secret}y"}, headers={})
    api(f"payments/imp_1?imp_key={key}&a={secret}&access_token={token}", headers=headers)
    api(f"payments/{secret}", headers=headers)
    api("payments/prepare", {"merchant_uid": "m", "amount": 5}, headers=headers)
    kept = json.dumps(list(ApiCall.objects.values()))
    assert secret not in kept
    assert key not in kept
    assert token not in kept
    calls = browser.get("/sandbox/control/log").json()["calls"]
    assert [
        (call["method"], call["path"], call["http_status"], call["code"]) for call in calls
    ] == [
        ("POST", "/sandbox/api/users/getToken", 200, 0),
        ("POST", "/sandbox/api/users/getToken", 400, -1),
        ("POST", "/sandbox/api/users/getToken", 400, -1),
        ("GET", "/sandbox/api/payments/imp_1", 404, -1),
        ("GET", "/sandbox/api/payments/***", 404, -1),
        ("POST", "/sandbox/api/payments/prepare", 200, 0),
    ]
    assert calls[-1]["body"] == '{"merchant_uid": "m", "amount": 5}'
    assert calls[0]["body"] == '{"imp_key": "***", "imp_secret": "***"}'
