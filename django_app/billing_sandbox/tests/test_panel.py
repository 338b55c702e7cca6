"""The control panel through HTTP: what it shows, what its buttons do, whom it serves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing_sandbox.engine import clock, tokens
from billing_sandbox.faults import active_faults
from billing_sandbox.models import Delivery, Payment, Token

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def press(browser: Client) -> Callable[..., Any]:
    """press("imp_…" or "", "deposit", field=…) → the page that follows; as a browser, with the CSRF
    token of the page.
    """

    def call(imp_uid: str, button: str, **fields: str) -> Any:
        page = browser.get(f"/sandbox/panel/payments/{imp_uid}/" if imp_uid else "/sandbox/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
        assert token
        address = f"/sandbox/panel/payments/{imp_uid}/do/" if imp_uid else "/sandbox/panel/gateway/"
        return browser.post(
            address, {"csrfmiddlewaretoken": token[1], "do": button, **fields}, follow=True
        )

    return call


def status(imp_uid: str) -> tuple[str, int]:
    row = Payment.objects.get(imp_uid=imp_uid)
    return row.status, int(row.cancel_amount)


def test_deposit_and_both_cancels(pay, press):
    uid = pay(outcome="vbank", pay_method="vbank")
    assert press(uid, "deposit", deposit_amount="10000").redirect_chain == [
        (f"/sandbox/panel/payments/{uid}/?done=deposit", 302)
    ]
    assert status(uid) == ("paid", 0)
    press(uid, "cancel_part", cancel_amount="3,000")
    assert status(uid) == ("cancelled", 3_000)
    press(uid, "cancel")
    assert status(uid) == ("cancelled", 10_000)
    assert [row.body["status"] for row in Delivery.objects.order_by("pk")] == [
        "paid",
        "cancelled",
        "cancelled",
    ]


def test_late_approval_and_decline(pay, press):
    failed, ready = pay("a", outcome="failed"), pay("b", outcome="ready")
    press(failed, "approve")
    press(ready, "decline")
    assert (status(failed)[0], status(ready)[0]) == ("paid", "failed")


def test_resend(pay, press):
    uid = pay(webhook=True)
    press(uid, "webhook")
    assert [row.body["status"] for row in Delivery.objects.all()] == ["paid", "paid"]


@pytest.mark.parametrize(
    ("button", "fields"),
    [("deposit", {}), ("approve", {}), ("decline", {}), ("cancel_part", {}),
        ("cancel_part", {"cancel_amount": "10001"}), ("cancel_part", {"cancel_amount": "x"})],
)  # fmt: skip
def test_what_cannot_be_is_said(pay, press, button, fields):
    uid = pay()
    answer = press(uid, button, **fields)
    assert answer.status_code == 409
    assert 'role="alert"' in answer.content.decode()
    assert status(uid) == ("paid", 0)


def test_unknown_buttons_do_nothing(pay, press):
    uid = pay()
    assert press(uid, "explode").status_code == 200
    assert press("", "explode").status_code == 200
    assert status(uid) == ("paid", 0)


def test_tokens_clock_and_faults(api, press, pay, monkeypatch):
    uid = pay()
    api(f"payments/{uid}")
    press("", "expire_tokens", back=uid)
    assert not Token.objects.filter(expired_at__gt=clock.now()).exists()
    moved = []
    monkeypatch.setattr(clock, "advance", moved.append)
    assert "done=clock" in press("", "clock", number="2", unit="hours").redirect_chain[0][0]
    for number, unit in (
        ("-1", "days"),
        ("x", "days"),
        ("1", "years"),
        ("", ""),
        ("１", "days"),
        ("123456", "days"),
    ):
        assert "done" not in press("", "clock", number=number, unit=unit).redirect_chain[0][0]
    assert moved == [7200]
    active_faults.add({"http": 500}, of_delivery=False, method="GET", path="payments/")
    assert "http=500" in press("", "nothing").content.decode()
    press("", "lift_faults")
    assert active_faults.list_active() == []
    assert tokens.UNAUTHORIZED  # still the gateway's own refusal afterwards
    assert api(f"payments/{uid}").status_code == 200


def test_story_in_time_order(api, pay, control, browser, time):
    api("payments/prepare", {"merchant_uid": "order-1", "amount": 10_000})
    api("payments/prepare", {"merchant_uid": "order-12", "amount": 10_000})
    uid = pay("order-1", webhook=True)
    time.advance(10)
    control("deliver")
    time.advance(10)
    api(f"payments/{uid}")
    time.advance(10)
    api("payments/cancel", {"imp_uid": uid, "amount": 100, "reason": "<i>so</i>"})
    text = browser.get(f"/sandbox/panel/payments/{uid}/").content.decode()
    titles = re.findall(r'<p class="title">(.*?)</p>', text)
    assert [title.split(" ")[0] for title in titles if "/" in title] == [
        "POST",
        titles[3].split(" ")[0],
        "GET",
        "POST",
    ]
    assert titles[0] == "POST /sandbox/api/payments/prepare"
    assert titles[4:] == [
        f"GET /sandbox/api/payments/{uid}",
        titles[5],
        "POST /sandbox/api/payments/cancel",
    ]
    assert "order-12" not in text
    assert "&lt;i&gt;so" in text


def test_live_parts(pay, browser):
    uid = pay("order-<1>")
    parts = browser.get("/sandbox/panel/live/").json()["parts"]
    assert set(parts) == {"faults", "time", "payments", "calls", "deliveries"}
    assert uid in parts["payments"]
    assert "order-&lt;1&gt;" in parts["payments"]
    parts = browser.get(f"/sandbox/panel/payments/{uid}/live/").json()["parts"]
    assert set(parts) == {"faults", "time", "facts", "actions", "story"}
    assert "csrfmiddlewaretoken" not in str(parts)


def test_only_with_a_token_and_only_from_here(pay, browser):
    uid = pay()
    for path in (f"/sandbox/panel/payments/{uid}/do/", "/sandbox/panel/gateway/"):
        assert browser.post(path, {"do": "cancel"}).status_code == 403
        assert browser.post(path, {"do": "cancel"}, REMOTE_ADDR="192.168.0.2").status_code == 403
    for path in (
        "/sandbox/",
        "/sandbox/panel/live/",
        f"/sandbox/panel/payments/{uid}/",
        f"/sandbox/panel/payments/{uid}/live/",
    ):
        assert browser.get(path, REMOTE_ADDR="192.168.0.2").status_code == 403
    assert status(uid) == ("paid", 0)


@pytest.mark.parametrize("uid", ["imp_000000000000", "x", "%00", "i" * 3_000])
def test_unknown_payments(browser, uid):
    for path in (f"/sandbox/panel/payments/{uid}/", f"/sandbox/panel/payments/{uid}/live/"):
        assert browser.get(path).status_code == 404
