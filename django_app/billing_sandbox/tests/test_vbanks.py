"""Virtual accounts: issued by the API, changed, closed, paid into."""

from __future__ import annotations

import pytest

from billing_sandbox.models import Delivery, Payment

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

INICIS, TOSS, HECTO, _KAKAO = (
    f"channel-key-00000000-0000-4000-8000-00000000000{number}" for number in range(1, 5)
)


@pytest.fixture
def good(time):
    """What POST vbanks needs at Toss."""
    return {
        "channel_key": TOSS,
        "merchant_uid": "order-1",
        "amount": 10_000,
        "vbank_code": "088",
        "vbank_due": time.now + 86400,
        "buyer_name": "홍길동",
    }


def refused(answer):
    body = answer.json()
    assert body["response"] is None
    assert body["message"]
    return answer.status_code, body["code"]


def test_issue(api, good, time):
    payment = api(
        "vbanks", {**good, "custom_data": '{"a":1}', "notice_url": ["http://localhost/hook"]}
    ).json()["response"]
    assert (payment["status"], payment["channel"], payment["pay_method"], payment["amount"]) == (
        "ready",
        "api",
        "vbank",
        10_000,
    )
    assert (payment["pg_provider"], payment["vbank_code"], payment["vbank_name"]) == (
        "tosspayments",
        "088",
        "신한은행",
    )
    assert (payment["vbank_holder"], payment["vbank_date"], payment["vbank_issued_at"]) == (
        None,
        good["vbank_due"],
        time.now,
    )
    assert payment["custom_data"] == '{"a":1}'
    assert payment == api(f"payments/{payment['imp_uid']}").json()["response"]
    assert [(row.url, row.body["status"]) for row in Delivery.objects.all()] == [
        ("http://localhost/hook", "ready")
    ]


def test_several_accounts_may_wait_under_one_merchant_uid_and_both_be_paid(api, good, control):
    first, second = (api("vbanks/", good).json()["response"]["imp_uid"] for _ in range(2))
    assert [control(f"payments/{uid}/deposit").status_code for uid in (first, second)] == [200, 200]
    status, code = refused(api("vbanks", good))
    assert (status, code) == (200, 1)


def test_a_merchant_uid_ever_paid_is_refused(api, good, pay, control):
    control(f"payments/{pay('order-1')}/cancel")
    answer = api("vbanks", good)
    assert (answer.status_code, answer.json()["message"]) == (
        200,
        "이미 결제가 이루어진 거래건입니다.",
    )
    assert Payment.objects.count() == 1


def test_a_form(api, time):
    due = time.now + 60
    body = f"channel_key={HECTO}&merchant_uid=m&amount=1000&vbank_code=004&vbank_due={due}&vbank_holder=%ED%99%8D&notice_url[]=http://localhost/a"
    payment = api("vbanks", body, form=True).json()["response"]
    assert (payment["amount"], payment["vbank_holder"], payment["pg_provider"]) == (
        1000,
        "홍",
        "settle",
    )


def test_inicis_checks_its_key_and_names(api, good, control):
    more = {**good, "channel_key": INICIS, "vbank_holder": "홍길동", "buyer_email": "a@example.com"}
    answer = api("vbanks", more)
    assert refused(answer) == (200, -1)
    assert "hashData" in answer.json()["message"]
    assert refused(api("vbanks?pg_api_key=k", {**more, "buyer_email": ""})) == (400, -1)
    uid = api("vbanks?pg_api_key=k", more).json()["response"]["imp_uid"]
    assert refused(api(f"vbanks/{uid}", method="DELETE")) == (200, -1)
    assert api(f"vbanks/{uid}?pg_api_key=k", method="DELETE").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"channel_key": None}, {"channel_key": ""}, {"channel_key": 1}, {"merchant_uid": "m" * 41},
        {"merchant_uid": None}, {"amount": 0},
        {"amount": "1000"}, {"amount": -1}, {"amount": 0.5}, {"amount": None},
        {"vbank_code": "999"}, {"vbank_code": 88}, {"vbank_code": ["088"]},
        {"vbank_due": 1}, {"vbank_due": "20991231"}, {"vbank_due": 4_000_000_000_000},
        {"vbank_due": None}, {"buyer_name": None},
        {"buyer_name": "b" * 17}, {"buyer_tel": "1" * 17}, {"name": "n" * 41},
        {"custom_data": {"a": 1}}, {"notice_url": "javascript:1"},
        {"notice_url": [1]}, {"vbank_holder": "h" * 17},
    ],
)  # fmt: skip
def test_unusable_parameters(api, good, change):
    assert refused(api("vbanks", {**good, **change})) == (400, -1)
    assert not Payment.objects.exists()


def test_change(api, good, time, control):
    uid = api("vbanks", {**good, "channel_key": HECTO, "vbank_holder": "홍"}).json()["response"][
        "imp_uid"
    ]
    payment = api(
        f"vbanks/{uid}", {"amount": 7000, "vbank_due": time.now + 5}, method="PUT"
    ).json()["response"]
    assert (payment["amount"], payment["vbank_date"]) == (7000, time.now + 5)
    assert control(f"payments/{uid}/deposit", amount=10_000).status_code == 409
    for body in (
        {},
        {"amount": 0},
        {"amount": "7000"},
        {"vbank_due": time.now},
        {"vbank_due": None},
    ):
        assert refused(api(f"vbanks/{uid}", body, method="PUT")) == (400, -1)
    assert control(f"payments/{uid}/deposit", amount=7000).json()["status"] == "paid"
    assert refused(api(f"vbanks/{uid}", {"amount": 1}, method="PUT")) == (400, -1)


def test_only_hecto_changes(api, good):
    uid = api("vbanks", good).json()["response"]["imp_uid"]
    assert refused(api(f"vbanks/{uid}", {"amount": 1}, method="PUT")) == (400, -1)
    assert Payment.objects.get().amount == 10_000


def test_close(api, good, control):
    issued = api("vbanks", good).json()["response"]
    uid = issued["imp_uid"]
    assert api(f"vbanks/{uid}/", method="DELETE").json()["response"] == issued
    for verb in ("deposit", "approve"):
        assert control(f"payments/{uid}/{verb}").status_code == 409
    assert refused(api(f"vbanks/{uid}", method="DELETE")) == (400, -1)
    assert api(f"payments/{uid}").json()["response"]["status"] == "ready"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_what_is_no_waiting_account(api, pay, method):
    for uid in ("imp_1", "%00", "i" * 99):
        assert refused(api(f"vbanks/{uid}", {"amount": 1}, method=method)) == (404, -1)
    made = [
        pay("card"),
        pay("none", pay_method="vbank", outcome="ready"),
        pay("paid", pay_method="vbank"),
    ]
    for uid in made:
        assert refused(api(f"vbanks/{uid}", {"amount": 1}, method=method)) == (400, -1)


# -- deposits --


def test_less_and_more_than_asked_for_is_sent_back(api, pay, control):
    uid = pay(pay_method="vbank", outcome="vbank")
    before = api(f"payments/{uid}").json()
    for amount in (9_999, 10_001, 1):
        answer = control(f"payments/{uid}/deposit", amount=amount)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "wrong_state")
    for amount in (0, -1, "10000", None, 0.5):
        assert control(f"payments/{uid}/deposit", amount=amount).status_code == 400
    assert api(f"payments/{uid}").json() == before
    assert not Delivery.objects.exists()
    assert control(f"payments/{uid}/deposit", amount=10_000).json()["status"] == "paid"


def test_an_account_expires_by_the_gateways_clock(api, good, control, time):
    uid = api("vbanks", good).json()["response"]["imp_uid"]
    control("clock", advance_s=86401)
    answer = control(f"payments/{uid}/deposit")
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        409,
        "Not possible: the virtual account's deadline is past.",
    )
    assert api(f"payments/{uid}").json()["response"]["status"] == "ready"


def test_an_account_takes_a_deposit_in_its_last_second(api, good, control, time):
    uid = api("vbanks", good).json()["response"]["imp_uid"]
    control("clock", advance_s=86400)
    assert control(f"payments/{uid}/deposit").json()["paid_at"] == time.now + 86400
