"""The window's choices beyond paying, its roads, and what m_redirect_url is told; all
through HTTP.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from billing_sandbox.models import Delivery, Payment
from billing_sandbox.tests.support.window import ORIGIN, PARAMS, Window, told
from billing_sandbox.window import callback

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
BACK = "http://localhost:8000/done?mine=1"


def start(window: Window, road: str, **change: Any) -> Any:
    body = {
        "code": "imp00000000",
        "origin": ORIGIN,
        "road": road,
        "params": json.dumps({**PARAMS, **change}),
    }
    return window.browser.post(
        "/sandbox/pay/", urlencode(body), content_type="application/x-www-form-urlencoded"
    )


def press(window: Window, address: str, choice: str, **fields: str) -> Any:
    nonce = re.search(r'name="nonce" value="([^"]+)"', window.browser.get(address).content.decode())
    assert nonce
    body = urlencode({"nonce": nonce[1], "choice": choice, **fields})
    return window.browser.post(address, body, content_type="application/x-www-form-urlencoded")


def states() -> list[tuple[str, int]]:
    return [(row.status, int(row.amount)) for row in Payment.objects.order_by("pk")]


# -- choices ---------------------------------------------------------------------------------------


def test_vanishing_has_its_effect_and_tells_nobody(window):
    answer = press(window, window.open(), "vanish")
    page = window.browser.get(answer.headers["Location"])
    assert "answer" not in told(page)
    assert told(page)["silent"] is True
    assert states() == [("paid", 10_000)]
    assert [row.body["status"] for row in Delivery.objects.all()] == ["paid"]


def test_vanishing_with_an_account(window):
    press(window, window.open(pay_method="vbank"), "vanish")
    assert Payment.objects.get().has_account
    assert Payment.objects.get().status == "ready"


def test_another_amount(window):
    page = window.browser.get(
        press(window, window.open(), "tamper", amount="500").headers["Location"]
    )
    assert told(page)["answer"]["paid_amount"] == 500
    assert states() == [("paid", 500)]


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.5", "x", "１００", "9" * 30])
def test_another_amount_that_cannot_be(window, amount):
    address = window.open()
    assert press(window, address, "tamper", amount=amount).headers["Location"] == address
    assert states() == [("ready", 10_000)]


def test_two_tabs(window):
    page = window.browser.get(press(window, window.open(), "twice").headers["Location"])
    assert told(page)["answer"]["imp_uid"] == Payment.objects.order_by("pk")[0].imp_uid
    assert states() == [("paid", 10_000), ("paid", 10_000)]
    first, second = Payment.objects.order_by("pk")
    assert (first.merchant_uid, first.origin, first.buyer_tel) == (
        second.merchant_uid,
        second.origin,
        second.buyer_tel,
    )


def test_a_second_window_for_the_order(window):
    address = window.open()
    other = press(window, address, "again").headers["Location"]
    assert urlsplit(other).path != address
    assert (
        told(window.browser.get(press(window, other, "approve").headers["Location"]))["silent"]
        is True
    )
    assert states() == [("ready", 10_000), ("paid", 10_000)]
    refused = press(window, address, "again")
    assert "이미 결제가 이루어진 거래건입니다." in refused.content.decode()
    assert Payment.objects.count() == 2


@pytest.mark.parametrize("method", ["card", "trans", "phone", "vbank", "kakaopay"])
def test_every_refusal_that_is_offered(window, method):
    found = None
    while found is None or found:
        address = window.open(pay_method=method, digital=True)
        offered = re.findall(
            r'<option value="(\w+)">(.*?)</option>', window.browser.get(address).content.decode()
        )
        found = offered if found is None else found
        code, text = found.pop()
        answer = told(
            window.browser.get(press(window, address, "decline", refusal=code).headers["Location"])
        )["answer"]
        assert (answer["error_code"], answer["error_msg"]) == (code, text)


def test_a_refusal_that_is_not_offered_is_the_usual_one(window):
    press(window, window.open(), "decline", refusal="F9999")
    assert Payment.objects.get().error_code == "F1003"


# -- roads -----------------------------------------------------------------------------------------


def test_the_page_is_told_where_to_go(window):
    page = start(window, "redirect", m_redirect_url=BACK, language="en")
    payment = Payment.objects.get()
    assert told(page) == {
        "target": ORIGIN,
        "go": f"/sandbox/pay/{payment.imp_uid}/?road=redirect&language=en",
    }


def test_without_a_way_back_nothing_opens(window):
    answer = told(start(window, "redirect"))["answer"]
    assert (answer["imp_uid"], answer["error_msg"]) == (
        None,
        "결제 요청 파라미터가 올바르지 않습니다. (m_redirect_url)",
    )
    assert not Payment.objects.exists()


def test_coming_back(window):
    go = told(start(window, "redirect", m_redirect_url=BACK))["go"]
    assert press(window, go, "approve").headers["Location"] == go
    for _ in range(2):  # loaded anew, it leads back again
        answer = window.browser.get(go)
        assert answer.status_code == 303
        assert (
            answer.headers["Location"]
            == f"{BACK}&imp_uid={Payment.objects.get().imp_uid}&merchant_uid=order-1&imp_success=true"
        )


def test_coming_back_without_money(window):
    go = told(start(window, "redirect", m_redirect_url=BACK))["go"]
    press(window, go, "close")
    query = parse_qs(urlsplit(window.browser.get(go).headers["Location"]).query)
    assert query.pop("error_code")
    imp_uid = Payment.objects.get().imp_uid
    error = ["[결제포기] 사용자가 결제를 취소하셨습니다"]
    assert query == {
        "mine": ["1"],
        "imp_uid": [imp_uid],
        "merchant_uid": ["order-1"],
        "error_msg": error,
        "imp_success": ["false"],
    }


def test_never_coming_back(window):
    go = told(start(window, "redirect", m_redirect_url=BACK))["go"]
    page = window.browser.get(press(window, go, "vanish").headers["Location"])
    assert page.status_code == 200
    assert states() == [("paid", 10_000)]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a/b", "http://a/b?imp_uid=i&merchant_uid=m%26"),
        ("http://a/b?", "http://a/b?&imp_uid=i&merchant_uid=m%26"),
        ("http://a/b?x=1", "http://a/b?x=1&imp_uid=i&merchant_uid=m%26"),
        ("http://a/b#c?d", "http://a/b?imp_uid=i&merchant_uid=m%26#c?d"),
    ],
)
def test_the_address_keeps_its_own_query(url, expected):
    assert callback.redirect_url(url, {"imp_uid": "i", "merchant_uid": "m&"}) == expected


def test_the_window_speaks_the_language_that_was_asked(window):
    assert (
        "Agree to all terms"
        in window.browser.get(
            start(window, "frame", language="en").headers["Location"]
        ).content.decode()
    )
    assert (
        'lang="ko"'
        in window.browser.get(
            start(window, "frame", language="ko").headers["Location"]
        ).content.decode()
    )
    for language in ("xx", 7, ["en"], None):
        assert "language" not in start(window, "frame", language=language).headers["Location"]


@pytest.mark.parametrize(
    ("origin", "policy"), [(ORIGIN, "unsafe-none"), ("http://testserver", "same-origin")]
)
def test_a_popup_keeps_the_shop_that_opened_it(window, origin, policy):
    body = {"code": "imp00000000", "origin": origin, "road": "popup", "params": json.dumps(PARAMS)}
    answer = window.browser.post(
        "/sandbox/pay/", urlencode(body), content_type="application/x-www-form-urlencoded"
    )
    assert answer.headers["Cross-Origin-Opener-Policy"] == policy
    assert (
        window.browser.get(answer.headers["Location"]).headers["Cross-Origin-Opener-Policy"]
        == policy
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tax_free", 10_001),
        ("vat_amount", "1"),
        ("digital", "yes"),
        ("popup", 1),
        ("confirm_url", "x"),
    ],
)
def test_more_unusable_parameters(window, name, value):
    assert told(start(window, "frame", **{name: value}))["answer"]["error_msg"].endswith(
        f"({name})"
    )
    assert (
        start(
            window,
            "frame",
            tax_free=0,
            vat_amount=909,
            digital=False,
            confirm_url="http://localhost/",
        ).status_code
        == 303
    )
