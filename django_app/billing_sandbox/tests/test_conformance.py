"""The vendor's own Python client, as released, against the stand-alone sandbox: every method it
has, found and not found.

`make conformance` runs this again with release 0.9.0, named by IAMPORT_CLIENT_DIR (a folder it was
installed into).
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import requests

from billing_sandbox.tests.support.server import command, control, free_port, running

CARD = {
    "card_number": "4242-4242-4242-4242",
    "expiry": "2035-12",
    "birth": "900131",
    "pwd_2digit": "12",
}
REFUSED_CARD = {**CARD, "card_number": "4092-0230-1234-1234", "expiry": "2019-03"}
OTHER = os.environ.get("IAMPORT_CLIENT_DIR", "")


def client_module() -> ModuleType:
    """The package `iamport`: the installed one, or the one in IAMPORT_CLIENT_DIR."""
    if not OTHER:
        return importlib.import_module("iamport")
    kept = {
        name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "iamport"
    }
    sys.path.insert(0, OTHER)
    try:
        return importlib.import_module("iamport")
    finally:
        sys.path.remove(OTHER)
        for name in [name for name in sys.modules if name.split(".")[0] == "iamport"]:
            del sys.modules[name]
        sys.modules.update(kept)


@pytest.fixture(scope="module")
def here() -> Iterator[str]:
    port = free_port()
    with running(command(port), port) as address:
        yield address


@pytest.fixture(scope="module")
def iamport(here: str) -> Any:
    module = client_module()
    assert not OTHER or str(module.__file__).startswith(OTHER)
    return module.Iamport(imp_key="any", imp_secret="pair", imp_url=f"{here}/sandbox/api/")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An order number of this test's own."""
    return f"{abs(hash(request.node.name)) % 10**9}-{time.time_ns()}"[:40]


def paid(here: str, name: str, **more: Any) -> str:
    facts = {
        "merchant_uid": name,
        "amount": 1000,
        "pay_method": "card",
        "outcome": "paid",
        "webhook": False,
        **more,
    }
    return control(here, "pay", **facts)["imp_uid"]


def http_error(iamport: Any, code: int, call: Any, *args: Any, **kwargs: Any) -> None:
    with pytest.raises(iamport.HttpError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code


def refused(iamport: Any, code: int, message: str, call: Any, *args: Any, **kwargs: Any) -> None:
    with pytest.raises(iamport.ResponseError) as caught:
        call(*args, **kwargs)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_every_method_of_the_client_is_driven_here(iamport):
    methods = {
        name
        for name in dir(iamport)
        if callable(getattr(iamport, name)) and not name.startswith("_")
    }
    plumbing = {"HttpError", "ResponseError", "get_headers", "get_response"}
    with open(__file__, encoding="utf-8") as file:
        source = file.read()
    assert [name for name in sorted(methods - plumbing) if f"iamport.{name}" not in source] == []


def test_find(iamport, here, name):
    imp_uid = paid(here, name)
    assert (
        iamport.find(imp_uid=imp_uid)
        == iamport.find_by_imp_uid(imp_uid)
        == iamport.find_by_merchant_uid(name)
    )
    assert iamport.find(merchant_uid=name, imp_uid="imp_0")["imp_uid"] == imp_uid
    with pytest.raises(KeyError):
        iamport.find()
    for call, unknown in (
        (iamport.find_by_imp_uid, "imp_000000000000"),
        (iamport.find_by_merchant_uid, "nobody"),
    ):
        http_error(iamport, 404, call, unknown)


def test_is_paid(iamport, here, name):
    imp_uid = paid(here, name)
    assert iamport.is_paid(1000, imp_uid=imp_uid) is True
    assert iamport.is_paid(999, merchant_uid=name) is False
    assert iamport.is_paid(1000, response=iamport.find(imp_uid=imp_uid)) is True
    assert iamport.is_paid(1000, imp_uid=paid(here, f"{name}x"[:40], outcome="failed")) is False
    http_error(iamport, 404, iamport.is_paid, 1000, imp_uid="imp_000000000000")


def test_find_by_status(iamport, here, name):
    if not hasattr(iamport, "find_by_status"):
        pytest.skip("this release has no find_by_status")
    with pytest.raises(
        TypeError
    ):  # broken in the release itself: it hands a keyword on that nobody takes
        iamport.find_by_status("paid")
    imp_uid = paid(here, name)
    found = iamport._get(f"{iamport.imp_url}payments/status/paid", {"limit": 1000})
    assert imp_uid in [item["imp_uid"] for item in found["list"]]


def test_prepare(iamport, name):
    assert iamport.prepare(name, 5000) == {"merchant_uid": name, "amount": 5000, "currency": None}
    assert iamport.prepare_validate(name, 5000) is True
    assert iamport.prepare_validate(name, 5001) is False
    refused(
        iamport,
        1,
        "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).",
        iamport.prepare,
        name,
        5000,
    )
    http_error(iamport, 404, iamport.prepare_validate, "nobody", 5000)


def test_cancel(iamport, here, name):
    imp_uid = paid(here, name)
    part = iamport.cancel("part", imp_uid=imp_uid, amount=300, checksum=1000)
    assert (part["status"], part["cancel_amount"], part["cancel_history"][0]["reason"]) == (
        "cancelled",
        300,
        "part",
    )
    with pytest.raises(iamport.ResponseError):
        iamport.cancel_by_imp_uid(imp_uid, "wrong idea", amount=300, checksum=1000)
    with pytest.raises(iamport.ResponseError):
        iamport.cancel_by_imp_uid(imp_uid, "too much", amount=701)
    whole = iamport.cancel_by_merchant_uid(name, "rest")
    assert (whole["cancel_amount"], len(whole["cancel_history"])) == (1000, 2)
    refused(iamport, 1, "이미 전액취소된 주문입니다.", iamport.cancel, "again", imp_uid=imp_uid)
    for ids in ({"imp_uid": "imp_000000000000"}, {"merchant_uid": "nobody"}):
        refused(iamport, 1, "취소할 결제건이 존재하지 않습니다.", iamport.cancel, "nothing", **ids)
    with pytest.raises(KeyError):
        iamport.cancel("nothing")


def test_pay_onetime(iamport, name):
    payment = iamport.pay_onetime(merchant_uid=name, amount=5000, **CARD)
    assert (payment["status"], payment["merchant_uid"], payment["amount"]) == ("paid", name, 5000)
    refused(
        iamport,
        -1,
        "카드정보 인증에 실패하였습니다.",
        iamport.pay_onetime,
        merchant_uid=f"x{name}"[:40],
        amount=5000,
        **REFUSED_CARD,
    )
    with pytest.raises(KeyError):
        iamport.pay_onetime(merchant_uid=name)


def test_pay_foreign(iamport, name):
    card = {"card_number": CARD["card_number"], "expiry": CARD["expiry"]}
    assert iamport.pay_foreign(merchant_uid=name, amount=5000, **card)["status"] == "paid"
    with pytest.raises(iamport.ResponseError) as caught:
        iamport.pay_foreign(
            merchant_uid="uid", amount=100, card_number="card-number", expiry="2016-08"
        )
    assert caught.value.code == -1
    with pytest.raises(KeyError):
        iamport.pay_foreign(merchant_uid=name)


def test_customers_and_pay_again(iamport, name):
    made = iamport.customer_create(customer_uid=name, **CARD)
    assert iamport.customer_get(name) == made
    assert (
        iamport.pay_again(customer_uid=name, merchant_uid=name, amount=1000)["customer_uid"] == name
    )
    refused(
        iamport,
        1,
        "등록되지 않은 구매자입니다.",
        iamport.pay_again,
        customer_uid="nobody",
        merchant_uid="m",
        amount=1000,
    )
    refused(
        iamport,
        -1,
        "카드정보 인증에 실패하였습니다.",
        iamport.customer_create,
        customer_uid="other",
        **REFUSED_CARD,
    )
    http_error(iamport, 404, iamport.customer_get, "nobody")
    for call in (iamport.customer_create, iamport.pay_again):
        with pytest.raises(KeyError):
            call(customer_uid=name)
    if hasattr(iamport, "customer_delete"):
        assert iamport.customer_delete(name) == made
        http_error(iamport, 404, iamport.customer_delete, name)


def test_pay_schedule_and_unschedule(iamport, name):
    iamport.customer_create(customer_uid=name, **CARD)
    at = int(time.time()) + 1000
    one = {"merchant_uid": f"s{name}"[:40], "schedule_at": at, "amount": 2001, "name": "주문명"}
    [row] = iamport.pay_schedule(customer_uid=name, schedules=[one])
    assert (row["schedule_status"], row["schedule_at"], row["amount"]) == ("scheduled", at, 2001)
    refused(
        iamport,
        1,
        "등록되지 않은 구매자입니다.",
        iamport.pay_schedule,
        customer_uid="nobody",
        schedules=[one],
    )
    if hasattr(iamport, "pay_schedule_get"):
        assert iamport.pay_schedule_get(row["merchant_uid"]) == row
        http_error(iamport, 404, iamport.pay_schedule_get, "nobody")
        assert row in iamport.pay_schedule_get_between(schedule_from=at, schedule_to=at + 1)
        http_error(iamport, 400, iamport.pay_schedule_get_between, schedule_from=at, schedule_to=0)
    [revoked] = iamport.pay_unschedule(customer_uid=name, merchant_uid=row["merchant_uid"])
    assert revoked["schedule_status"] == "revoked"
    refused(
        iamport,
        1,
        "취소할 예약결제 기록이 존재하지 않습니다.",
        iamport.pay_unschedule,
        customer_uid=name,
    )
    with pytest.raises(KeyError):
        iamport.pay_schedule(schedules=[one])
    with pytest.raises(KeyError):
        iamport.pay_unschedule(merchant_uid=name)


def test_revoke_vbank(iamport, here, name):
    imp_uid = paid(here, name, pay_method="vbank", outcome="vbank", pg_provider="tosspayments")
    assert iamport.revoke_vbank_by_imp_uid(imp_uid)["imp_uid"] == imp_uid
    with pytest.raises(
        iamport.ResponseError
    ):  # Inicis wants its API key with it, which this client cannot send
        iamport.revoke_vbank_by_imp_uid(
            paid(here, f"i{name}"[:40], pay_method="vbank", outcome="vbank")
        )
    http_error(iamport, 400, iamport.revoke_vbank_by_imp_uid, paid(here, f"c{name}"[:40]))
    http_error(iamport, 404, iamport.revoke_vbank_by_imp_uid, "imp_000000000000")


def test_certifications(iamport, here):
    imp_uid = control(here, "certify", name="김철수")["imp_uid"]
    assert iamport.find_certification(imp_uid)["name"] == "김철수"
    assert iamport.cancel_certification(imp_uid)["imp_uid"] == imp_uid
    for call in (iamport.find_certification, iamport.cancel_certification):
        http_error(iamport, 404, call, imp_uid)


def test_wrong_and_expired_tokens(iamport, here, monkeypatch):
    header = next(iter(iamport.get_headers()))
    monkeypatch.setattr(iamport, "get_headers", lambda: {header: "no-token"})
    http_error(iamport, 401, iamport.find, imp_uid="imp_1")


def test_texts_that_the_client_drops(iamport, here):
    """The client keeps the status of a 4xx only; the body says more."""
    headers = iamport.get_headers()
    for path, message in (
        ("payments/imp_000000000000", "존재하지 않는 결제정보입니다."),
        ("payments/find/nobody", "존재하지 않는 결제정보입니다."),
        ("payments/prepare/nobody", "사전등록된 결제정보가 존재하지 않습니다."),
        ("certifications/imp_000000000000", "인증결과가 존재하지 않습니다."),
    ):
        answer = requests.get(iamport.imp_url + path, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()) == (
            404,
            {"code": -1, "message": message, "response": None},
        )
