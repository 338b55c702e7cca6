"""Pictures of the charge page for the READMEs: `make screenshots`. Not a test; pytest runs it because it needs server and browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.tests.browser import PHONE, Payer, chromium


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_charge_page(live_server: LiveServer, settings: Settings, user: Any) -> None:
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    folder = django_settings.ROOT_DIR / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for language in ("ko", "en"):
            payer = Payer(browser, live_server.url, size=PHONE, language=language, color_scheme="light", device_scale_factor=2)
            payer.log_in()
            if language == "ko":  # once, so that there are points to show
                payer.pay(12_000)
                payer.do("approve")
                payer.page.wait_for_selector(".outcome.paid")
                payer.page.goto(f"{live_server.url}/billing/charge/")
            payer.choose(30_000)
            payer.page.evaluate("document.activeElement.blur()")
            height = payer.page.evaluate("document.documentElement.scrollHeight")
            payer.page.set_viewport_size({"width": PHONE[0], "height": height})
            payer.page.screenshot(path=folder / f"charge.{language}.png")
            payer.context.close()
