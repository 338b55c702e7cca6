"""window.IMP, the payment window and the control panel in a real browser, from the shop's side."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.models import Point, PointTransaction
from billing.tests.support.browser import DESK, PHONE, Payer
from billing_sandbox.engine import clock
from billing_sandbox.models import Certification, Payment
from billing_sandbox.tests.support.shop import (
    HEAR_SHOWN,
    IPHONE,
    ORDER,
    SHOP,
    Shop,
    agree_and_pay,
    choose,
    control,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


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


@pytest.fixture
def shop(visit: Callable[..., Payer], shop_url: str) -> Shop:
    return Shop(visit(hurry=True), shop_url)


# -- phones ----------------------------------------------------------------------------------------


@pytest.fixture
def phone(visit: Callable[..., Payer], user: Any) -> Payer:
    """The member `user` on the charge page of a telephone."""
    payer = visit(size=PHONE, language="ko", user_agent=IPHONE, is_mobile=True, has_touch=True)
    payer.log_in()
    return payer


def test_a_phone_goes_to_the_window_and_comes_back(phone: Payer, user: Any, site: str) -> None:
    phone.pay(30_000, "card")
    phone.page.wait_for_url("**/sandbox/pay/*/?road=redirect*")
    agree_and_pay(phone.page)
    phone.page.wait_for_url("**/billing/payments/*/")
    assert "30,000P" in phone.page.inner_text("main")
    control(site, "deliver")
    txn = PointTransaction.objects.get()
    payment = Payment.objects.get()
    assert (txn.status, txn.imp_uid, payment.channel) == ("paid", payment.imp_uid, "mobile")
    assert Point.objects.get(user=user).balance == 30_000
    assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.no_trouble()


def test_a_declined_phone_comes_back_and_is_told(phone: Payer, user: Any) -> None:
    phone.pay(10_000, "card")
    phone.page.wait_for_url("**/sandbox/pay/*/?road=redirect*")
    choose(phone.page, "decline")
    phone.page.wait_for_url("**/billing/payments/*/")
    assert PointTransaction.objects.get().fail_reason in phone.page.inner_text("main")
    assert Point.objects.get(user=user).balance == 0
    phone.no_trouble()


def test_what_m_redirect_url_is_told(visit: Callable[..., Payer], shop_url: str) -> None:
    shop = Shop(visit(size=PHONE, user_agent=IPHONE), shop_url)
    back = f"{shop.url}?mine=1&x=#part"
    shop.call(m_redirect_url=back)
    shop.page.wait_for_url("**/sandbox/pay/**")
    agree_and_pay(shop.page)
    shop.page.wait_for_url("**/shop?**")
    payment = Payment.objects.get()
    assert (
        shop.page.url
        == f"{shop.url}?mine=1&x=&imp_uid={payment.imp_uid}&merchant_uid=order-1&imp_success=true#part"
    )
    shop.page.evaluate("window.IMP.init('imp00000000')")
    # Paid by now: refused before it opens, and the callback hears it.
    shop.call(m_redirect_url=back)
    assert (shop.answer()["imp_uid"], shop.answer()["error_code"]) == (None, "F1002")
    params = json.dumps({**ORDER, "m_redirect_url": f"{shop.url}?again=1"})
    # Without a callback the page is sent there.
    shop.page.evaluate(f"window.IMP.request_pay({params})")
    shop.page.wait_for_url("**/shop?again=1**")
    told = parse_qs(urlsplit(shop.page.url).query)
    error = {
        "error_code": ["F1002"],
        "error_msg": ["이미 결제가 이루어진 거래건입니다."],
        "imp_success": ["false"],
    }
    assert told == {"again": ["1"], "merchant_uid": ["order-1"], **error}


def test_a_phone_needs_a_way_back_unless_its_processor_never_leaves(
    visit: Callable[..., Payer], shop_url: str
) -> None:
    shop = Shop(visit(size=PHONE, user_agent=IPHONE), shop_url)
    shop.call()
    assert shop.answer()["error_msg"].endswith("(m_redirect_url)")
    assert not Payment.objects.exists()
    shop.page.evaluate("window.answers = undefined")
    shop.call(pg="danal_tpay")
    shop.payer.do("approve")
    assert shop.answer()["success"] is True


# -- window.IMP ------------------------------------------------------------------------------------


def test_everything_is_there_and_set_up_once(shop: Shop) -> None:
    names = ["init", "agency", "request_pay", "certification", "loadUI", "loadModule"]
    assert (
        shop.page.evaluate(
            "(names) => names.filter((name) => typeof window.IMP[name] !== 'function')", names
        )
        == []
    )
    shop.page.evaluate("window.IMP.init('imp00000000')")
    assert shop.said == []
    shop.page.evaluate(
        "window.IMP.init('imp99999999'); window.IMP.loadUI('paypal-spb', {}); "
        "window.IMP.loadModule('x')"
    )
    assert [line.split(":")[0] for line in shop.said] == ["warning", "info", "info"]
    assert "imp99999999 is not taken" in shop.said[0]
    shop.call(surprise={"unknown": True})
    shop.payer.do("approve")  # the first code counts, and what is not known is ignored
    assert shop.answer()["success"] is True


def test_wrong_parameters_are_said_to_console_and_callback(shop: Shop) -> None:
    shop.call(amount="10000")
    answer = shop.answer()
    assert (answer["success"], answer["imp_uid"], answer["merchant_uid"]) == (
        False,
        None,
        "order-1",
    )
    assert answer["error_msg"] == "결제 요청 파라미터가 올바르지 않습니다. (amount)"
    assert [line for line in shop.said if line.startswith("error") and "(amount)" in line]
    shop.page.evaluate(
        "window.answers = undefined; window.IMP.request_pay(null, (answer) => { window.answers "
        "= [answer]; })"
    )
    assert shop.answer()["error_code"] == "F0002"
    assert not Payment.objects.exists()


def test_a_channel_key_gives_the_short_answer(shop: Shop) -> None:
    shop.call(channelKey="channel-key-1")
    shop.payer.do("approve")
    assert shop.answer() == {"imp_uid": Payment.objects.get().imp_uid, "merchant_uid": "order-1"}


def test_popup(shop: Shop) -> None:
    with shop.page.expect_popup() as opened:
        shop.call(popup=True)
    agree_and_pay(opened.value)
    assert shop.answer()["success"] is True
    assert opened.value.is_closed() or opened.value.wait_for_event("close") is not None
    with shop.page.expect_popup() as opened:
        shop.page.evaluate("window.answers = undefined")
        shop.call(popup=True, merchant_uid="order-2")
    opened.value.locator("#strip").wait_for()
    opened.value.close()
    ready = Payment.objects.get(merchant_uid="order-2")
    assert (ready.status, shop.answer()["imp_uid"], shop.answer()["success"]) == (
        "ready",
        ready.imp_uid,
        False,
    )


def test_certification(shop: Shop) -> None:
    shop.call(
        "certification", merchant_uid="person-1", name="김하나", phone="010-2222-3333", min_age=19
    )
    shop.payer.window.locator("[value=certify]").click()
    answer = shop.answer()
    person = Certification.objects.get()
    assert (answer["success"], answer["imp_uid"], answer["merchant_uid"]) == (
        True,
        person.imp_uid,
        "person-1",
    )
    assert (person.name, person.phone) == ("김하나", "01022223333")
    shop.page.evaluate("window.answers = undefined")
    shop.call("certification", merchant_uid="person-2", min_age=19)
    window = shop.payer.window
    window.locator("#birthday").fill("2020-01-31")
    window.locator("[value=certify]").click()
    assert (shop.answer()["success"], shop.answer()["error_code"]) == (False, "F1105")


# -- the window ------------------------------------------------------------------------------------


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
