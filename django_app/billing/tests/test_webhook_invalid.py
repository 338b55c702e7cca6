"""What strangers throw at the open doors: nothing of it is stored without bound, asks the gateway,
or keeps a real delivery out.
"""

import io
import json
from unittest import mock
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.test import Client

from billing.models import WebhookEvent
from billing.tests.support.counting import statements
from billing.webhooks import intake

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

WEBHOOK, COMPLETE = "/billing/webhook/", "/billing/complete/"
VENDOR = ["52.78.100.19", "52.78.48.223", "52.78.5.241"]
FORM = "application/x-www-form-urlencoded"

events = WebhookEvent.objects


@pytest.fixture(autouse=True)
def silent_gateway(gateway):
    """Whatever comes, nobody asks the gateway."""
    yield gateway
    assert gateway.all_calls == []


@pytest.fixture(autouse=True)
def one_minute(monkeypatch):
    """A clock that stands still: windows of a minute do not end in the middle of a test."""
    now = [1_795_400_000.0]
    monkeypatch.setattr("billing.support.rate_limit.time.time", lambda: now[0])
    return now


def post(body=b"rubbish", content_type="application/json", **more):
    # As it is, whatever the content type says.
    return Client().generic("POST", WEBHOOK, body, content_type, **more)


def notice(merchant_uid="somebody-elses-order", **more):
    return json.dumps(
        {"imp_uid": "imp_100000000001", "merchant_uid": merchant_uid, "status": "paid", **more}
    )


# -- no notices ------------------------------------------------------------------------------------

UNREADABLE = {
    "empty": b"", "broken": b"{", "array": b"[]", "text": b"hello", "not utf-8": b"\xff\xfe",
    "no ids": b"{}",
    "no merchant": b'{"imp_uid": "imp_1"}',
    "bad imp_uid": b'{"imp_uid": "imp/1", "merchant_uid": "m-1"}',
    "nul": b'{"imp_uid": "imp_1", "merchant_uid": "m\\u0000"}',
    "nul in a form": b"imp_uid=imp_1&merchant_uid=m%00",
    "raw nul": b'{"imp_uid": "imp_1", "merchant_uid": "m\x00"}',
    "number": b'{"imp_uid": 7, "merchant_uid": "m-1"}',
    "no text": b'{"imp_uid": "imp_1", "merchant_uid": 7}',
    "list": b'{"imp_uid": ["imp_1"], "merchant_uid": "m-1"}',
    "long id": b'{"imp_uid": "imp_1", "merchant_uid": "' + b"m" * 41 + b'"}',
    "huge": b'{"imp_uid": "' + b"i" * 100_000 + b'"}',
    "deep": b'{"a":' * 3_000, "deep arrays": b'{"a":' + b"[" * 15_000,
    "surrogate": b'{"imp_uid": "\\ud800", "merchant_uid": "m-1"}',
    "half a pair": b'{"imp_uid": "imp_1", "merchant_uid": "m\\ud800"}', "nan": b"NaN",
    "giant": b'{"imp_uid": ' + b"9" * 15_000 + b"}",
    "giant exponent": b'{"imp_uid": 1e999999999, "merchant_uid": "m-1"}',
    "many fields": b"&".join(b"a%d=1" % number for number in range(3000)),
    "a hundred thousand fields": b"&".join([b"a=1"] * 100_000),
    "two byte text": '{"imp_uid": "imp_1", "merchant_uid": "m-1"}'.encode("utf-16"),
    "korean of the old days": '{"imp_uid": "imp_1", "merchant_uid": "주문"}'.encode("euc-kr"),
    "full width": '{"imp_uid": "ｉｍｐ", "merchant_uid": "m"}'.encode(),
    "twice, the last one bad": b'{"imp_uid": "imp_1", "merchant_uid": "m-1", "imp_uid": null}',
}  # fmt: skip
TYPES = [
    "application/json",
    FORM,
    "text/plain",
    "",
    "application/json; charset=utf-16",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
]


def test_what_is_no_notice(settings):
    settings.BILLING_RUBBISH_PER_MINUTE = 10_000
    for name, body in UNREADABLE.items():
        for content_type in TYPES:
            assert post(body, content_type).status_code == 400, (name, content_type)
    assert events.count() == 0


@pytest.mark.parametrize("charset", ["hex", "nonsense"])
def test_a_charset_that_is_none(charset):
    assert post(notice(), f"application/json; charset={charset}").status_code == 400


@pytest.mark.parametrize("length", ["-1", "abc", "１", "9" * 30, "9" * 6_000])
def test_a_length_that_lies(length):
    """What is announced is never believed beyond what is read; what cannot be a length is
    refused.
    """
    assert post(notice(), CONTENT_LENGTH=length).status_code == 400


def test_no_more_is_read_than_a_notice_needs():
    with mock.patch(
        "django.http.request.HttpRequest.read", side_effect=OSError("the sender is gone")
    ) as read:
        assert post(notice()).status_code == 400
        assert [call.args for call in read.call_args_list] == [(16 * 1024 + 1,)]
        assert post(b" " * 20_000).status_code == 400  # announced as too long: not read at all
    assert len(read.call_args_list) == 1


def test_a_body_sent_in_chunks():
    """Without a length; the server (gunicorn) marks that its stream ends by itself. A server that
    does not mark it might wait for ever.
    """
    for marks, status in (({"wsgi.input_terminated": True}, 200), ({}, 400)):
        body = io.BytesIO(notice().encode())
        assert (
            post(b"", **{"CONTENT_LENGTH": "", "wsgi.input": body, **marks}).status_code == status
        )
    endless = io.BytesIO(b" " * 50_000)
    assert (
        post(
            b"", **{"CONTENT_LENGTH": "", "wsgi.input": endless, "wsgi.input_terminated": True}
        ).status_code
        == 400
    )
    assert endless.tell() == 16 * 1024 + 1


def test_nobody_uploads_files():
    """Django would write a file of any length to the disk before a view sees the request."""
    part = (
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'
        + b"z" * 4_000_000
        + b"\r\n--x--\r\n"
    )
    with mock.patch.object(
        TemporaryUploadedFile, "__init__", side_effect=AssertionError("on the disk")
    ):
        assert post(part, "multipart/form-data; boundary=x").status_code == 400
        assert (
            Client()
            .generic("POST", "/accounts/login/", part, "multipart/form-data; boundary=x")
            .status_code
            == 400
        )


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_the_webhook_takes_only_post(method):
    assert getattr(Client(), method)(WEBHOOK).status_code == 405


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_return_takes_only_get_and_head(method):
    assert getattr(Client(), method)(COMPLETE).status_code == 405


# -- somebody else's -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "merchant_uid", ["ORD:2024/1", "주문 1", "#1", "'; DROP TABLE x; --", "{}", "‮"]
)
def test_another_shops_order_number_is_unknown_and_not_unreadable(merchant_uid):
    """A merchant account may be shared."""
    for body, kind in (
        (notice(merchant_uid), "text/html"),
        (urlencode({"imp_uid": "imp_1", "merchant_uid": merchant_uid}), FORM),
    ):
        with statements(2):
            assert post(body, kind).status_code == 200
        event = events.last()
        assert (event.outcome, event.merchant_uid, event.tries, event.next_try_at) == (
            "ignored",
            merchant_uid,
            0,
            None,
        )


def test_duplicate_keys_mean_the_last_one():
    post(
        b'{"imp_uid": "imp_1", "merchant_uid": "first", "imp_uid": "imp_2", "merchant_uid": "last"}'
    )
    post(b"imp_uid=imp_1&merchant_uid=first&imp_uid=imp_2&merchant_uid=last", FORM)
    assert list(events.values_list("imp_uid", "merchant_uid")) == [("imp_2", "last")] * 2


# -- floods ----------------------------------------------------------------------------------------


def test_too_much_rubbish_from_one_address(make_txn, one_minute):
    assert [post().status_code for _ in range(30)] == [400] * 30
    response = post()
    assert (response.status_code, response["Retry-After"]) == (429, "60")
    assert post(REMOTE_ADDR="127.0.0.2").status_code == 400
    one_minute[0] += 60
    assert post().status_code == 400


def test_too_much_that_is_about_nobody_is_answered_and_not_kept(settings):
    settings.BILLING_RUBBISH_PER_MINUTE = 3
    assert [post(notice(f"m-{number}")).status_code for number in range(10)] == [200] * 10
    assert events.count() == 3
    with statements(1):
        post(notice())
    assert post(notice(), REMOTE_ADDR="127.0.0.2").status_code == 200
    assert events.count() == 4


def test_from_many_addresses_a_day_is_bounded_too(monkeypatch):
    monkeypatch.setattr(intake, "UNKNOWN_PER_DAY", 3)
    assert [
        post(notice(), REMOTE_ADDR=f"127.0.0.{number}").status_code for number in range(1, 9)
    ] == [200] * 8
    assert events.count() == 3


def test_one_line_with_many_addresses_counts_as_one(settings):
    settings.BILLING_RUBBISH_PER_MINUTE = 2
    settings.TRUSTED_PROXY_HEADERS = ["x-forwarded-for"]
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.startswith("billing_sandbox.")
    ]
    lines = [f"2001:db8:0:1::{number:x}" for number in range(1, 4)] + ["2001:db8:0:2::1"]
    assert [post(headers={"X-Forwarded-For": line}).status_code for line in lines] == [
        400,
        400,
        429,
        400,
    ]


def test_rubbish_never_keeps_a_real_delivery_out(make_txn, settings, monkeypatch):
    """The vendor has three addresses, and a proxy may make all addresses one."""
    settings.BILLING_RUBBISH_PER_MINUTE = 1
    monkeypatch.setattr(intake, "UNKNOWN_PER_DAY", 1)
    asked = mock.Mock(return_value=None)
    monkeypatch.setattr(intake, "ask_gateway", asked)
    txn = make_txn()
    assert [post().status_code for _ in range(4)] == [400, 429, 429, 429]
    assert [post(notice()).status_code for _ in range(4)] == [200] * 4
    assert post(notice(txn.merchant_uid)).status_code == 200
    assert [call.args[0].merchant_uid for call in asked.call_args_list] == [txn.merchant_uid]
    assert events.get().merchant_uid == txn.merchant_uid


# -- who may deliver -------------------------------------------------------------------------------
