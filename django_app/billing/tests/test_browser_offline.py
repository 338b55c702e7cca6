"""No connection at all, in a real browser: nothing that is shown gets lost, it is said, and the
page goes on by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.translation import override

from billing.models import PointTransaction
from billing.tests.support.browser import Payer
from billing.tests.support.gallery import Gallery, remote_control
from billing.tests.test_browser import points, texts
from billing.web.js_messages import payment_texts

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

# As when the browser shows a page that it kept.
COMES_BACK = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"


def offline_words() -> str:
    with override("en"):
        return payment_texts()["offline"]


def test_an_account_number_stays_without_a_connection(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    txn = Gallery(remote_control(site), user).waiting()
    payer = visit(language="en", hurry=True)
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.context.set_offline(True)
    payer.page.evaluate(COMES_BACK)
    payer.page.wait_for_selector("#lost:not([hidden])")
    assert payer.page.inner_text("#lost") == payer.page.inner_text("#news") == offline_words()
    assert payer.page.inner_text("#account-number") == txn.vbank_num
    payer.accessible()
    PointTransaction.objects.filter(pk=txn.pk).update(
        vbank_date=timezone.now() - timedelta(minutes=1), next_check_at=None
    )
    payer.context.set_offline(False)
    payer.page.wait_for_selector(".outcome.expired")
    assert not payer.page.is_visible("#lost")
    payer.no_trouble(expected="ERR_INTERNET_DISCONNECTED")


def test_a_countdown_that_ends_without_a_connection(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    txn = Gallery(remote_control(site), user).waiting()
    PointTransaction.objects.filter(pk=txn.pk).update(
        vbank_date=timezone.now() + timedelta(seconds=3), next_check_at=None
    )
    payer = visit(language="en")
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.context.set_offline(True)
    payer.page.wait_for_selector("#lost:not([hidden])")
    assert payer.page.inner_text("#account-number") == txn.vbank_num
    payer.context.set_offline(False)
    payer.page.wait_for_selector(".outcome.expired")


def test_a_server_that_does_not_answer_costs_nothing_that_is_shown(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    """Also where the payment is settled and nothing is asked any more: the page asks until it is
    answered.
    """
    txn = Gallery(remote_control(site), user).paid()
    payer = visit(language="en", hurry=True)
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.page.route(
        f"**/{txn.merchant_uid}/", lambda route: route.fulfill(status=503, body="closed")
    )
    payer.page.evaluate(COMES_BACK)
    payer.page.wait_for_selector("#lost:not([hidden])")
    assert payer.page.inner_text("#lost") != offline_words()  # the payer's own connection is well
    assert payer.page.inner_text("#payment-number") == txn.merchant_uid
    payer.page.unroute(f"**/{txn.merchant_uid}/")
    payer.page.wait_for_selector("#lost", state="hidden")


def test_connection_lost_while_we_verify(payer: Payer, user: Any) -> None:
    first: list[Any] = []

    def lose(route: Any) -> None:
        if first:
            route.abort("internetdisconnected")
        else:
            # Answered below: inside a handler nothing else may be asked of the browser.
            first.append(route)

    payer.page.route("**/billing/validation/", lose)
    payer.page.route("**/status/**", lambda route: route.abort("internetdisconnected"))
    payer.pay()
    payer.do("approve")
    for _ in range(300):
        if first:
            break
        payer.page.wait_for_timeout(50)
    payer.context.set_offline(True)
    first[0].abort("internetdisconnected")
    payer.until(
        "words => document.getElementById('progress-detail').textContent === words",
        texts(payer.language)["offline"],
    )
    assert points(user) == (1, 0)
    payer.page.unroute_all()
    payer.context.set_offline(False)
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble(expected="ERR_INTERNET_DISCONNECTED")
