"""payments/prepare."""

import pytest

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_prepare_and_read_back(api):
    answer = api("payments/prepare", {"merchant_uid": "m-1", "amount": 10_000})
    assert answer.status_code == 200
    assert (
        answer.content
        == b'{"code":0,"message":null,"response":{"merchant_uid":"m-1","amount":10000,"currency":null}}'
    )
    assert api("payments/prepare/m-1").json() == answer.json()
    assert api("payments/prepare/m-1/").json() == answer.json()


def test_form_body(api):
    answer = api("payments/prepare/", "merchant_uid=m-1&amount=10000&currency=KRW", form=True)
    assert answer.json()["response"] == {"merchant_uid": "m-1", "amount": 10_000, "currency": "KRW"}


def test_other_currencies_have_decimals(api):
    answer = api("payments/prepare", {"merchant_uid": "m-1", "amount": 14.2, "currency": "USD"})
    assert answer.json()["response"] == {"merchant_uid": "m-1", "amount": 14.2, "currency": "USD"}


def test_twice_is_refused_with_http_200_and_the_first_stays(api):
    api("payments/prepare", {"merchant_uid": "m-1", "amount": 10_000})
    answer = api("payments/prepare", {"merchant_uid": "m-1", "amount": 100})
    assert answer.status_code == 200
    assert answer.json() == {
        "code": 1,
        "message": "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).",
        "response": None,
    }
    assert api("payments/prepare/m-1").json()["response"]["amount"] == 10_000


def test_unknown(api):
    answer = api("payments/prepare/m-1")
    assert answer.status_code == 404
    assert answer.json() == {
        "code": -1,
        "message": "사전등록된 결제정보가 존재하지 않습니다.",
        "response": None,
    }


@pytest.mark.parametrize(
    "merchant_uid", [None, "", "m" * 41, 7, ["m"], "a\0b", "a\nb", "\ud800", {"a": 1}]
)
def test_unusable_merchant_uid(api, merchant_uid):
    answer = api("payments/prepare", {"merchant_uid": merchant_uid, "amount": 10_000})
    assert (answer.status_code, answer.json()["code"], answer.json()["response"]) == (400, -1, None)


@pytest.mark.parametrize(
    "amount",
    [
        b"0", b"-1", b'"1000"', b"null", b"true", b"[1]", b"10.555", b"1e400", b"1e99999999999",
        b"1e-9999999", b"NaN", b"Infinity", b"100000000001",
        b"9" * 4000, b"9" * 5000, b"0.001", b"{}",
    ],
)  # fmt: skip
def test_unusable_amount(api, amount):
    answer = api("payments/prepare", b'{"merchant_uid": "m", "amount": %s}' % amount)
    assert (answer.status_code, answer.json()["code"]) == (400, -1)
    assert api("payments/prepare/m").status_code == 404


@pytest.mark.parametrize(
    "amount", ["", "１０００", "1_000", "+1000", " 1000", "1e3", "0x10", "1000.555", "9" * 400]
)
def test_unusable_amount_in_a_form(api, amount):
    assert api("payments/prepare", f"merchant_uid=m&amount={amount}", form=True).status_code == 400


def test_whole_amounts_may_be_written_with_a_point(api):
    assert (
        api("payments/prepare", b'{"merchant_uid": "m", "amount": 1000.0}').json()["response"][
            "amount"
        ]
        == 1000
    )


@pytest.mark.parametrize("currency", ["", "krw", "WON!", 1, ["KRW"]])
def test_unusable_currency(api, currency):
    assert (
        api(
            "payments/prepare", {"merchant_uid": "m", "amount": 1, "currency": currency}
        ).status_code
        == 400
    )
