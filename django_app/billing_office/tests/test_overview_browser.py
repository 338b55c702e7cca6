"""The overview, the month's close and the exports in a real browser."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from openpyxl import load_workbook
from pytest_django.live_server_helper import LiveServer

from billing.models import PointTransaction
from billing.reports.closed_days import close_days
from billing.tests.support.browser import DESK, PHONE
from billing_office.tests.support.staff_browser import StaffBrowser
from config.management.bench_data import fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

CLOSE = "/admin/billing/dailyfigures/"
LIST = "/admin/billing/pointtransaction/"


@pytest.fixture
def life() -> None:
    """Two months of a service's life."""
    fill(400, days=60, seed=5, now=timezone.now())
    close_days()


def downloaded(staff: StaffBrowser, words: str) -> bytes:
    with staff.page.expect_download() as waiting:
        staff.page.locator(".bo").get_by_role("link", name=words, exact=True).click()
    return Path(waiting.value.path()).read_bytes()


@pytest.mark.parametrize(
    ("size", "scheme", "language"),
    [(DESK, "light", "ko"), (DESK, "dark", "en"), (PHONE, "light", "en"), (PHONE, "dark", "ko")],
)
def test_figures_can_be_read_by_everybody(
    browser: Browser,
    live_server: LiveServer,
    make_staff: Any,
    life: None,
    size: Any,
    scheme: str,
    language: str,
) -> None:
    staff = StaffBrowser(
        browser,
        live_server.url,
        make_staff("finance"),
        size=size,
        language=language,
        color_scheme=scheme,
    )
    staff.open("/admin/")
    staff.accessible()
    for summary in staff.page.locator(".bo summary").all():
        summary.click()
    assert staff.page.locator(".bo-numbers[open]").count() == 5
    staff.accessible()
    staff.open(CLOSE)
    staff.accessible()
    staff.no_trouble()
    staff.context.close()


def test_a_figure_is_followed_and_the_list_taken_along(
    browser: Browser, live_server: LiveServer, make_staff: Any, life: None
) -> None:
    PointTransaction.objects.update(review="")
    PointTransaction.objects.filter(status="failed").update(
        review="second_payment", card_name="=1+1"
    )
    number = PointTransaction.objects.filter(status="failed").count()
    staff = StaffBrowser(browser, live_server.url, make_staff("finance"))
    staff.open("/admin/")
    staff.press("Open reviews")
    rows = list(
        csv.DictReader(io.StringIO(downloaded(staff, "CSV").decode("utf-8-sig"), newline=""))
    )
    assert len(rows) == number
    assert {row["Status"] for row in rows} == {"Failed"}
    assert {row["Card"] for row in rows} == {"'=1+1"}
    head, *lines = load_workbook(io.BytesIO(downloaded(staff, "XLSX"))).active.iter_rows(
        values_only=True
    )
    assert [line[head.index("Amount (won)")] for line in lines] == [
        int(row["Amount (won)"]) for row in rows
    ]
    assert {line[head.index("Card")] for line in lines} == {"=1+1"}
    staff.no_trouble()
    staff.context.close()


def test_the_month_is_closed_and_adds_up(
    browser: Browser, live_server: LiveServer, make_staff: Any, life: None
) -> None:
    staff = StaffBrowser(browser, live_server.url, make_staff("finance"))
    staff.open("/admin/")
    staff.press("Month's close")
    with staff.page.expect_navigation():
        staff.page.locator(".bo a[rel=prev]").click()
    _head, *lines = load_workbook(io.BytesIO(downloaded(staff, "XLSX"))).active.iter_rows(
        values_only=True
    )
    owed = lines[0][1]
    for _day, opening, *moved, closing in lines[:-1]:
        assert opening == owed
        owed = opening + sum(moved)
        assert closing == owed
    together = lines[-1]
    assert (together[1], together[-1]) == (lines[0][1], owed)
    assert f"{owed:,}P" in staff.page.locator(".bo tfoot").inner_text()
    staff.no_trouble()
    staff.context.close()


def test_support_sees_no_figures(
    browser: Browser, live_server: LiveServer, make_staff: Any, life: None
) -> None:
    staff = StaffBrowser(browser, live_server.url, make_staff("support"))
    assert "outstanding" not in staff.open("/admin/")
    staff.open(LIST)
    assert not staff.page.get_by_role("link", name="XLSX").count()
    answer = staff.page.goto(f"{live_server.url}{CLOSE}")
    assert answer is not None
    assert answer.status == 403
    staff.context.close()
