"""What stands around the charge, in a real browser: the policy blocks nothing of ours, and history
needs no JavaScript.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.utils.http import urlsafe_base64_encode

from billing.models import Point, PointEntry, PointTransaction
from billing.tests.support.browser import ALL, DESK, PHONE, Payer
from billing.tests.support.gallery import Gallery, remote_control
from billing.tests.test_browser import refuse, texts
from billing_sandbox.models import Payment as SandboxPayment
from config.preview import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

WATCH = """document.addEventListener("securitypolicyviolation",
  (event) => window.blocked(`${location.pathname} ${event.effectiveDirective} ${event.blockedURI}`));"""


@pytest.fixture
def visit(
    browser: Browser, site: str, make_user: Callable[..., Any]
) -> Iterator[Callable[..., Payer]]:
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
    """A charge from login to history, the sandbox's pages and the admin: no violation of the
    policy, and no word on the console.
    """
    payer = visit(language="en")
    blocked: list[str] = []
    said: list[str] = []
    payer.context.expose_function("blocked", lambda text: blocked.append(text))
    payer.context.add_init_script(WATCH)
    payer.page.on(
        "console",
        lambda message: said.append(f"{message.type}: {message.text} ({message.location})"),
    )
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
    payer.page.evaluate(
        "() => { const made = document.createElement('script'); made.textContent = '1'; "
        "document.head.append(made); }"
    )
    payer.page.wait_for_timeout(100)
    assert blocked == ["/billing/payments/ script-src-elem inline"]


LANGUAGES = ("ko", "en") if ALL else ("en",)

OURS = (
    "/billing/payments/",
    "/billing/payments/?month=2020-01",
    "/billing/entries/",
    "/accounts/password_change/",
    "/accounts/password_change/done/",
    "/accounts/login/?next=/billing/charge/",
    *(f"/preview/{name}/" for name in PAGES),
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("size", "theme"), [(PHONE, "dark"), (DESK, "light")], ids=["phone-dark", "desk-light"]
)
def test_pages_around_are_accessible(
    visit: Callable[..., Payer], site: str, size: Any, theme: str, language: str
) -> None:
    payer = visit(language=language, size=size, color_scheme=theme)
    who = get_user_model().objects.get()
    link = f"/accounts/reset/{urlsafe_base64_encode(str(who.pk).encode())}/"
    resets = (
        "/accounts/password_reset/",
        "/accounts/password_reset/done/",
        "/accounts/reset/done/",
    )
    links = (f"{link}{default_token_generator.make_token(who)}/", f"{link}dead-link/")
    for address in ("/accounts/login/", "/accounts/signup/", *resets, *links):
        payer.page.goto(f"{site}{address}")
        assert payer.page.locator("[name=new_password1]").count() == (address == links[0])
        payer.accessible()
    payer.page.goto(f"{site}/accounts/signup/")
    payer.page.fill("[name=username]", "payer")
    payer.page.fill("[name=password1]", "1234")
    payer.page.fill("[name=password2]", "12345")
    payer.page.press("[name=password2]", "Enter")
    payer.page.locator(".errorlist").first.wait_for()
    payer.accessible()
    member = get_user_model().objects.get()
    account = Point.objects.create(user=member)
    txn = PointTransaction.objects.create(
        owner=account, merchant_uid="20261123-a", amount=1_000, pay_method="card", status="failed"
    )
    PointTransaction.objects.create(
        owner=account, merchant_uid="20261123-b", amount=1_000, pay_method="vbank", vbank_num="1"
    )
    PointEntry.objects.create(owner=account, kind="charge", txn=txn, version=1, delta=1_000)
    PointEntry.objects.create(
        owner=account, kind="spend", idempotency_key="k", delta=-1, memo="book"
    )
    payer.enter(member)
    for address in OURS:
        payer.page.goto(f"{site}{address}")
        payer.accessible()
    payer.no_trouble(expected="the server responded with a status of (400|403|404|429|500|503)")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("size", "theme"), [(PHONE, "dark"), (DESK, "light")], ids=["phone-dark", "desk-light"]
)
def test_the_way_through_the_window_is_accessible(
    visit: Callable[..., Payer], site: str, size: Any, theme: str, language: str
) -> None:
    """The charge page under the open window, and while it checks; the window is judged as a page of
    its own below.
    """
    payer = visit(language=language, size=size, color_scheme=theme, hurry=True)
    payer.enter(get_user_model().objects.get())
    for address in ("**/billing/validation/", "**/status/**"):
        payer.page.route(address, refuse)
    payer.pay()
    payer.window.locator("#close").wait_for()
    payer.sees(texts(language)["window_open"])
    payer.accessible()
    payer.do("approve")
    payer.sees(texts(language)["checking"])
    payer.accessible()
    payer.no_trouble(expected="ERR_CONNECTION_FAILED")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("size", "theme"), [(PHONE, "dark"), (DESK, "light")], ids=["phone-dark", "desk-light"]
)
def test_the_sandboxes_pages_are_accessible(
    visit: Callable[..., Payer], site: str, size: Any, theme: str, language: str
) -> None:
    payer = visit(language=language, size=size, color_scheme=theme)
    gallery = Gallery(remote_control(site), get_user_model().objects.get())
    paid = gallery.paid()
    gallery.declined()
    gallery.pay(gallery.attempt(), outcome="ready")
    windows = [
        f"/sandbox/pay/{imp_uid}/"
        for imp_uid in SandboxPayment.objects.values_list("imp_uid", flat=True)
    ]
    assert len(windows) == 3
    addresses = (*windows, "/sandbox/", f"/sandbox/panel/payments/{paid.imp_uid}/")
    for address in addresses:
        payer.page.goto(f"{site}{address}")
        payer.page.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        payer.accessible()
    payer.no_trouble(expected="the server responded with a status of (404|410)")


def test_history_needs_no_javascript(
    visit: Callable[..., Payer], site: str, tmp_path: Path
) -> None:
    payer = visit(language="ko", size=PHONE, java_script_enabled=False)
    payer.log_in()
    member = Point.objects.create(user=get_user_model().objects.get())
    for number in range(45):
        PointEntry.objects.create(
            owner=member, kind="spend", idempotency_key=str(number), delta=-1, memo=f"{number}번째"
        )
    page = payer.page
    page.get_by_role("link", name="내역", exact=True).click()
    assert page.locator(".empty").count() == 1
    page.locator(".tabs a").nth(1).click()
    assert page.locator(".entry").count() == 20
    page.locator("a[rel=next]").click()
    page.locator("a[rel=next]").click()
    assert page.locator(".entry").count() == 5
    assert "0번째" in page.locator(".entry").last.inner_text()
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
