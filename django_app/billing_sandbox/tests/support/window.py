"""A page that calls request_pay, and its payer: the payment window through Django's client."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from django.test import Client

ORIGIN = "https://shop.example"
PARAMS = {
    "merchant_uid": "order-1",
    "amount": 10_000,
    "pay_method": "card",
    "name": "포인트",
    "buyer_tel": "010-0000-0000",
}


class Window:
    """A page that calls request_pay, and its payer."""

    def __init__(self) -> None:
        self.browser = Client(enforce_csrf_checks=True)

    def post(
        self, params: Any = None, *, code: str = "imp00000000", origin: str = ORIGIN, **headers: str
    ) -> Any:
        raw = (
            params if isinstance(params, str) else json.dumps(PARAMS if params is None else params)
        )
        form = urlencode({"code": code, "origin": origin, "params": raw})
        return self.browser.post(
            "/sandbox/pay/", form, content_type="application/x-www-form-urlencoded", headers=headers
        )

    def open(self, **change: Any) -> str:
        """The window's address."""
        answer = self.post({**PARAMS, **change})
        assert answer.status_code == 303, told(answer)
        return str(answer.headers["Location"])

    def choose(self, address: str, choice: str) -> Any:
        """Press a button; the page that follows."""
        page = self.browser.get(address).content.decode()
        nonce = re.search(r'name="nonce" value="([^"]+)"', page)
        assert nonce
        body = urlencode({"nonce": nonce[1], "choice": choice})
        answer = self.browser.post(address, body, content_type="application/x-www-form-urlencoded")
        assert (answer.status_code, answer.headers["Location"]) == (303, address)
        return self.browser.get(address)


def told(response: Any) -> dict[str, Any]:
    """What the page hands to window.js."""
    found = re.search(
        r'<script id="page" type="application/json">(.*?)</script>', response.content.decode(), re.S
    )
    assert found
    page: dict[str, Any] = json.loads(found[1])
    return page
