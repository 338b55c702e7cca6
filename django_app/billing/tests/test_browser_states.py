"""The page of one payment in a real browser, in every state: accessible, steady, true without
scripts, and mended in place.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import PointTransaction
from billing.tests.support.browser import LOOKS, WATCH_SHIFTS, Payer
from billing.tests.support.gallery import STATES, Gallery, remote_control, states

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


@pytest.mark.parametrize("look", LOOKS)
def test_every_state_is_accessible_in_both_themes(
    visit: Callable[..., Payer], site: str, user: Any, look: Any
) -> None:
    size, language = look
    made = states(remote_control(site), user)
    payer = visit(size=size, language=language)
    payer.context.add_init_script(WATCH_SHIFTS)
    payer.enter(user)
    for name, txn in made.items():
        payer.page.goto(f"{site}/billing/payments/{txn.merchant_uid}/")
        assert payer.page.locator(f".outcome.{STATES[name]}").count() == 1, name
        for scheme in ("light", "dark"):
            payer.page.emulate_media(color_scheme=scheme)
            payer.accessible()
        assert payer.page.evaluate("window.shifts") == [], name
    payer.page.goto(f"{site}/billing/terms/")
    payer.accessible()
    payer.page.set_viewport_size({"width": 320, "height": 568})
    for name in ("waiting", "paid", "wrong_deposit"):
        payer.page.goto(f"{site}/billing/payments/{made[name].merchant_uid}/")
        payer.accessible()
    assert payer.said == []
    payer.no_trouble()


def test_an_account_is_copied_and_its_time_runs_out(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    txn = Gallery(remote_control(site), user).waiting()
    soon = timezone.now() + timedelta(seconds=3)
    PointTransaction.objects.filter(pk=txn.pk).update(vbank_date=soon, next_check_at=None)
    payer = visit(language="en", permissions=["clipboard-read", "clipboard-write"])
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.page.click("#copy")
    payer.until("document.getElementById('copy').textContent.includes('Copied')")
    assert payer.page.evaluate("navigator.clipboard.readText()") == txn.vbank_num
    assert "s left" in payer.page.inner_text("#left")
    payer.page.wait_for_selector(".outcome.expired")
    assert payer.page.locator("#account-number").count() == 0
    payer.no_trouble()


def test_copying_where_the_browser_has_no_clipboard(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    """As in browsers inside other apps: the number is selected and copied the old way."""
    txn = Gallery(remote_control(site), user).waiting()
    payer = visit(language="en")
    payer.context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined })"
    )
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.page.click("#copy")
    payer.until("/Copied|by hand/.test(document.getElementById('copy').textContent)")
    assert payer.page.evaluate("getSelection().toString().trim()") == txn.vbank_num


def test_the_page_works_without_scripts(visit: Callable[..., Payer], site: str, user: Any) -> None:
    gallery = Gallery(remote_control(site), user)
    waiting, paid = gallery.waiting(), gallery.paid()
    payer = visit(language="en", java_script_enabled=False)
    payer.enter(user, f"/billing/payments/{waiting.merchant_uid}/")
    assert payer.page.inner_text("#account-number") == waiting.vbank_num
    assert "left" in payer.page.inner_text("#left")
    assert not payer.page.is_visible("#copy")
    payer.page.goto(f"{site}/billing/payments/{paid.merchant_uid}/")
    assert not payer.page.is_visible("#refund-open")
    assert "JavaScript" in payer.page.inner_text("noscript p")


def test_a_session_that_ended_leads_back_to_the_page(
    visit: Callable[..., Payer], site: str, user: Any
) -> None:
    txn = Gallery(remote_control(site), user).checking()
    payer = visit(language="en", hurry=True)
    payer.enter(user, f"/billing/payments/{txn.merchant_uid}/")
    payer.context.clear_cookies(name="sessionid")
    payer.page.wait_for_url("**/accounts/login/**")
    payer.log_in_here()
    payer.page.wait_for_selector(".outcome.checking")
    payer.no_trouble(expected="401")
