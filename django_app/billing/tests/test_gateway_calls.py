"""The gateway's client, against raw HTTP answers."""

import json
import logging
import threading
import time
from decimal import Decimal

import pytest
import requests
import responses
from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from billing.errors import (
    GatewayPaymentNotFound,
    GatewayRejected,
    GatewayUnreachable,
    InvalidGatewayResponse,
    InvalidId,
    NetworkInTransaction,
)
from billing.gateway.api import Gateway, gateway
from billing.tests.support.payments import envelope, payment_json

API = settings.IAMPORT_API_URL
IMP = "imp_100000000001"
TOKEN = "a9ace025c90c0da2161075da6ddd3492a2fca776"


@pytest.fixture
def wire():
    """responses without any answer yet; the token is given."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def give_token(wire, *, token=TOKEN, now=1_795_400_000, life=1800):
    body = envelope({"access_token": token, "now": now, "expired_at": now + life})
    return wire.add(responses.POST, f"{API}users/getToken", json=body)


def give_payment(wire, **changes):
    return wire.add(responses.GET, f"{API}payments/{IMP}", json=envelope(payment_json(**changes)))


def test_a_payment_is_asked_with_bearer_token_and_test_channel(wire):
    token, asked = give_token(wire), give_payment(wire)
    assert gateway().payment(IMP).amount == Decimal(10000)
    request = asked.calls[0].request
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.params == {"include_sandbox": "true"}
    assert json.loads(token.calls[0].request.body) == {
        "imp_key": settings.IAMPORT_KEY,
        "imp_secret": settings.IAMPORT_SECRET,
    }
    assert "Authorization" not in token.calls[0].request.headers


def test_the_token_is_shared_by_all_clients(wire):
    token = give_token(wire)
    give_payment(wire)
    for client in (
        gateway(),
        gateway(),
        Gateway(settings.IAMPORT_KEY, settings.IAMPORT_SECRET, API),
    ):
        client.payment(IMP)
    assert token.call_count == 1


def test_other_keys_do_not_get_this_token(wire):
    token = give_token(wire)
    give_payment(wire)
    gateway().payment(IMP)
    Gateway("another key", "another secret", API).payment(IMP)
    assert token.call_count == 2


@pytest.mark.parametrize("skew", [-86_400, 0, 86_400])
def test_the_gateways_clock_decides_how_long_a_token_lives(wire, skew, monkeypatch):
    kept = []
    monkeypatch.setattr(cache, "set", lambda key, value, timeout: kept.append(timeout))
    give_token(wire, now=int(time.time()) + skew, life=1800)
    give_payment(wire)
    gateway().payment(IMP)
    assert kept == [1740]


def test_an_expired_answer_is_used_once_and_not_kept(wire):
    token = give_token(wire, life=0)
    give_payment(wire)
    gateway().payment(IMP)
    gateway().payment(IMP)
    assert token.call_count == 2


def test_32_threads_fetch_one_token(wire):
    token = give_token(wire)
    give_payment(wire)
    barrier, errors = threading.Barrier(32), []

    def ask():
        barrier.wait()
        try:
            gateway().payment(IMP)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert token.call_count == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_that_is_refused_is_renewed_once(wire, method):
    give_token(wire, token="old")
    give_token(wire, token="new")
    url = f"{API}payments/{IMP}" if method == "GET" else f"{API}payments/prepare"
    wire.add(method, url, status=401, json=envelope(None, code=-1, message="Unauthorized"))
    good = (
        payment_json()
        if method == "GET"
        else {"merchant_uid": "m-1", "amount": 1000, "currency": "KRW"}
    )
    second = wire.add(method, url, json=envelope(good))
    if method == "GET":
        gateway().payment(IMP)
    else:
        gateway().prepare("m-1", 1000)
    assert second.calls[0].request.headers["Authorization"] == "Bearer new"
    assert len(wire.calls) == 4


def test_refused_twice_is_refused(wire):
    token = give_token(wire)
    asked = wire.add(
        responses.GET,
        f"{API}payments/{IMP}",
        status=401,
        json=envelope(None, code=-1, message="Unauthorized"),
    )
    with pytest.raises(GatewayRejected) as caught:
        gateway().payment(IMP)
    assert caught.value.gateway_message == "Unauthorized"
    assert (token.call_count, asked.call_count) == (2, 2)


def test_wrong_keys(wire):
    wire.add(
        responses.POST,
        f"{API}users/getToken",
        status=401,
        json=envelope(None, code=-1, message="인증에 실패하였습니다."),
    )
    with pytest.raises(GatewayRejected) as caught:
        gateway().payment(IMP)
    assert caught.value.gateway_message == "인증에 실패하였습니다."


ANSWERS = {
    "not found": (
        404,
        envelope(None, code=-1, message="존재하지 않는 결제정보입니다."),
        GatewayPaymentNotFound,
    ),
    "not found, empty": (404, b"", GatewayPaymentNotFound),
    "not found, but a web page": (404, b"<html>nginx</html>", InvalidGatewayResponse),
    "bad request": (
        400,
        envelope(None, code=1, message="지원되지 않는 상태값입니다."),
        GatewayRejected,
    ),
    "code on 200": (
        200,
        envelope(None, code=1, message="이미 전액취소된 주문입니다."),
        GatewayRejected,
    ),
    "code -1 on 200": (200, envelope(None, code=-1, message="no"), GatewayRejected),
    "500 with words": (500, envelope(None, code=-1, message="internal"), GatewayUnreachable),
    "502 page": (502, b"<html>Bad Gateway</html>", GatewayUnreachable),
    "503 empty": (503, b"", GatewayUnreachable),
    "html": (200, b"<!doctype html><p>maintenance</p>", InvalidGatewayResponse),
    "empty": (200, b"", InvalidGatewayResponse),
    "broken": (200, b'{"code": 0, "response": {', InvalidGatewayResponse),
    "not utf-8": (200, b'{"code": 0, "message": "\xff"}', InvalidGatewayResponse),
    "nan": (200, b'{"code": 0, "response": {"amount": NaN}}', InvalidGatewayResponse),
    "an array": (200, b"[]", InvalidGatewayResponse),
    "a number": (200, b"7", InvalidGatewayResponse),
    "no code": (200, b'{"response": {}}', InvalidGatewayResponse),
    "code true": (200, b'{"code": false, "response": {}}', InvalidGatewayResponse),
    "code text": (200, b'{"code": "0", "response": {}}', InvalidGatewayResponse),
    "null response": (200, envelope(None), InvalidGatewayResponse),
    "a missing field": (200, envelope({"imp_uid": IMP, "status": "paid"}), InvalidGatewayResponse),
    "another payment": (
        200,
        envelope(payment_json(imp_uid="imp_999999999999")),
        InvalidGatewayResponse,
    ),
    "deep": (200, b"[" * 100_000, InvalidGatewayResponse),
    "a huge number": (
        200,
        b'{"code": 0, "response": {"amount": ' + b"9" * 10_000 + b"}}",
        InvalidGatewayResponse,
    ),
    "an exponent beyond measure": (
        200,
        b'{"code": 0, "response": {"amount": 1e99999999999999999999}}',
        InvalidGatewayResponse,
    ),
    "a large exponent": (
        200,
        b'{"code": 0, "response": {"amount": 1e3000000}}',
        InvalidGatewayResponse,
    ),
    "redirect": (302, b"", InvalidGatewayResponse),
    "partial": (207, envelope([]), InvalidGatewayResponse),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_that_are_no_payment(wire, name):
    status, body, expected = ANSWERS[name]
    give_token(wire)
    headers = {"Location": "http://elsewhere.example/"} if status == 302 else {}
    wire.add(
        responses.GET,
        f"{API}payments/{IMP}",
        status=status,
        body=body if isinstance(body, bytes) else json.dumps(body),
        headers=headers,
    )
    with pytest.raises(expected) as caught:
        gateway().payment(IMP)
    assert type(caught.value) is expected
    if isinstance(body, dict) and body["message"]:
        assert caught.value.gateway_message == body["message"]
        assert caught.value.code == body["code"]
    assert len(wire.calls) == 2  # nothing is repeated behind the caller's back


@pytest.mark.parametrize(
    ("trouble", "not_sent"),
    [
        (requests.ConnectTimeout("x"), True),
        (requests.ReadTimeout("x"), False),
        (requests.ConnectionError("reset"), False),
        (requests.TooManyRedirects("x"), False),
    ],
)
def test_the_network_fails(wire, trouble, not_sent):
    give_token(wire)
    wire.add(responses.GET, f"{API}payments/{IMP}", body=trouble)
    with pytest.raises(GatewayUnreachable) as caught:
        gateway().payment(IMP)
    assert caught.value.surely_not_sent is not_sent


def test_a_refused_connection_was_surely_not_sent(settings):
    settings.IAMPORT_API_URL = "http://127.0.0.1:1/"
    with pytest.raises(GatewayUnreachable) as caught:
        gateway().payment(IMP)
    assert caught.value.surely_not_sent is True


@pytest.mark.parametrize("bad", ["", "imp/../users", "x" * 33, "imp_1?x=1", "임포트"])
def test_a_bad_id_goes_nowhere(wire, bad):
    with pytest.raises(InvalidId):
        gateway().payment(bad)
    with pytest.raises(InvalidId):
        gateway().find(imp_uid=bad)
    assert len(wire.calls) == 0


@pytest.mark.parametrize(
    "currency", ["KRW", None]
)  # as asked, or an answer of the time before currencies
def test_prepare(wire, currency):
    give_token(wire)
    asked = wire.add(
        responses.POST,
        f"{API}payments/prepare",
        json=envelope({"merchant_uid": "m-1", "amount": 1000, "currency": currency}),
    )
    gateway().prepare("m-1", 1000)
    assert json.loads(asked.calls[0].request.body) == {
        "merchant_uid": "m-1",
        "amount": 1000,
        "currency": "KRW",
    }


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [],
        {"merchant_uid": "m-2", "amount": 1000},
        {"merchant_uid": "m-1", "amount": 999},
        {"merchant_uid": "m-1"},
        {"merchant_uid": "m-1", "amount": 1000, "currency": "USD"},
    ],
)
def test_prepare_that_registered_something_else(wire, answer):
    give_token(wire)
    wire.add(responses.POST, f"{API}payments/prepare", json=envelope(answer))
    with pytest.raises(InvalidGatewayResponse):
        gateway().prepare("m-1", 1000)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        None,
        {"access_token": "x"},
        {"access_token": "a\nb", "now": 1, "expired_at": 2},
        {"access_token": 7, "now": 1, "expired_at": 2},
        {"access_token": "x", "now": "1", "expired_at": 2},
    ],
)
def test_a_token_answer_that_is_none(wire, answer):
    wire.add(responses.POST, f"{API}users/getToken", json=envelope(answer))
    with pytest.raises(InvalidGatewayResponse):
        gateway().payment(IMP)


def test_keys_and_tokens_are_in_no_log_and_no_text(wire, caplog):
    caplog.set_level(logging.DEBUG)
    give_token(wire)
    wire.add(
        responses.GET,
        f"{API}payments/{IMP}",
        body=requests.ConnectionError(f"Authorization: Bearer {TOKEN}"),
    )
    wire.add(
        responses.POST,
        f"{API}payments/prepare",
        status=401,
        json=envelope(None, code=-1, message="Unauthorized"),
    )
    texts = []
    for call in (lambda: gateway().payment(IMP), lambda: gateway().prepare("m-1", 1000)):
        with pytest.raises((GatewayUnreachable, GatewayRejected)) as caught:
            call()
        error = caught.value
        texts += [str(error), repr(error), repr(error.args), str(error.__cause__)]
        assert error.__suppress_context__ or error.__context__ is None
    seen = "\n".join([*texts, *(record.getMessage() for record in caplog.records), repr(gateway())])
    assert "payments/imp_100000000001" in seen
    for secret in (settings.IAMPORT_KEY, settings.IAMPORT_SECRET, TOKEN):
        assert secret not in seen


@pytest.mark.django_db(transaction=True)
def test_no_call_inside_a_transaction(wire):
    with transaction.atomic(), pytest.raises(NetworkInTransaction):
        gateway().payment(IMP)
    assert len(wire.calls) == 0


@pytest.mark.django_db
def test_the_transaction_around_a_test_case_does_not_count(wire):
    give_token(wire)
    give_payment(wire)
    gateway().payment(IMP)
    with transaction.atomic(), pytest.raises(NetworkInTransaction):
        gateway().payment(IMP)


# -- real sockets: what a mock cannot show ---------------------------------------------------------
