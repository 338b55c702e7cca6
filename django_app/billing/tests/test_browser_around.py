"""What stands around the charge, in a real browser: the policy blocks nothing of ours, and history needs no JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.models import Point, PointEntry, PointTransaction
from billing.tests.browser import PHONE, Payer, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])]

WATCH = """document.addEventListener("securitypolicyviolation",
  (event) => window.blocked(`${location.pathname} ${event.effectiveDirective} ${event.blockedURI}`));"""


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
def visit(browser: Browser, site: str, make_user: Callable[..., Any]) -> Iterator[Callable[..., Payer]]:
    """visit(…) → the member "payer", who is staff too and not logged in yet."""
    visitors: list[Payer] = []
    make_user(is_staff=True, is_superuser=True)

    def make(**options: Any) -> Payer:
        visitors.append(Payer(browser, site, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()


def test_nothing_of_ours_is_blocked(visit: Callable[..., Payer], site: str) -> None:
    """A charge from login to history, the sandbox's pages and the admin: no violation of the policy, and no word on the console."""
    payer = visit(language="en")
    blocked: list[str] = []
    said: list[str] = []
    payer.context.expose_function("blocked", lambda text: blocked.append(text))
    payer.context.add_init_script(WATCH)
    payer.page.on("console", lambda message: said.append(f"{message.type}: {message.text} ({message.location})"))
    payer.log_in()
    payer.pay(10_000)
    payer.do("approve")
    payer.page.wait_for_url("**/billing/payments/*/")
    payer.page.get_by_text("10,000P").first.wait_for()
    merchant_uid = payer.page.url.rstrip("/").rpartition("/")[2]
    imp_uid = PointTransaction.objects.get(merchant_uid=merchant_uid).imp_uid
    for address in (
        "/billing/payments/",
        "/billing/entries/",
        "/accounts/password_change/",
        "/preview/",
        "/sandbox/",
        f"/sandbox/panel/payments/{imp_uid}/",
        f"/sandbox/pay/{imp_uid}/",
        "/admin/",
        f"/admin/billing/pointtransaction/{PointTransaction.objects.get().pk}/change/",
    ):
        answer = payer.page.goto(f"{site}{address}", wait_until="networkidle")
        assert answer is not None
        assert answer.status == 200, address
    assert blocked == []
    assert [line for line in said if not line.startswith("debug")] == []
    payer.no_trouble()
    # The same watch sees what a policy stops.
    payer.page.goto(f"{site}/billing/payments/")
    payer.page.evaluate("() => { const made = document.createElement('script'); made.textContent = '1'; document.head.append(made); }")
    payer.page.wait_for_timeout(100)
    assert blocked == ["/billing/payments/ script-src-elem inline"]


def test_history_needs_no_javascript(visit: Callable[..., Payer], site: str, tmp_path: Path) -> None:
    payer = visit(language="ko", size=PHONE, java_script_enabled=False)
    payer.log_in()
    member = Point.objects.create(user=get_user_model().objects.get())
    for number in range(45):
        PointEntry.objects.create(owner=member, kind="spend", key=str(number), delta=-1, memo=f"{number}번째")
    page = payer.page
    page.get_by_role("link", name="내역", exact=True).click()
    assert page.locator(".empty").count() == 1
    page.locator(".tabs a").nth(1).click()
    assert page.locator(".row").count() == 20
    page.locator("a[rel=next]").click()
    page.locator("a[rel=next]").click()
    assert page.locator(".row").count() == 5
    assert "0번째" in page.locator(".row").last.inner_text()
    page.select_option("#kind", "charge")
    page.select_option("#month", index=1)
    page.click(".filter button")
    assert re.search(r"kind=charge&month=20\d\d-\d\d$", page.url)
    assert page.locator(".totals dd").all_inner_texts() == ["+0P", "−45P"]
    page.locator(".empty a").click()
    with page.expect_download() as download:
        page.locator("a[download]").click()
    download.value.save_as(tmp_path / "file.csv")
    assert len((tmp_path / "file.csv").read_text("utf-8-sig").splitlines()) == 46
    payer.no_trouble()
