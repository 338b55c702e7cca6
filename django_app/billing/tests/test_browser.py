"""Paying in a real browser, against the sandbox's real window and API, over real HTTP: the roads
that end well, and not paying.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.utils.translation import override

from billing.models import Point, PointTransaction
from billing.states import Status
from billing.tests.support.browser import ALL, LOOKS, Payer
from billing.web.js_messages import charge_texts

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148"
)
IN_APP = [
    pytest.param(f"{IPHONE} Safari/604.1", id="safari"),
    pytest.param(f"{IPHONE} KAKAOTALK 25.9.0", id="kakaotalk"),
    pytest.param(f"{IPHONE} NAVER(inapp; search; 2000; 12.16.1)", id="naver"),
    pytest.param(
        "Mozilla/5.0 (Linux; Android 15; SM-S931N; wv) Chrome/141 Mobile Safari/537.36 "
        "Instagram 400.0",
        id="instagram",
    ),
]


def texts(language: str = "en") -> dict[str, str]:
    with override(language):
        return charge_texts()


def points(user: Any) -> tuple[int, int]:
    """Attempts and balance, as the database has them."""
    point = Point.objects.filter(user=user).first()
    return (point.point, point.balance) if point else (0, 0)


def refuse(route: Route) -> None:
    route.abort("connectionfailed")


# -- paying ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS)
def test_charge_from_login_to_points(visit: Callable[..., Payer], user: Any, look: Any) -> None:
    size, language = look
    payer = visit(size=size, language=language)
    payer.log_in()
    page = payer.page
    assert page.get_attribute("html", "lang") == language
    page.click(".chip[value='30000']")
    assert page.input_value("#amount") == "30,000"
    assert page.inner_text("#pay") == texts(language)["pay_amount"].format(amount="30,000")
    assert page.inner_text("#exchange") == texts(language)["exchange"].format(
        amount="30,000", points="30,000"
    )
    payer.accessible()
    payer.pay(30_000, "trans")
    payer.sees(texts(language)["window_open"])
    payer.do("approve")
    page.wait_for_selector(".outcome.paid")
    assert page.inner_text(".change").split()[-1] == "30,000P"
    assert points(user) == (1, 30_000)
    txn = PointTransaction.objects.get()
    assert (txn.status, txn.amount, txn.pay_method) == (Status.PAID, 30_000, "trans")
    payer.no_trouble()


@pytest.mark.parametrize("look", LOOKS)
def test_virtual_account_is_credited_when_the_deposit_arrives(
    visit: Callable[..., Payer], user: Any, look: Any
) -> None:
    size, language = look
    payer = visit(size=size, language=language, hurry=True)
    payer.enter(user)
    payer.choose(50_000, "vbank")
    assert payer.page.inner_text("#pay") == texts(language)["get_account"].format(amount="50,000")
    payer.page.click("#pay")
    payer.do("account")
    payer.page.wait_for_selector(".outcome.waiting")
    txn = PointTransaction.objects.get()
    assert payer.page.inner_text("#account-number") == txn.vbank_num
    assert payer.page.inner_text("#left")
    assert points(user) == (1, 0)
    requests.post(
        f"{payer.site}/sandbox/control/payments/{txn.imp_uid}/deposit", json={}, timeout=10
    ).raise_for_status()
    # The page asks by itself, and shows the news in place.
    payer.page.wait_for_selector(".outcome.paid")
    assert "50,000P" in payer.page.inner_text("#news")
    assert payer.page.title().strip() == payer.page.inner_text("#outcome-title")
    assert points(user) == (1, 50_000)
    payer.no_trouble()


@pytest.mark.parametrize("agent", IN_APP if ALL else IN_APP[:1])
@pytest.mark.parametrize("outcome", ["approve", "decline"])
def test_phones_and_browsers_inside_apps_go_and_come_back(
    visit: Callable[..., Payer], user: Any, agent: str, outcome: str
) -> None:
    payer = visit(size=(390, 844), user_agent=agent, is_mobile=True, has_touch=True)
    payer.enter(user)
    payer.choose()
    payer.page.tap("#pay")
    payer.page.wait_for_url("**/sandbox/pay/**")
    payer.do_in(payer.page, outcome)
    payer.page.wait_for_selector(".outcome.paid" if outcome == "approve" else ".outcome.failed")
    assert points(user) == (1, 10_000 if outcome == "approve" else 0)
    payer.no_trouble()


def test_double_click_makes_one_attempt(payer: Payer, user: Any) -> None:
    payer.choose()
    payer.page.dblclick("#pay")
    payer.page.evaluate("document.getElementById('charge').requestSubmit()")
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    assert payer.posts.count("/billing/checkout/") == 1
    assert points(user) == (1, 10_000)


# -- not paying ------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS)
def test_declined_says_so_and_may_be_tried_again(
    visit: Callable[..., Payer], user: Any, look: Any
) -> None:
    size, language = look
    payer = visit(size=size, language=language)
    payer.enter(user)
    payer.pay()
    payer.do("decline")
    payer.page.wait_for_selector("#notice:not([hidden])")
    txn = PointTransaction.objects.get()
    assert txn.status == Status.FAILED
    assert txn.fail_reason in payer.page.inner_text("#notice")
    assert points(user) == (1, 0)
    assert payer.page.get_attribute("#pay", "aria-disabled") is None
    assert payer.focus == "pay"
    payer.accessible()
    payer.page.click("#pay")
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
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
    assert payer.focus == "pay"
    assert points(user) == (1, 0)
    payer.no_trouble()


def test_mistakes_are_said_at_their_field_and_cost_no_request(payer: Payer, user: Any) -> None:
    page = payer.page
    page.click("#pay")
    assert payer.focus == "amount"
    assert page.inner_text("#amount-error") == texts(payer.language)["amount_missing"]
    assert page.inner_text("#agree-error") == texts(payer.language)["agree_missing"]
    assert page.inner_text("#buyer_tel-error") == texts(payer.language)["phone_missing"]
    payer.accessible()
    page.fill("#amount", "150")
    page.locator("#amount").blur()
    assert "1,000" in page.inner_text("#amount-error")
    assert page.get_attribute("#amount", "aria-invalid") == "true"
    page.fill("#amount", "1550")
    page.locator("#amount").blur()
    assert "100" in page.inner_text("#amount-error")
    page.fill("#amount", "1500")
    assert not page.inner_text("#amount-error")
    page.fill("#amount", "10000000")  # while typing: more digits cannot mend it
    assert "1,000,000" in page.inner_text("#amount-error")
    payer.choose()
    page.uncheck("#agree")
    page.click("#pay")
    assert payer.focus == "agree"
    assert payer.posts == []
    assert points(user) == (0, 0)
    payer.no_trouble()


def test_the_servers_mistakes_are_shown_at_their_field_too(payer: Payer, user: Any) -> None:
    payer.choose()
    payer.page.fill("#buyer_tel", "nobody")
    payer.page.click("#pay")
    payer.page.wait_for_selector("#buyer_tel[aria-invalid]")
    assert "010-1234-5678" in payer.page.inner_text("#buyer_tel-error")
    assert payer.focus == "buyer_tel"
    assert points(user) == (0, 0)
    payer.no_trouble(expected="400")
