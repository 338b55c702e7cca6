"""A shop's page with the sandbox's script, in a payer's browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

from billing.tests.support.browser import Payer

if TYPE_CHECKING:
    from playwright.sync_api import Page

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148 Safari/604.1"
)
SHOP = """<!DOCTYPE html><html lang="en"><title>shop</title><link rel="icon" href="data:,">
<body><button id="buy">Buy</button><script src="{gateway}/sandbox/iamport.js"></script>"""
ORDER = {
    "merchant_uid": "order-1",
    "amount": 10_000,
    "pay_method": "card",
    "name": "points",
    "buyer_tel": "010-0000-0000",
    "language": "en",
}
CALL = (
    "([name, params]) => window.IMP[name](params, (answer) => { (window.answers ??= "
    "[]).push(answer); })"
)

HEAR_SHOWN = (
    "window.addEventListener('message', (event) => { window.shown = window.shown || "
    "event.data.shown; }); 0"
)


class Shop:
    """That page, open in a payer's browser."""

    def __init__(self, payer: Payer, url: str) -> None:
        self.payer, self.page, self.url = payer, payer.page, url
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.goto(url)
        self.page.evaluate("window.IMP.init('imp00000000')")

    def call(self, function: str = "request_pay", /, **params: Any) -> None:
        """With a callback that keeps its answers."""
        self.page.evaluate(
            CALL, [function, params if function != "request_pay" else {**ORDER, **params}]
        )

    def answer(self) -> dict[str, Any]:
        """The one answer, as soon as it is there."""
        self.page.wait_for_function("window.answers")
        answers = json.loads(self.page.evaluate("JSON.stringify(window.answers)"))
        assert len(answers) == 1
        answer: dict[str, Any] = answers[0]
        return answer


def choose(window: Any, choice: str) -> None:
    """A button of the strip for developers."""
    window.locator("#strip > summary").click()
    window.locator(f"#strip [value={choice}]").click()


def agree_and_pay(page: Page) -> None:
    """As a payer on a page of its own."""
    page.locator("#agree-all").check()
    page.click("[name=choice][value=approve]")


def control(site: str, path: str, **body: Any) -> dict[str, Any]:
    """One call of the control API that must succeed."""
    response = requests.post(f"{site}/sandbox/control/{path}", json=body, timeout=10)
    response.raise_for_status()
    values: dict[str, Any] = response.json()
    return values
