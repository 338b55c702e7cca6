"""The payment window and the control panel in a real browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.tests.support.browser import DESK, PHONE, Payer
from billing_sandbox.engine import clock
from billing_sandbox.models import Payment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

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


@pytest.fixture
def browser(running_chromium: Browser) -> Browser:
    return running_chromium


@pytest.fixture(autouse=True)
def time() -> None:
    """The real clock: browsers have no other."""


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> str:
    """The server's address, as shop and as gateway."""
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    settings.BILLING_NOTICE_URL = f"{live_server.url}/billing/webhook/"
    return live_server.url


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Payer]]:
    visitors: list[Payer] = []

    def make(**options: Any) -> Payer:
        visitors.append(Payer(browser, site, **{"language": "en", **options}))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture
def shop_url(site: str) -> Iterator[str]:
    """A foreign page that uses window.IMP, at another origin than the gateway's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = urlsplit(self.path).path == "/shop"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(SHOP.format(gateway=site).encode() if found else b"")

        def log_message(self, *args: Any) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/shop"
        server.shutdown()


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
        return answers[0]


@pytest.fixture
def shop(visit: Callable[..., Payer], shop_url: str) -> Shop:
    return Shop(visit(hurry=True), shop_url)


def choose(window: Any, choice: str) -> None:
    """A button of the strip for developers."""
    window.locator("#strip > summary").click()
    window.locator(f"#strip [value={choice}]").click()


def control(site: str, path: str, **body: Any) -> dict[str, Any]:
    response = requests.post(f"{site}/sandbox/control/{path}", json=body, timeout=10)
    response.raise_for_status()
    return response.json()


@pytest.fixture
def phone(visit: Callable[..., Payer], user: Any) -> Payer:
    """The member `user` on the charge page of a telephone."""
    payer = visit(size=PHONE, language="ko", user_agent=IPHONE, is_mobile=True, has_touch=True)
    payer.log_in()
    return payer


def test_by_keyboard_alone(shop: Shop) -> None:
    shop.page.evaluate(HEAR_SHOWN)
    shop.call()
    window = shop.payer.window
    # It takes the focus then: a key pressed earlier is lost.
    shop.page.wait_for_function("window.shown")
    keyboard = shop.page.keyboard
    focused = "document.querySelector('iframe') === document.activeElement"
    assert shop.page.evaluate(focused)
    keyboard.press("Tab")
    keyboard.press("Space")  # agree to all
    assert window.locator(".term input:checked").count() == 3
    for _ in range(7):  # three terms, each with its text, and the button
        keyboard.press("Tab")
    keyboard.press("Enter")
    assert shop.answer()["status"] == "paid"
    assert shop.page.evaluate(
        "document.activeElement === document.body || document.activeElement.id === 'buy'"
    )


def test_nobody_pays_without_agreeing(shop: Shop) -> None:
    shop.call()
    shop.payer.window.locator("[value=approve]").click()
    assert shop.payer.window.locator(".term input:invalid").count() == 3
    assert Payment.objects.get().status == "ready"


def test_approved_and_never_back(shop: Shop) -> None:
    shop.call()
    choose(shop.payer.window, "vanish")
    shop.payer.window.get_by_text("The shop's page was not told").wait_for()
    assert Payment.objects.get().status == "paid"
    shop.page.click("[role=dialog] > * > button")
    shop.page.wait_for_selector("[role=dialog]", state="detached")
    shop.page.wait_for_timeout(200)  # 8 s of the page's time
    assert shop.page.evaluate("window.answers") is None


def test_another_amount_two_payments_a_second_tab(shop: Shop) -> None:
    shop.call()
    window = shop.payer.window
    window.locator("#strip > summary").click()
    with shop.page.expect_popup() as opened:
        window.locator("[value=again]").click()
    opened.value.locator("#strip").wait_for()
    opened.value.close()
    assert Payment.objects.filter(merchant_uid="order-1", status="ready").count() == 2
    window.locator("#other-amount").fill("500")
    window.locator("[value=tamper]").click()
    assert shop.answer()["paid_amount"] == 500
    shop.page.evaluate("window.answers = undefined")
    shop.call(merchant_uid="order-2")
    choose(shop.payer.window, "twice")
    assert shop.answer()["success"] is True
    assert Payment.objects.filter(merchant_uid="order-2", status="paid").count() == 2


def test_a_choice_of_refusals(shop: Shop) -> None:
    shop.call()
    window = shop.payer.window
    window.locator("#strip > summary").click()
    window.locator("#refusal").select_option("F1008")
    window.locator("[value=decline]").click()
    assert (shop.answer()["error_code"], shop.answer()["error_msg"]) == (
        "F1008",
        "[유효기간] 카드 유효기간이 지났습니다",
    )


# -- the panel -------------------------------------------------------------------------------------


def strictly(payer: Payer) -> None:
    """Serve the sandbox's pages under a policy that allows nothing inline."""

    def serve(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer,
            headers={
                **answer.headers,
                "content-security-policy": "default-src 'self'; img-src 'self' data:",
            },
        )

    payer.page.route(re.compile(r"/sandbox/(panel/payments/\w+/(\?.*)?)?$"), serve)


def button(page: Page, value: str) -> Locator:
    return page.locator(f"button[value={value}]")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_panel_is_live_and_its_buttons_work(
    visit: Callable[..., Payer], site: str, size: tuple[int, int]
) -> None:
    payer = visit(size=size, hurry=True)
    strictly(payer)
    page = payer.page
    page.goto(f"{site}/sandbox/")
    page.wait_for_selector("#pulse.on")
    uid = control(
        site, "pay", merchant_uid="order-1", amount=50_000, pay_method="vbank", outcome="vbank"
    )["imp_uid"]
    page.click(f"text={uid} >> nth=0")  # it appears by itself
    button(page, "deposit").click()
    page.wait_for_selector(".said.good")
    assert Payment.objects.get().status == "paid"
    control(site, "faults", http=500, times=1)
    page.wait_for_selector(".banner")
    button(page, "lift_faults").click()
    page.wait_for_selector(".banner", state="detached")
    page.fill("#cancel-amount", "20,000")
    button(page, "cancel_part").click()
    page.wait_for_selector(".said.good")
    assert Payment.objects.get().cancel_amount == 20_000
    page.fill("#cancel-amount", "40000")
    button(page, "cancel_part").click()
    page.wait_for_selector(".said.bad")
    button(page, "cancel").click()
    page.wait_for_selector(".said.good")
    assert Payment.objects.get().remaining == 0
    before = clock.now()
    button(page, "clock").click()
    page.wait_for_url("**done=clock")
    assert clock.now() - before >= 31 * 60
    titles = page.locator(".events .title").all_inner_texts()
    assert titles[:3] == ["The payment window opened", "An account was issued", "Paid"] or titles[
        2
    ].startswith("Webhook")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    payer.no_trouble(expected="409")
