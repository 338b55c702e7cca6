"""Whatever strangers send: V1's envelope, never a 500, and nothing changes."""

from __future__ import annotations

import pytest

from billing_sandbox.models import CancelLater, Cancellation, Delivery, Payment, Prepared
from billing_sandbox.tests.support.gateway import token

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

POSTS = ["users/getToken", "payments/prepare", "payments/cancel", "vbanks"]
GETS = [
    "payments/{}", "payments/find/{}", "payments/find/m/{}", "payments/findAll/{}",
    "payments/findAll/m/{}", "payments/status/{}",
    "payments/prepare/{}", "banks/{}", "cards/{}", "payments?imp_uid[]={}",
    "payments?merchant_uid[]={}", "payments/status/all?from={}",
    "payments/status/all?page={}", "payments/findAll/m?limit={}", "payments/find/m?sorting={}",
]  # fmt: skip
JUNK = [
    "%00",
    "%ff%fe",
    "%ED%A0%80",
    "%0a",
    "'--",
    "%F0%9F%92%A9",
    "1" * 500,
    "-1",
    "1e9",
    "%D9%A1",
    "../..",
    "%2e%2e%2f",
    "{}",
    "NaN",
    "0x1",
]
BODIES = [
    b"", b"{", b"}", b"[]", b"null", b"1", b'"text"', b"NaN", b"\xff\xfe", b"[" * 5000,
    b'{"a":' * 5000, b"\0", b'{"imp_uid": {"a": [1]}}',
    b'{"merchant_uid": "\\ud800", "amount": 1}', b'{"merchant_uid": "m", "amount": 1e400}',
    b'{"merchant_uid": "m", "amount": -0.0}',
    b'{"merchant_uid": "m", "amount": ' + b"9" * 5000 + b"}", b'{"imp_uid": 1, "imp_uid": 2}',
    b"x" * 1_000_000,
]  # fmt: skip
FORMS = [
    b"",
    b"&" * 5000,
    b"=",
    b"%",
    b"%zz=%zz",
    b"imp_uid=%ff",
    b"imp_uid[]=a&imp_uid[]=b",
    b"imp_uid[a][b]=c",
    b"imp_uid=a&imp_uid=b",
    b"[]=1",
    b"a[b]=1&a=2",
]


def state():
    tables = (Payment, Cancellation, CancelLater, Prepared, Delivery)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def check(answer, allowed=(400, 404, 413)):
    body = answer.json()
    assert set(body) == {"code", "message", "response"}
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.status_code in allowed, (answer.status_code, body)
    if answer.status_code not in (200, 207):
        assert body["code"] != 0
        assert body["response"] is None
        assert body["message"]


@pytest.fixture
def before(pay, control, api):
    control(f"payments/{pay('m')}/cancel", amount=1000)
    pay("m", pay_method="vbank", outcome="vbank", webhook=True)
    api("payments/prepare", {"merchant_uid": "p", "amount": 1})
    return state()


@pytest.mark.parametrize("path", GETS)
def test_addresses(api, before, path):
    for junk in JUNK:
        check(
            api(path.format(junk)),
            (200, 400, 404) if "limit" in path or "find" in path else (400, 404),
        )
        assert state() == before, junk


@pytest.mark.parametrize("path", POSTS)
def test_json(api, before, path):
    for body in BODIES:
        check(
            api(path, body, method="POST"),
            (200, 400, 413) if path == "payments/cancel" else (400, 413),
        )
        assert state() == before, body[:50]


@pytest.mark.parametrize("path", POSTS)
def test_forms(api, before, path):
    for body in FORMS:
        check(api(path, body, form=True), (200, 400) if path == "payments/cancel" else (400,))
        assert state() == before, body[:50]


@pytest.mark.parametrize(
    "path",
    [
        "payments",
        "payments/imp_1",
        "payments/cancel",
        "payments/status/all",
        "vbanks",
        "banks",
        "users/getToken",
    ],
)
def test_methods(api, before, path):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X" * 50):
        check(api(path, {}, method=method), (405,))
        assert state() == before, method


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "", "application/xml", "json"]
)
def test_content_types(browser, before, content_type):
    headers = {"Authorization": token(browser)}
    raw = b'{"merchant_uid": "new", "amount": 1}'
    check(
        browser.generic(
            "POST", "/sandbox/api/payments/prepare", raw, content_type=content_type, headers=headers
        ),
        (400,),
    )
    assert state() == before
