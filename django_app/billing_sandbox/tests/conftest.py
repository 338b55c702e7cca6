"""The gateway as its callers meet it: `api` with a token, `control`, and a clock that
stands still.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.test import Client

from billing_sandbox.engine import clock
from billing_sandbox.tests.support import spec
from billing_sandbox.tests.support.gateway import Clock, token
from billing_sandbox.tests.support.window import Window


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(clock, "machine_time", lambda: moved.now)
    return moved


@pytest.fixture
def browser() -> Client:
    """A client that minds CSRF as a browser's request would be minded, and remembers cookies."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def api(browser: Client) -> Callable[..., Any]:
    """api("payments/…", method="GET", data=…, form=False, token=None) → the response; token None: a
    valid one.
    """

    def call(
        path: str,
        data: Any = None,
        *,
        method: str = "",
        form: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Any:
        headers = {"X-ImpTokenHeader": token(browser)} if headers is None else headers
        method = method or ("GET" if data is None else "POST")
        url = "/sandbox/api/" + path
        if form:
            return browser.post(
                url, data, content_type="application/x-www-form-urlencoded", headers=headers
            )
        body = data if isinstance(data, bytes) else json.dumps(data) if data is not None else ""
        answer = browser.generic(
            method, url, body, content_type="application/json", headers=headers
        )
        if spec.given() and answer.status_code in (200, 207):
            with suppress(ValueError):  # broken on purpose
                found = answer.json()
                spec.check(method, path, answer.status_code, found)
        return answer

    return call


@pytest.fixture
def control(browser: Client) -> Callable[..., Any]:
    """control("pay", merchant_uid=…) → the response."""

    def call(path: str, raw: bytes | None = None, /, **body: Any) -> Any:
        sent = json.dumps(body).encode() if raw is None else raw
        return browser.generic(
            "POST", "/sandbox/control/" + path, sent, content_type="application/json"
        )

    return call


@pytest.fixture
def pay(control: Callable[..., Any]) -> Callable[..., str]:
    """pay("order", …) → imp_uid of a card payment of 10,000 won, without a webhook unless asked."""

    def call(merchant_uid: str = "order", **body: Any) -> str:
        response = control(
            "pay",
            merchant_uid=merchant_uid,
            **{"amount": 10_000, "pay_method": "card", "outcome": "paid", "webhook": False, **body},
        )
        assert response.status_code == 200, response.content
        return str(response.json()["imp_uid"])

    return call


@pytest.fixture
def window() -> Window:
    return Window()


@pytest.fixture
def fault(control: Callable[..., Any]) -> Callable[..., Any]:
    """fault(http=500, times=1) → one more rule; the rules in force."""

    def call(**rule: Any) -> Any:
        answer = control("faults", **rule)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return call
