"""The pages in a real browser, against the sandbox's real window and API, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.utils.translation import override
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.models import Point, PointTransaction
from billing.states import Status
from billing.tests.browser import DESK, PHONE, Payer, chromium
from billing.texts import charge_texts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])]

SIZES = [pytest.param(PHONE, "ko", id="phone-ko"), pytest.param(DESK, "en", id="desk-en")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> str:
    """The server's address; the gateway is its own sandbox."""
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    settings.BILLING_NOTICE_URL = f"{live_server.url}/billing/webhook/"
    return live_server.url


@pytest.fixture
def visit(browser: Browser, site: str, user: Any) -> Iterator[Callable[..., Payer]]:
    """visit(size=…, language=…, hurry=…) → the member `user`, not logged in yet."""
    visitors: list[Payer] = []

    def make(**options: Any) -> Payer:
        visitors.append(Payer(browser, site, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture
def payer(visit: Callable[..., Payer]) -> Payer:
    """The member at a desk, in English, on the charge page, whose clock runs fast."""
    made = visit(language="en", hurry=True)
    made.log_in()
    return made


def texts(language: str = "en") -> dict[str, str]:
    with override(language):
        return charge_texts()


def points(user: Any) -> tuple[int, int]:
    """Attempts and balance, as the database has them."""
    point = Point.objects.filter(user=user).first()
    return (point.point, point.balance) if point else (0, 0)


def refuse(route: Route) -> None:
    route.abort("connectionfailed")


# -- paying -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "language"), SIZES)
def test_charge_from_login_to_points(visit: Callable[..., Payer], user: Any, size: tuple[int, int], language: str) -> None:
    payer = visit(size=size, language=language)
    payer.log_in()
    page = payer.page
    assert page.get_attribute("html", "lang") == language
    page.click(".chip[value='30000']")
    assert page.input_value("#amount") == "30,000"
    assert page.inner_text("#pay") == texts(language)["pay_amount"].format(amount="30,000")
    payer.pay(30_000, "trans")
    page.wait_for_selector(f"text={texts(language)['window_open']}")
    payer.do("approve")
    page.wait_for_url("**/billing/payments/*/")
    assert "30,000P" in page.inner_text("main")
    assert points(user) == (1, 30_000)
    txn = PointTransaction.objects.get()
    assert (txn.status, txn.amount, txn.pay_method) == (Status.PAID, 30_000, "trans")
    payer.no_trouble()


def test_virtual_account_is_credited_when_the_deposit_arrives(payer: Payer, user: Any) -> None:
    payer.pay(50_000, "vbank")
    payer.do("account")
    payer.page.wait_for_url("**/billing/payments/*/")
    txn = PointTransaction.objects.get()
    assert payer.page.inner_text("#account-number") == txn.vbank_num
    assert points(user) == (1, 0)
    requests.post(f"{payer.site}/sandbox/control/payments/{txn.imp_uid}/deposit", json={}, timeout=10).raise_for_status()
    payer.page.wait_for_selector(".outcome.paid")  # the page asks by itself
    assert points(user) == (1, 50_000)
    payer.no_trouble()


def test_double_click_makes_one_attempt(payer: Payer, user: Any) -> None:
    payer.choose()
    payer.page.dblclick("#pay")
    payer.page.evaluate("document.getElementById('charge').requestSubmit()")
    payer.do("approve")
    payer.page.wait_for_url("**/billing/payments/*/")
    assert payer.posts.count("/billing/checkout/") == 1
    assert points(user) == (1, 10_000)


# -- not paying -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "language"), SIZES)
def test_declined_says_so_and_may_be_tried_again(visit: Callable[..., Payer], user: Any, size: tuple[int, int], language: str) -> None:
    payer = visit(size=size, language=language)
    payer.log_in()
    payer.pay()
    payer.do("decline")
    payer.page.wait_for_selector("#notice:not([hidden])")
    txn = PointTransaction.objects.get()
    assert txn.status == Status.FAILED
    assert txn.fail_reason in payer.page.inner_text("#notice")
    assert points(user) == (1, 0)
    assert payer.page.get_attribute("#pay", "aria-disabled") is None
    assert payer.page.evaluate("document.activeElement.id") == "pay"
    payer.page.click("#pay")
    payer.do("approve")
    payer.page.wait_for_url("**/billing/payments/*/")
    assert points(user) == (2, 10_000)
    payer.no_trouble()


@pytest.mark.parametrize("how", ["close", "cross"])
def test_closed_window_takes_nothing(payer: Payer, user: Any, how: str) -> None:
    payer.pay()
    payer.window.locator("#close").wait_for()
    if how == "close":
        payer.do("close")
    else:
        payer.page.click("[role=dialog] > * > button")
    payer.page.wait_for_selector("#notice:not([hidden])")
    assert "결제포기" in payer.page.inner_text("#notice")  # the gateway's own words, unchanged
    assert payer.page.is_visible("#amount")
    assert payer.page.get_attribute("#pay", "aria-disabled") is None
    assert points(user) == (1, 0)
    payer.no_trouble()


def test_mistakes_are_shown_at_their_field(payer: Payer, user: Any) -> None:
    payer.choose(150)
    payer.page.click("#pay")
    payer.page.wait_for_selector("#amount[aria-invalid]")
    assert payer.page.inner_text("#amount-error")
    assert payer.page.evaluate("document.activeElement.id") == "amount"
    assert points(user) == (0, 0)
    payer.page.fill("#amount", "1500")
    assert not payer.page.inner_text("#amount-error")
    payer.no_trouble(expected="400")


# -- trouble on the way -----------------------------------------------------------------------------------------------------------


def test_connection_lost_for_good_ends_in_checking(payer: Payer, user: Any) -> None:
    payer.page.route("**/billing/validation/", refuse)
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector("#again:not([hidden])")
    assert texts()["checking_leave"] in payer.page.inner_text("#progress")
    txn = PointTransaction.objects.get()
    assert payer.page.get_attribute("#progress-link", "href") == f"/billing/payments/{txn.merchant_uid}/"
    assert points(user) == (1, 0)
    payer.page.unroute("**/billing/validation/")
    payer.page.click("#again")
    payer.page.wait_for_url("**/billing/payments/*/")
    assert points(user) == (1, 10_000)
    payer.no_trouble(expected="ERR_CONNECTION_FAILED")


def test_connection_that_comes_back_is_used(payer: Payer, user: Any) -> None:
    answers = iter([refuse, lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": {}}), refuse])
    payer.page.route("**/billing/validation/", lambda route: next(answers, lambda last: last.continue_())(route))
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_url("**/billing/payments/*/")
    assert points(user) == (1, 10_000)
    assert payer.posts.count("/billing/checkout/") == 1
    payer.no_trouble(expected="ERR_CONNECTION_FAILED|503")


def test_failed_checkout_is_not_repeated(payer: Payer, user: Any) -> None:
    payer.page.route("**/billing/checkout/", refuse)
    payer.pay()
    payer.page.wait_for_selector("#notice:not([hidden])")
    assert texts()["no_answer"] in payer.page.inner_text("#notice")
    payer.page.wait_for_timeout(300)  # 12 s of the page's time
    assert payer.posts.count("/billing/checkout/") == 1
    assert points(user) == (0, 0)


def test_session_that_ended_loses_nothing(payer: Payer, user: Any) -> None:
    payer.pay()
    payer.window.locator("#close").wait_for()
    payer.context.clear_cookies(name="sessionid")
    payer.do("approve")
    payer.page.wait_for_url("**/accounts/login/?*")
    payer.log_in_here()
    payer.page.wait_for_url("**/billing/payments/*/")
    assert "10,000P" in payer.page.inner_text("main")
    assert points(user) == (1, 10_000)
    payer.no_trouble(expected="401")


def test_missing_sdk_is_said_and_loaded_again(visit: Callable[..., Payer]) -> None:
    payer = visit(language="en")
    payer.page.route("**/sandbox/iamport.js", refuse)
    payer.log_in()
    payer.page.wait_for_selector("#notice-action:not([hidden])")
    assert texts()["sdk_missing"] in payer.page.inner_text("#notice")
    payer.page.unroute("**/sandbox/iamport.js")
    payer.page.click("#notice-action")
    payer.page.wait_for_selector("#notice", state="hidden")
    payer.pay()
    payer.window.locator("#close").wait_for()
    payer.no_trouble(expected="ERR_CONNECTION_FAILED")


# A script in place of the SDK: it opens nothing and answers what the test says.
LIAR = """window.IMP = {
  init() {},
  request_pay(request, callback) { window.answer = callback; document.documentElement.dataset.asked = "yes"; },
};"""


@pytest.fixture
def liar(payer: Payer) -> Payer:
    """The payer, after pressing the button, where the SDK is not to be trusted."""
    payer.page.route("**/sandbox/iamport.js", lambda route: route.fulfill(body=LIAR, content_type="text/javascript"))
    payer.page.reload()
    payer.pay()
    payer.page.wait_for_selector("html[data-asked]")
    return payer


def test_success_that_nobody_confirms_stays_checking(liar: Payer, user: Any) -> None:
    liar.page.evaluate("answer({success: true, status: 'paid', paid_amount: 10000})")
    liar.page.wait_for_selector("#again:not([hidden])")
    assert texts()["checking_leave"] in liar.page.inner_text("#progress")
    assert points(user) == (1, 0)


def test_failure_that_is_none_is_credited(liar: Payer, user: Any) -> None:
    merchant_uid = PointTransaction.objects.get().merchant_uid
    body = {"merchant_uid": merchant_uid, "pay_method": "card", "outcome": "paid", "webhook": False}
    requests.post(f"{liar.site}/sandbox/control/pay", json=body, timeout=10).raise_for_status()
    liar.page.evaluate("answer({imp_uid: null, error_code: 'F1002', error_msg: '이미 결제가 이루어진 거래건입니다.'})")
    liar.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    liar.no_trouble()


def test_failure_before_anything_began_takes_nothing(liar: Payer, user: Any) -> None:
    liar.page.evaluate("answer({imp_uid: null, error_code: 'F400', error_msg: '<b>안 돼요</b>'})")
    liar.page.wait_for_selector("#notice:not([hidden])")
    assert texts()["stopped"] in liar.page.inner_text("#notice")
    assert "<b>안 돼요</b>" in liar.page.inner_text("#notice")  # quoted, not rendered
    assert points(user) == (1, 0)
    liar.no_trouble()


# -- the page itself --------------------------------------------------------------------------------------------------------------


def test_separators_leave_the_caret_where_it_was(payer: Payer) -> None:
    page = payer.page
    page.click("#amount")
    page.keyboard.type("1234567")
    assert page.input_value("#amount") == "1,234,567"
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Backspace")  # the separator before 567 goes and comes back
    page.keyboard.press("Backspace")
    page.keyboard.type("9")
    assert page.input_value("#amount") == "1,239,567"
    assert page.evaluate("document.getElementById('amount').selectionStart") == len("1,239")
    page.fill("#amount", "₩ 50,000.00")
    page.locator("#amount").blur()
    assert page.input_value("#amount") == "50,000"
    page.fill("#amount", "")
    page.click("#amount")
    page.keyboard.type("10000.00")  # key by key: the zeros behind the dot are no hundreds
    assert page.inner_text("#pay-label") == texts("en")["pay_amount"].format(amount="10,000")
    page.locator("#amount").blur()
    assert page.input_value("#amount") == "10,000"


def test_pages_hold_under_a_strict_policy(payer: Payer, user: Any) -> None:
    def strict(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": "default-src 'self'; form-action 'self'"})

    payer.page.route(re.compile(r"/billing/(charge|payments/[^/]+)/$"), strict)
    payer.page.reload()
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble()


def test_page_kept_by_the_browser_is_loaded_anew(payer: Payer) -> None:
    with payer.page.expect_navigation():
        payer.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")


def test_without_scripts_the_page_says_what_is_missing(visit: Callable[..., Payer]) -> None:
    payer = visit(java_script_enabled=False, language="en")
    payer.log_in()
    assert payer.page.is_visible("noscript p")
    assert payer.page.is_disabled("#pay")
