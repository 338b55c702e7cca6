"""Pictures of the back office for its documentation: `make screenshots`. Not a test; pytest runs it
because it needs server and browser.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.models import PointCancellation, PointTransaction, WebhookEvent
from billing.reports.closed_days import close_days
from billing_office.tests.support.staff_browser import StaffBrowser
from config.management.bench_data import fill

rows = PointTransaction.objects
CHARGES = [
    ("minji", 30_000, "card", "paid"), ("seoyeon", 10_000, "trans", "paid"),
    ("jihoon", 50_000, "vbank", "vbank"),
    ("minji", 5_000, "card", "failed"), ("doyun", 100_000, "card", "paid"),
    ("seoyeon", 10_000, "phone", "paid"),
]  # fmt: skip


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_back_office(
    browser: Any, live_server: LiveServer, settings: Settings, make_user: Any
) -> None:
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    settings.UNFOLD = {**settings.UNFOLD, "ENVIRONMENT": None}  # no label that says "sandbox"

    def control(path: str, /, **body: Any) -> Any:
        answer = requests.post(f"{live_server.url}/sandbox/control/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    members = {
        name: make_user(name, email=f"{name}@example.com")
        for name in ("minji", "seoyeon", "jihoon", "doyun")
    }
    finance = make_user("hana", is_staff=True)
    finance.groups.add(Group.objects.get(name="billing: finance"))
    made = []
    for name, amount, method, outcome in CHARGES:
        txn = rows.start(user=members[name], amount=amount, pay_method=method)
        rows.sync(
            control(
                "pay",
                merchant_uid=txn.merchant_uid,
                pay_method=method,
                outcome=outcome,
                webhook=False,
            )["imp_uid"]
        )
        made.append(rows.get(pk=txn.pk))
    rows.cancel(made[0], reason="고객 변심", by=finance, amount=12_000)
    # At the console: a difference to show.
    control(f"payments/{made[4].imp_uid}/cancel", amount=20_000)
    wrong = rows.start(user=members["jihoon"], amount=30_000, pay_method="card")
    control(
        "pay",
        merchant_uid=wrong.merchant_uid,
        pay_method="card",
        outcome="paid",
        amount=3_000,
        webhook=False,
    )
    rows.sync_order(wrong.merchant_uid)

    folder = django_settings.ROOT_DIR / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for language in ("ko", "en"):
        staff = StaffBrowser(
            browser, live_server.url, finance, language=language, color_scheme="light"
        )
        case = f"/admin/billing/pointtransaction/{made[4].pk}"
        for name, path in {
            "list": "/admin/billing/pointtransaction/",
            "case": f"{case}/change/?ask=1",
        }.items():
            staff.open(path)
            staff.page.screenshot(path=folder / f"office-{name}.{language}.png")
        staff.open(f"/admin/billing/pointtransaction/{made[1].pk}/cancel/")
        staff.page.fill("#id_reason", "고객 변심" if language == "ko" else "changed their mind")
        with staff.page.expect_navigation():
            staff.page.locator(".bo-main").click()
        staff.page.screenshot(
            path=folder / f"office-cancel.{language}.png",
            clip={"x": 0, "y": 0, "width": 1280, "height": 520},
        )
        staff.context.close()


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_figures(browser: Any, live_server: LiveServer, settings: Settings, make_user: Any) -> None:
    settings.UNFOLD = {**settings.UNFOLD, "ENVIRONMENT": None}
    fill(2_000, days=60, seed=3, now=timezone.now())
    close_days()
    for open_ones, closed in (  # an ordinary day: little waits
        (rows.exclude(review=""), {"review": ""}),
        (PointCancellation.objects.filter(state="unknown"), {"state": "done"}),
        (WebhookEvent.objects.filter(outcome="pending"), {"outcome": "done"}),
    ):
        open_ones.filter(pk__gt=open_ones.order_by("pk")[1].pk).update(**closed)
    finance = make_user("hana", is_staff=True)
    finance.groups.add(Group.objects.get(name="billing: finance"))
    folder = django_settings.ROOT_DIR / "docs" / "images"
    last_month = timezone.localdate().replace(day=1) - timedelta(days=1)
    pages = {
        "overview": "/admin/",
        "close": f"/admin/billing/dailyfigures/?month={last_month:%Y-%m}",
    }
    for language in ("ko", "en"):
        staff = StaffBrowser(
            browser, live_server.url, finance, language=language, color_scheme="light"
        )
        for name, path in pages.items():
            staff.open(path)
            height = 1_240 if name == "overview" else 620
            staff.page.set_viewport_size({"width": 1_280, "height": height})
            staff.page.screenshot(path=folder / f"office-{name}.{language}.png")
        staff.context.close()
