"""The gateway as its callers meet it: `api` with a token, `control`, and a clock that
stands still.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from billing_sandbox.engine import clock
from billing_sandbox.tests.support import spec

START = 1_790_000_000  # 2026-09-21 22:13:20 in Korea


class Clock:
    """The machine's unix seconds, which move only when told; the gateway's own clock may be ahead
    of them.
    """

    now = START

    def advance(self, seconds: int) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(clock, "_machine", lambda: moved.now)
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


def token(client: Client) -> str:
    """A running access token."""
    keys = {"imp_key": settings.SANDBOX["key"], "imp_secret": settings.SANDBOX["secret"]}
    return client.post("/sandbox/api/users/getToken", keys, content_type="application/json").json()[
        "response"
    ]["access_token"]


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
        return response.json()["imp_uid"]

    return call
