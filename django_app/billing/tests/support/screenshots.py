"""Pictures of the payer's pages for the READMEs: `make screenshots`. Not a test; pytest runs it
because it needs server and browser.

GALLERY=<folder> puts every state of every page there, in both themes, widths and languages, to be
looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from billing.tests.support.browser import DESK, PHONE, Payer
from billing.tests.support.gallery import Gallery, remote_control, states
from billing.web.history_query import Month
from config.preview import PAGES

# Pages around the charge, by the names of their pictures; some for who is not logged in yet.
DOORS = {"login": "/accounts/login/", "signup": "/accounts/signup/"}
AROUND = {
    "terms": "/billing/terms/",
    "history": "/billing/payments/",
    "history-month": "/billing/payments/?kind=refunded&month={month}",
    "entries": "/billing/entries/",
    **{f"error-{name}": f"/preview/{name}/" for name in PAGES},
}

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def whole(payer: Payer, path: Path) -> None:
    """The page from top to bottom, as on a phone that is tall enough: what sticks to the edge is at
    the end.
    """
    payer.page.evaluate("document.activeElement.blur()")
    size = payer.page.viewport_size
    assert size
    payer.page.set_viewport_size(
        {**size, "height": payer.page.evaluate("document.documentElement.scrollHeight")}
    )
    payer.page.screenshot(path=path)
    payer.page.set_viewport_size(size)


def test_pictures_for_the_readmes(browser: Any, site: str, user: Any) -> None:
    folder = django_settings.ROOT_DIR / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(remote_control(site), user)
    paid = gallery.paid(12_000)
    waiting = gallery.waiting()
    for language in ("ko", "en"):
        payer = Payer(
            browser,
            site,
            size=PHONE,
            language=language,
            color_scheme="light",
            device_scale_factor=1.5,
        )
        payer.enter(user)
        # The account of the next picture.
        payer.page.evaluate("document.querySelector('.recent')?.remove()")
        payer.choose(30_000)
        whole(payer, folder / f"charge.{language}.png")
        for name, txn in (("paid", paid), ("account", waiting)):
            payer.page.goto(f"{site}/billing/payments/{txn.merchant_uid}/")
            payer.until(
                "typeof document.querySelector('#copy, #refund-open').onclick === 'function'"
            )
            whole(payer, folder / f"{name}.{language}.png")
        payer.context.close()


@pytest.mark.skipif(not os.environ.get("GALLERY"), reason="GALLERY names no folder")
def test_gallery(browser: Any, site: str, user: Any) -> None:
    folder = Path(os.environ["GALLERY"])
    folder.mkdir(parents=True, exist_ok=True)
    made = states(remote_control(site), user)
    for width, size in (("phone", PHONE), ("desk", DESK)):
        for language in ("ko", "en"):
            for scheme in ("light", "dark"):
                look = f"{width}.{language}.{scheme}.png"
                payer = Payer(
                    browser,
                    site,
                    size=size,
                    language=language,
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                for name, address in DOORS.items():
                    payer.page.goto(f"{site}{address}")
                    whole(payer, folder / f"{name}.{look}")
                payer.enter(user)
                whole(payer, folder / f"charge.{look}")
                payer.choose(30_000, "vbank")
                whole(payer, folder / f"chosen.{look}")
                for name, txn in made.items():
                    payer.page.goto(f"{site}/billing/payments/{txn.merchant_uid}/")
                    whole(payer, folder / f"{name}.{look}")
                payer.page.goto(
                    f"{site}/billing/payments/{made['refundable_deposit'].merchant_uid}/"
                )
                payer.page.click("#refund-open")
                payer.page.screenshot(path=folder / f"refund.{look}")
                for name, address in AROUND.items():
                    payer.page.goto(f"{site}{address.format(month=Month.of(timezone.now()))}")
                    whole(payer, folder / f"{name}.{look}")
                payer.context.close()
