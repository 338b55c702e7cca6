"""While the window is open the page asks our server, and moves on when the money is decided; a
refund is looked after while its page is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from billing.models import PointCancellation, PointTransaction
from billing.tests.support.browser import LOOKS, Payer
from billing.tests.support.gallery import Gallery, remote_control
from billing.tests.test_browser import points, refuse, texts
from billing.tests.test_browser_refund import balance
from billing.tests.test_browser_refund import texts as payment_words
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

# A second of the page's time is 25 ms: see HURRY. Hidden is what the page is told, since a browser
# without a screen hides nothing.
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def asked(payer: Payer) -> list[str]:
    """The query of every question about where the payment stands."""
    found: list[str] = []
    payer.page.on(
        "request",
        lambda request: (
            found.append(request.url.partition("/status/")[2])
            if "/status/" in request.url
            else None
        ),
    )
    return found


def until_asked(payer: Payer, asked: list[str], many: int) -> None:
    for _ in range(150):
        if len(asked) >= many:
            return
        payer.page.wait_for_timeout(100)
    raise AssertionError(f"asked {len(asked)} times, not {many}")


# -- the window that never answers -----------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS)
def test_a_window_that_is_gone_keeps_nobody_who_has_paid(
    visit: Callable[..., Payer], user: Any, look: Any
) -> None:
    """Approved, and its tab closed: the callback never comes."""
    size, language = look
    payer = visit(size=size, language=language, hurry=True)
    payer.enter(user)
    payer.pay()
    payer.do("vanish")
    payer.page.wait_for_selector(".outcome.paid")
    txn = PointTransaction.objects.get()
    assert payer.page.url == f"{payer.site}/billing/payments/{txn.merchant_uid}/"
    assert points(user) == (1, 10_000)
    assert "/billing/validation/" not in payer.posts
    payer.no_trouble()


def test_an_account_moves_on_too(payer: Payer, user: Any) -> None:
    payer.pay(50_000, "vbank")
    payer.do("vanish")
    payer.page.wait_for_selector(".outcome.waiting")
    assert points(user) == (1, 0)
    payer.no_trouble()


def test_wrong_money_moves_on_too(payer: Payer, user: Any) -> None:
    payer.pay()
    payer.window.locator("#close").wait_for()
    txn = PointTransaction.objects.get()
    remote_control(payer.site)(
        "pay",
        merchant_uid=txn.merchant_uid,
        outcome="paid",
        pay_method="card",
        amount=9_000,
        webhook=False,
    )
    payer.page.wait_for_selector(".outcome.returned")
    assert points(user) == (1, 0)
    payer.no_trouble(expected="409")


def test_the_gateway_is_asked_after_10_20_40_s_and_then_each_minute(
    payer: Payer, asked: list[str]
) -> None:
    payer.pay()
    payer.window.locator("#close").wait_for()
    until_asked(payer, asked, 33)  # 165 s
    own = "?ask=0"
    assert [5 * number for number, query in enumerate(asked[:33], 1) if query != own] == [
        10,
        20,
        40,
        100,
        160,
    ]
    assert set(asked) == {own, ""}


def test_a_refusal_does_not_take_the_window_away(payer: Payer, user: Any, asked: list[str]) -> None:
    """In the same window the payer may take another card."""
    payer.pay()
    payer.window.locator("#close").wait_for()
    control, opened = remote_control(payer.site), Payment.objects.using("sandbox").get()
    control(f"payments/{opened.imp_uid}/decline")
    PointTransaction.objects.sync(opened.imp_uid)
    assert PointTransaction.objects.get().status == "failed"
    until_asked(payer, asked, len(asked) + 5)
    payer.sees(texts(payer.language)["window_open"])
    assert payer.page.is_visible("[role=dialog] iframe")
    # Another card.
    control(
        "pay", merchant_uid=opened.merchant_uid, outcome="paid", pay_method="card", webhook=False
    )
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble()


def test_nothing_is_asked_while_the_tab_is_hidden_and_at_once_when_it_is_seen_again(
    payer: Payer, user: Any, asked: list[str]
) -> None:
    payer.pay()
    payer.window.locator("#close").wait_for()
    until_asked(payer, asked, 1)
    payer.page.evaluate(HIDE, True)
    payer.page.wait_for_timeout(300)
    before = len(asked)
    payer.page.wait_for_timeout(1500)  # a minute of the page's time
    assert len(asked) == before
    txn = PointTransaction.objects.get()
    remote_control(payer.site)(
        "pay", merchant_uid=txn.merchant_uid, outcome="paid", pay_method="card", webhook=False
    )
    payer.page.evaluate(HIDE, False)
    payer.page.wait_for_selector(".outcome.paid")
    assert asked[before] == ""  # the gateway: an app may have come back
    assert points(user) == (1, 10_000)


def test_the_window_that_answers_is_heard_once(payer: Payer, user: Any, asked: list[str]) -> None:
    """Nothing is asked any more once the window has told, while its answer is being checked or
    after a refusal.
    """
    # The connection of the questions is lost, the window's is not.
    payer.page.route("**/status/**", refuse)
    payer.pay()
    payer.do("decline")
    payer.page.wait_for_selector("#notice:not([hidden])")
    before = len(asked)
    payer.page.wait_for_timeout(800)
    assert len(asked) == before
    assert points(user) == (1, 0)


# -- a refund --------------------------------------------------------------------------------------


def test_a_refund_that_is_done_later_is_said_to_be_done(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    gallery = Gallery(remote_control(site), user)
    txn = gallery.paid(15_000)
    gallery.control("faults", path="payments/cancel", cancel_later_s=20, times=1)
    payer = visit(language="en", hurry=True)
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.page.click("#refund-open")
    payer.page.click("#refund-go")
    payer.page.wait_for_selector(".outcome.cancelling")
    assert payer.page.inner_text(".outcome .hero").split() == ["15,000won"]
    gallery.control("clock", advance_s=60)
    payer.page.wait_for_selector(".outcome.cancelled")
    assert payer.page.inner_text(".outcome .hero").split() == ["15,000won"]
    assert PointCancellation.objects.get().state == "done"
    assert balance() == 0
    payer.no_trouble()


def test_an_unknown_refund_is_looked_after_and_can_be_asked_about(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    """Not done at the gateway, so that asking tells nothing new; once it is, the button shows it
    before the page would ask by itself.
    """
    gallery = Gallery(remote_control(site), user)
    txn = gallery.cancel_unknown()
    payer = visit(language="en")
    payer.enter(user)
    assert "checking your refund of 10,000 won" in payer.page.inner_text(".recent")
    payer.accessible()
    payer.page.click(".recent")
    payer.page.wait_for_selector(".outcome.cancelling")
    payer.accessible()
    payer.page.click("#check-again")
    payer.until(
        "words => document.getElementById('check-again').textContent === words",
        payment_words()["no_news"],
    )
    assert payer.page.inner_text("#news") == payment_words()["no_news"]
    payer.accessible()
    payer.until(
        "() => document.getElementById('check-again').getAttribute('aria-disabled') === null"
    )
    payer.page.evaluate("window.setTimeout = () => 0")  # the page asks no more by itself
    payer.page.wait_for_timeout(100)
    gallery.control(f"payments/{txn.imp_uid}/cancel")
    cache.clear()  # 5 seconds later
    payer.page.click("#check-again")
    payer.page.wait_for_selector(".outcome.cancelled")
    assert payer.focus == "outcome-title"
    assert "10,000" in payer.page.inner_text("#news")
    assert PointCancellation.objects.get().state == "done"
    payer.no_trouble()


def test_an_unknown_refund_mends_itself_while_its_page_is_open(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    """The gateway made it, its answer was lost, and no webhook tells."""
    gallery = Gallery(remote_control(site), user)
    txn = gallery.paid()
    gallery.control("faults", http=503, effect=True, times=1, path="payments/cancel")
    gallery.cancel(txn)
    assert PointCancellation.objects.get().state == "unknown"
    payer = visit(language="en", hurry=True)
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.page.wait_for_selector(".outcome.cancelled")
    assert PointCancellation.objects.get().state == "done"
    payer.no_trouble()
