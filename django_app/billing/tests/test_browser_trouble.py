"""Trouble on the way, in a real browser: lost connections, ended sessions, blocked windows, second
tabs, the back button.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests

from billing.models import PointTransaction
from billing.tests.support.browser import PASSWORD, Payer, launch
from billing.tests.test_browser import points, refuse, texts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


# -- the connection --------------------------------------------------------------------------------


def test_connection_lost_for_good_ends_in_checking(payer: Payer, user: Any) -> None:
    for address in ("**/billing/validation/", "**/status/**"):
        payer.page.route(address, refuse)
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector("#again:not([hidden])")
    assert texts(payer.language)["checking_leave"] in payer.page.inner_text("#progress")
    assert payer.focus == "progress-title"
    txn = PointTransaction.objects.get()
    assert (
        payer.page.get_attribute("#progress-link", "href")
        == f"/billing/payments/{txn.merchant_uid}/"
    )
    assert points(user) == (1, 0)
    payer.accessible()
    payer.page.unroute_all()
    payer.page.click("#again")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble(expected="ERR_CONNECTION_FAILED")


def test_connection_that_comes_back_is_used(payer: Payer, user: Any) -> None:
    answers = iter(
        [
            refuse,
            lambda route: route.fulfill(
                status=503, headers={"Retry-After": "1"}, json={"error": {}}
            ),
            refuse,
        ]
    )
    payer.page.route(
        "**/billing/validation/", lambda route: next(answers, lambda last: last.continue_())(route)
    )
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    assert payer.posts.count("/billing/checkout/") == 1
    payer.no_trouble(expected="ERR_CONNECTION_FAILED|503")


def test_failed_checkout_is_not_repeated(payer: Payer, user: Any) -> None:
    payer.page.route("**/billing/checkout/", refuse)
    payer.pay()
    payer.page.wait_for_selector("#notice:not([hidden])")
    assert texts(payer.language)["no_answer"] in payer.page.inner_text("#notice")
    payer.page.wait_for_timeout(300)  # 12 s of the page's time
    assert payer.posts.count("/billing/checkout/") == 1
    assert points(user) == (0, 0)


def test_browsers_that_cannot_limit_a_request_by_themselves(payer: Payer, user: Any) -> None:
    """Safari before 16 and older WebViews."""
    payer.context.add_init_script("delete AbortSignal.timeout")
    payer.page.reload()
    assert payer.page.evaluate("typeof AbortSignal.timeout") == "undefined"
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    payer.no_trouble()


# -- the session -----------------------------------------------------------------------------------


def test_session_that_ended_in_the_window_loses_nothing(payer: Payer, user: Any) -> None:
    payer.pay()
    payer.window.locator("#close").wait_for()
    payer.context.clear_cookies(name="sessionid")
    payer.do("approve")
    payer.page.wait_for_url("**/accounts/login/?*")
    payer.log_in_here()
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble(expected="401")


def test_session_that_ended_before_the_window_keeps_what_was_chosen(
    payer: Payer, user: Any
) -> None:
    payer.choose(30_000, "trans")
    payer.context.clear_cookies(name="sessionid")
    payer.page.click("#pay")
    payer.page.wait_for_url("**/accounts/login/?*")
    assert "1234" not in payer.page.url  # no telephone number travels in an address
    payer.log_in_here()
    payer.page.wait_for_url("**/billing/charge/?*")
    assert payer.page.input_value("#amount") == "30,000"
    assert payer.page.is_checked("[value=trans]")
    assert points(user) == (0, 0)
    payer.no_trouble(expected="401")


def test_token_of_an_earlier_login_asks_for_a_fresh_page(payer: Payer, user: Any) -> None:
    payer.choose(30_000, "trans")
    payer.context.clear_cookies(name="csrftoken")
    payer.page.click("#pay")
    payer.page.wait_for_selector("#notice-action:not([hidden])")
    payer.page.click("#notice-action")
    payer.page.wait_for_url("**/billing/charge/?*")
    assert payer.page.input_value("#amount") == "30,000"
    payer.pay(30_000, "trans")
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 30_000)
    payer.no_trouble(expected="403")


# -- the payment service's script ------------------------------------------------------------------


def test_missing_sdk_is_said_and_loaded_again(visit: Callable[..., Payer], user: Any) -> None:
    payer = visit(language="en")
    payer.page.route("**/sandbox/iamport.js", refuse)
    payer.enter(user)
    payer.page.wait_for_selector("#notice-action:not([hidden])")
    assert texts()["sdk_missing"] in payer.page.inner_text("#notice")
    payer.page.unroute("**/sandbox/iamport.js")
    payer.page.click("#notice-action")
    payer.page.wait_for_selector("#notice", state="hidden")
    payer.pay()
    payer.window.locator("#close").wait_for()
    payer.no_trouble(expected="ERR_CONNECTION_FAILED")


# A script in place of the SDK: it opens nothing and answers what the test says.
LIAR = "window.IMP = { init() {}, request_pay(request, callback) { window.answer = callback; } };"


@pytest.fixture
def liar(payer: Payer) -> Payer:
    """The payer, after pressing the button, where the SDK is not to be trusted."""
    payer.page.route(
        "**/sandbox/iamport.js",
        lambda route: route.fulfill(body=LIAR, content_type="text/javascript"),
    )
    payer.page.reload()
    payer.pay()
    payer.until("typeof window.answer === 'function'")
    return payer


def test_success_that_nobody_confirms_stays_checking(liar: Payer, user: Any) -> None:
    liar.page.evaluate("answer({success: true, status: 'paid', paid_amount: 10000})")
    liar.page.wait_for_selector("#again:not([hidden])")
    assert texts(liar.language)["checking_leave"] in liar.page.inner_text("#progress")
    assert points(user) == (1, 0)


def test_failure_that_is_none_is_credited(liar: Payer, user: Any) -> None:
    merchant_uid = PointTransaction.objects.get().merchant_uid
    body = {"merchant_uid": merchant_uid, "pay_method": "card", "outcome": "paid", "webhook": False}
    requests.post(f"{liar.site}/sandbox/control/pay", json=body, timeout=10).raise_for_status()
    liar.page.evaluate(
        "answer({imp_uid: null, error_code: 'F1002', error_msg: '이미 결제가 이루어진 거래건입니다.'})"
    )
    liar.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    liar.no_trouble()


def test_failure_before_anything_began_takes_nothing(liar: Payer, user: Any) -> None:
    liar.page.evaluate("answer({imp_uid: null, error_code: 'F400', error_msg: '<b>안 돼요</b>'})")
    liar.page.wait_for_selector("#notice:not([hidden])")
    assert texts(liar.language)["stopped"] in liar.page.inner_text("#notice")
    assert "<b>안 돼요</b>" in liar.page.inner_text("#notice")  # quoted, not rendered
    assert points(user) == (1, 0)
    liar.no_trouble()


# -- a blocked window ------------------------------------------------------------------------------


def as_popup(route: Route) -> None:
    """What our server answers, for a processor that opens a window of its own."""
    answer = route.fetch()
    body = answer.json()
    body["request_pay"]["popup"] = True
    route.fulfill(response=answer, json=body)


@pytest.mark.parametrize("silent", [False, True], ids=["told", "silent"])
def test_blocked_window_opens_with_one_more_click(payer: Payer, user: Any, silent: bool) -> None:
    """Whether the payment service's script tells of it or not: the same attempt goes on."""
    page = payer.page
    page.evaluate(
        "const open = window.open; window.open = () => { window.open = open; return null; }; 0"
    )
    if silent:
        payer.until("window.IMP")
        page.evaluate(
            "const pay = IMP.request_pay; IMP.request_pay = (request, tell) => pay(request, "
            "(a) => a.imp_uid && tell(a)); 0"
        )
    page.route("**/billing/checkout/", as_popup)
    payer.pay()
    payer.sees(texts(payer.language)["blocked"])
    assert payer.focus == "again"
    payer.accessible()
    with page.expect_popup() as opened:
        page.click("#again")
    payer.do_in(opened.value, "approve")
    page.wait_for_selector(".outcome.paid")
    assert payer.posts.count("/billing/checkout/") == 1
    assert points(user) == (1, 10_000)
    payer.no_trouble(expected=r"\[IMP sandbox\]")


def test_browser_that_blocks_a_late_window(browser: Browser, site: str, user: Any) -> None:
    """No imitation: a Chromium that blocks pop-ups, and a server that answers after its patience is
    over.
    """

    def late(route: Route) -> None:
        time.sleep(6)
        as_popup(route)

    with launch(browser.browser_type, ignore_default_args=["--disable-popup-blocking"]) as strict:
        payer = Payer(strict, site)
        payer.enter(user)
        payer.page.route("**/billing/checkout/", late)
        payer.pay()
        payer.page.wait_for_timeout(8000)
        payer.sees(texts("ko")["blocked"])
        with payer.page.expect_popup() as opened:
            payer.page.click("#again")
        payer.do_in(opened.value, "approve")
        payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)


# -- going back, and second tabs -------------------------------------------------------------------


def test_going_back_after_success_pays_nothing_and_tells_of_it(payer: Payer, user: Any) -> None:
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    payer.page.go_back()
    payer.page.wait_for_url("**/billing/charge/")
    assert "10,000P" in payer.page.inner_text(".recent")
    assert "10,000" in payer.page.inner_text(".balance")
    assert not payer.page.is_checked("#agree")
    payer.page.wait_for_timeout(200)
    assert payer.posts.count("/billing/checkout/") == 1
    payer.page.click(".recent")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble()


def test_page_kept_by_the_browser_is_loaded_anew(payer: Payer) -> None:
    payer.pay(30_000, "trans")  # and left in the middle: the window is open
    payer.window.locator("#close").wait_for()
    with payer.page.expect_navigation():
        payer.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert payer.page.input_value("#amount") == "30,000"
    assert "30,000" in payer.page.inner_text(".recent")  # an attempt that is not finished
    payer.page.goto(f"{payer.site}{payer.page.get_attribute('.recent', 'href')}")
    payer.page.evaluate("document.getElementById('outcome-title').textContent = 'old'")
    payer.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    payer.until("document.getElementById('outcome-title').textContent !== 'old'")


def test_another_member_in_another_tab_is_not_charged_for_this_one(
    payer: Payer, make_user: Callable[..., Any]
) -> None:
    make_user("other")
    payer.choose(30_000)
    payer.context.clear_cookies(name="sessionid")
    other = payer.tab()
    other.goto(f"{payer.site}/accounts/login/")
    other.fill("[name=username]", "other")
    other.fill("[name=password]", PASSWORD)
    other.press("[name=password]", "Enter")
    other.wait_for_url("**/billing/charge/")
    with payer.page.expect_navigation():
        payer.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert "other" in payer.page.inner_text(".who")
    assert payer.page.input_value("#amount") == "30,000"
    assert not payer.page.is_checked("#agree")


def test_second_tab_tells_the_truth(payer: Payer, user: Any) -> None:
    other, third = payer.tab(), payer.tab()
    other.goto(f"{payer.site}/billing/charge/")
    other.fill("#amount", "7,000")
    payer.pay()
    payer.window.locator("#close").wait_for()
    third.goto(f"{payer.site}/billing/payments/{PointTransaction.objects.get().merchant_uid}/")
    third.wait_for_selector(".outcome.checking")
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    third.wait_for_selector(".outcome.paid")
    # As when the payer turns to it.
    other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    other.wait_for_selector(".recent")
    assert "10,000" in other.inner_text(".balance")
    assert other.inner_text("#after") == "17,000"
    assert other.input_value("#amount") == "7,000"
    assert points(user) == (1, 10_000)
    payer.no_trouble()
