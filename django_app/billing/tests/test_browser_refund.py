"""The member's own refund in a real browser: what is said before, while, and after; and that it
happens once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.utils.translation import override

from billing.models import Point, PointCancellation, PointTransaction
from billing.tests.support.browser import LOOKS, Payer
from billing.tests.support.gallery import Gallery, remote_control
from billing.tests.test_browser import refuse
from billing.web.js_messages import payment_texts

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

OPEN = "#refund[open]"


@pytest.fixture
def gallery(site: str, user: Any) -> Gallery:
    return Gallery(remote_control(site), user)


@pytest.fixture
def opened(visit: Callable[..., Payer], user: Any) -> Callable[..., Payer]:
    """opened(txn, …) → its page, with the refund's step open."""

    def make(txn: PointTransaction, **options: Any) -> Payer:
        payer = visit(**{"language": "en", "hurry": True, **options})
        payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
        payer.page.click("#refund-open")
        payer.page.wait_for_selector(OPEN)
        return payer

    return make


def balance() -> int:
    return Point.objects.get().balance


def texts() -> dict[str, str]:
    with override("en"):
        return payment_texts()


@pytest.mark.parametrize("look", LOOKS)
def test_refund_of_a_card(opened: Callable[..., Payer], gallery: Gallery, look: Any) -> None:
    size, language = look
    txn = gallery.paid()
    payer = opened(txn, size=size, language=language, reduced_motion="reduce")
    assert "10,000" in payer.page.inner_text("#refund-label")
    assert "0P" in payer.page.inner_text("#refund .facts")
    payer.accessible()
    payer.page.dblclick("#refund-go")
    payer.page.wait_for_selector(".outcome.cancelled")
    assert payer.page.locator(OPEN).count() == 0
    assert payer.focus == "outcome-title"
    assert "10,000" in payer.page.inner_text("#news")
    assert balance() == 0
    assert [one.state for one in PointCancellation.objects.all()] == ["done"]
    payer.no_trouble()


@pytest.mark.thorough
def test_changing_ones_mind(opened: Callable[..., Payer], gallery: Gallery) -> None:
    payer = opened(gallery.paid())
    assert payer.focus == "refund-title"
    payer.page.keyboard.press("Escape")
    payer.page.wait_for_selector(OPEN, state="detached")
    assert payer.focus == "refund-open"  # where it came from
    payer.page.keyboard.press("Enter")
    payer.page.click("#refund-close")
    assert payer.focus == "refund-open"
    assert payer.posts == []
    assert balance() == 10_000


@pytest.mark.thorough
def test_refund_of_a_deposit_asks_for_an_account(
    opened: Callable[..., Payer], gallery: Gallery
) -> None:
    txn = gallery.deposited()
    gallery.control("faults", cancel_later_s=86_400, times=1, path="payments/cancel")
    payer = opened(txn)
    payer.page.click("#refund-go")
    payer.page.wait_for_selector("#refund_account[aria-invalid]")
    assert payer.focus == "refund_bank"  # nobody's bank is chosen for them, not even the only one
    assert payer.page.inner_text("#refund_bank-error")
    assert "Is your bank not in the list?" in payer.page.inner_text("#refund")
    assert payer.page.inner_text("#refund_holder-error")
    payer.accessible()
    payer.page.select_option("#refund_bank", "88")
    payer.page.fill("#refund_account", "110-123-456789")
    payer.page.fill("#refund_holder", "홍길동")
    payer.page.click("#refund-go")
    payer.page.wait_for_selector(".outcome.cancelling")
    assert "accepted" in payer.page.inner_text(".outcome")
    assert balance() == 0
    payer.no_trouble(expected="400")


@pytest.mark.thorough
def test_what_is_typed_stays_while_the_payment_changes(
    opened: Callable[..., Payer], gallery: Gallery
) -> None:
    """The step is not taken away from under the payer; the page is renewed when it closes."""
    txn = gallery.deposited()
    payer = opened(txn)
    payer.page.fill("#refund_account", "110-123-456789")
    requests.post(
        f"{payer.site}/sandbox/control/payments/{txn.imp_uid}/cancel",
        json={"amount": 4_000},
        timeout=10,
    ).raise_for_status()
    PointTransaction.objects.sync(str(txn.imp_uid))
    with payer.page.expect_response(lambda answer: answer.url.endswith(f"/{txn.merchant_uid}/")):
        payer.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    payer.page.wait_for_timeout(200)
    assert payer.page.input_value("#refund_account") == "110-123-456789"
    assert payer.page.locator(OPEN).count() == 1
    payer.page.click("#refund-close")
    payer.page.wait_for_selector(".outcome.part_cancelled")
    payer.no_trouble()


@pytest.mark.thorough
def test_a_step_that_is_gone_when_its_answer_comes(
    opened: Callable[..., Payer], gallery: Gallery
) -> None:
    """Chromium lets a second Escape close any dialog. The page tells the truth then, and nothing
    fails.
    """
    payer = opened(gallery.paid())

    def late(route: Any) -> None:
        payer.page.evaluate("document.getElementById('refund').close()")
        payer.page.evaluate(
            "document.getElementById('payment').replaceWith(document.getElementById('payment').cloneNode(true))"
        )
        route.abort("connectionfailed")

    payer.page.route("**/cancel/", late)
    payer.page.click("#refund-go")
    payer.page.wait_for_timeout(1500)
    assert not payer.page.is_visible("#refund")
    payer.page.unroute("**/cancel/")
    payer.page.click("#refund-open")
    payer.page.click("#refund-go")
    payer.page.wait_for_selector(".outcome.cancelled")
    payer.no_trouble(expected="ERR_CONNECTION_FAILED")


def test_unknown_is_said_to_be_unknown(opened: Callable[..., Payer], gallery: Gallery) -> None:
    txn = gallery.paid()
    gallery.control("faults", drop=True, times=2, path="payments/cancel")
    payer = opened(txn)
    payer.page.click("#refund-go")
    payer.page.wait_for_selector(".outcome.cancelling")
    assert "We are checking your refund" in payer.page.inner_text(".outcome")
    assert payer.page.locator("#refund-open").count() == 0  # not to be asked for again
    payer.no_trouble()


@pytest.mark.thorough
def test_refusal_is_quoted_and_the_points_stay(
    opened: Callable[..., Payer], gallery: Gallery
) -> None:
    txn = gallery.paid()
    gallery.control(
        "faults",
        code=1,
        message="결제취소에 실패하였습니다.(카드사 점검 중)",
        times=1,
        path="payments/cancel",
    )
    payer = opened(txn)
    payer.page.click("#refund-go")
    payer.page.wait_for_selector("#refund-notice:not([hidden])")
    assert "카드사 점검 중" in payer.page.inner_text("#refund-notice")
    assert payer.focus == "refund-close"
    payer.accessible()
    payer.page.click("#refund-close")
    payer.page.wait_for_selector("#payment .notice.warn")
    assert "카드사 점검 중" in payer.page.inner_text("#payment .notice.warn")
    assert balance() == 10_000
    payer.no_trouble(expected="409")


@pytest.mark.thorough
def test_points_that_were_spent_meanwhile(
    opened: Callable[..., Payer], gallery: Gallery, user: Any
) -> None:
    payer = opened(gallery.paid())
    Point.objects.spend(user=user, amount=4_000, idempotency_key="coffee")
    payer.page.click("#refund-go")
    payer.page.wait_for_selector("#refund-notice:not([hidden])")
    assert "4,000P" in payer.page.inner_text("#refund-notice")
    payer.page.click("#refund-close")
    payer.until("!document.getElementById('refund')")  # the page has learnt it too
    assert "4,000P" in payer.page.inner_text("#payment")
    assert balance() == 6_000
    payer.no_trouble(expected="409")


@pytest.mark.thorough
def test_connection_lost_after_the_refund_began(
    opened: Callable[..., Payer], gallery: Gallery, site: str
) -> None:
    """The answer is lost, the refund is not: the page finds out, and asks for no second one."""
    payer = opened(gallery.paid())

    def lose(route: Any) -> None:
        route.fetch()
        route.abort("connectionfailed")

    payer.page.route("**/cancel/", lose)
    payer.page.click("#refund-go")
    payer.page.wait_for_selector(".outcome.cancelled")
    assert payer.posts.count(payer.posts[0]) == 1
    assert balance() == 0
    payer.no_trouble(expected="ERR_CONNECTION_FAILED")


@pytest.mark.thorough
def test_connection_lost_before_the_refund_began(
    opened: Callable[..., Payer], gallery: Gallery
) -> None:
    payer = opened(gallery.paid())
    payer.page.route("**/cancel/", refuse)
    payer.page.click("#refund-go")
    payer.until(
        f"document.getElementById('refund-label').textContent === '{texts()['refund_checking']}'"
    )
    payer.page.keyboard.press("Escape")  # not now
    assert payer.page.locator(OPEN).count() == 1
    payer.page.wait_for_selector("#refund-notice:not([hidden])")
    assert payer.page.inner_text("#refund-notice-text") == texts()["refund_not_begun"]
    payer.page.unroute("**/cancel/")
    payer.page.click("#refund-go")
    payer.page.wait_for_selector(".outcome.cancelled")
    assert balance() == 0


@pytest.mark.thorough
def test_a_session_that_ended_is_no_refund(opened: Callable[..., Payer], gallery: Gallery) -> None:
    payer = opened(gallery.paid())
    payer.context.clear_cookies(name="sessionid")
    payer.page.click("#refund-go")
    payer.page.wait_for_url("**/accounts/login/**")
    payer.log_in_here()
    payer.page.wait_for_selector(".outcome.paid")
    assert balance() == 10_000


@pytest.mark.thorough
def test_a_console_cancel_shows_on_a_page_left_open(
    visit: Callable[..., Payer], gallery: Gallery, user: Any
) -> None:
    txn = gallery.paid()
    payer = visit(language="en")
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    requests.post(
        f"{payer.site}/sandbox/control/payments/{txn.imp_uid}/cancel",
        json={"amount": 4_000},
        timeout=10,
    ).raise_for_status()
    PointTransaction.objects.sync(str(txn.imp_uid))
    payer.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    payer.page.wait_for_selector(".outcome.part_cancelled")
    payer.no_trouble()
