"""users/getToken and the three headers."""

import json
import re

import pytest
from django.conf import settings

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

KEYS = {"imp_key": settings.SANDBOX["key"], "imp_secret": settings.SANDBOX["secret"]}
NO_TOKEN: dict[str, str] = {}


def issued(api, data=None, **more):
    return api("users/getToken", data or KEYS, headers=NO_TOKEN, **more).json()["response"]


def test_json_body(api, time):
    answer = api("users/getToken", KEYS, headers=NO_TOKEN)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    body = answer.json()
    assert (body["code"], body["message"]) == (0, None)
    assert re.fullmatch("[0-9a-f]{40}", body["response"].pop("access_token"))
    assert body["response"] == {"now": time.now, "expired_at": time.now + 1800}


def test_form_body_and_trailing_slash(api):
    answer = api(
        "users/getToken/",
        f"imp_key={KEYS['imp_key']}&imp_secret={KEYS['imp_secret']}",
        form=True,
        headers=NO_TOKEN,
    )
    assert answer.status_code == 200
    assert answer.json()["response"]["access_token"] == issued(api)["access_token"]


def test_the_same_token_with_the_same_expiry_until_its_last_minute(api, time):
    first = issued(api)
    time.advance(1800 - 60)
    again = issued(api)
    assert (again["access_token"], again["expired_at"]) == (
        first["access_token"],
        first["expired_at"],
    )
    assert again["now"] == time.now


def test_in_its_last_minute_the_same_token_gets_five_minutes_more(api, time):
    first = issued(api)
    time.advance(1800 - 59)
    again = issued(api)
    assert (again["access_token"], again["expired_at"]) == (
        first["access_token"],
        first["expired_at"] + 300,
    )
    time.advance(300)
    assert issued(api)["expired_at"] == first["expired_at"] + 600


def test_after_expiry_a_new_token_and_401_for_the_old(api, time):
    first = issued(api)
    headers = {"Authorization": first["access_token"]}
    time.advance(1799)
    assert api("payments/imp_1", headers=headers).status_code == 404
    time.advance(1)
    answer = api("payments/imp_1", headers=headers)
    assert (answer.status_code, answer.content) == (
        401,
        b'{"code":-1,"message":"Unauthorized","response":null}',
    )
    new = issued(api)
    assert new["access_token"] != first["access_token"]
    assert new["expired_at"] == time.now + 1800


@pytest.mark.parametrize(
    "keys",
    [
        {**KEYS, "imp_key": "1"},
        {**KEYS, "imp_secret": "wrong"},
        {"imp_key": KEYS["imp_secret"], "imp_secret": KEYS["imp_key"]},
        {**KEYS, "imp_key": "\ud800"},
    ],
)
def test_wrong_keys(api, keys):
    answer = api("users/getToken", keys, headers=NO_TOKEN)
    assert (answer.status_code, answer.json()["code"], answer.json()["response"]) == (401, -1, None)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"imp_key": KEYS["imp_key"]}, {"imp_secret": KEYS["imp_secret"]},
        {**KEYS, "imp_key": ""}, {**KEYS, "imp_key": 1000000000000000},
        {**KEYS, "imp_secret": None}, [], "text", 1, b"{broken", b"\xff\xfe", b"", b"NaN",
        b"[" * 5000,
    ],
)  # fmt: skip
def test_missing_parameters(api, body):
    answer = api("users/getToken", body, headers=NO_TOKEN, method="POST")
    assert answer.status_code == 400
    assert answer.json() == {
        "code": -1,
        "message": "imp_key, imp_secret 파라메터가 누락되었습니다.",
        "response": None,
    }


def test_other_content_types_are_not_read(browser):
    for content_type in ("text/plain", "multipart/form-data; boundary=x", ""):
        answer = browser.generic(
            "POST", "/sandbox/api/users/getToken", json.dumps(KEYS), content_type=content_type
        )
        assert answer.status_code == 400


def test_a_body_beyond_the_limit(api):
    answer = api("users/getToken", {**KEYS, "more": "x" * 300_000}, headers=NO_TOKEN)
    assert (answer.status_code, answer.json()["code"]) == (413, -1)


def test_three_headers(api, pay):
    uid, value = pay(), issued(api)["access_token"]
    good = [
        {"Authorization": f"Bearer {value}"},
        {"Authorization": f"bearer {value}"},
        {"Authorization": value},
        {"X-ImpTokenHeader": value},
    ]
    good.append({"Authorization": value, "X-ImpTokenHeader": "wrong"})
    for headers in good:
        assert api(f"payments/{uid}", headers=headers).status_code == 200, headers
    bad = [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"X-ImpTokenHeader": "wrong"},
        {"Authorization": "Basic " + value},
    ]
    bad += [
        {"Authorization": "wrong", "X-ImpTokenHeader": value},
        {"X-ImpTokenHeader": "é" * 40},
        {"X-ImpTokenHeader": "x" * 10_000},
    ]
    for headers in bad:
        answer = api(f"payments/{uid}", headers=headers)
        assert (answer.status_code, answer.json()) == (
            401,
            {"code": -1, "message": "Unauthorized", "response": None},
        ), headers


@pytest.mark.parametrize(
    "path", ["payments/imp_1", "payments/find/m", "payments/find/m/paid", "payments/prepare/m"]
)
def test_every_get_needs_a_token(api, path):
    assert api(path, headers=NO_TOKEN).status_code == 401


def test_prepare_needs_a_token_and_does_nothing_without(api):
    assert (
        api("payments/prepare", {"merchant_uid": "m", "amount": 1000}, headers=NO_TOKEN).status_code
        == 401
    )
    assert api("payments/prepare/m").status_code == 404
