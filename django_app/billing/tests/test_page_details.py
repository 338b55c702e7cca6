"""Small things of the pages that nothing else would miss: the receipt, the limits, the keypad, who
sells, how support is reached.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.testing import SandboxGateway
from billing.tests.support.gallery import Gallery

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

MERCHANT = {
    "name": "가나다 상점",
    "representative": "홍길동",
    "registration_number": "123-45-67890",
    "mail_order_number": "제2026-서울-0001호",
    "address": "서울특별시 중구 세종대로 110",
    "telephone": "02-120 0",
    "email": "shop@example.com",
    "hosting": "어느 회사",
    "privacy_url": "/privacy/",
}
LABELS = [
    "Shop",
    "Representative",
    "Business registration no.",
    "Mail-order business no.",
    "Address",
    "Telephone",
    "E-mail",
    "Hosting by",
]


@pytest.fixture
def payer(user: Any) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


def page(client: Client, address: str) -> str:
    """The page in one line, no space between or beside tags."""
    return re.sub(r"\s*([<>])\s*", r"\1", " ".join(client.get(address).content.decode().split()))


def test_a_paid_page_leads_to_the_receipt(
    payer: Client, gateway: SandboxGateway, user: Any
) -> None:
    gallery = Gallery(gateway.control, user)
    paid, waiting = gallery.paid(), gallery.waiting()
    link = f'href="{paid.receipt_url}" target="_blank" rel="noopener noreferrer">Open the receipt'
    assert paid.receipt_url
    assert link in page(payer, f"/billing/payments/{paid.merchant_uid}/")
    assert "Open the receipt" not in page(payer, f"/billing/payments/{waiting.merchant_uid}/")


def test_limits_are_said_before_and_the_keypad_has_digits(
    payer: Client, settings: Settings
) -> None:
    settings.BILLING_MIN_AMOUNT, settings.BILLING_MAX_AMOUNT, settings.BILLING_AMOUNT_STEP = (
        2_000,
        3_000_000,
        500,
    )
    text = page(payer, "/billing/charge/")
    assert '<p class="help" id="amount-help">2,000 to 3,000,000 won, in steps of 500</p>' in text
    [field] = re.findall(r'<input id="amount"[^>]*>', text)
    assert 'inputmode="numeric"' in field
    assert "amount-help" in re.findall(r'aria-describedby="([^"]*)"', field)[0].split()


@pytest.mark.parametrize("address", ["/accounts/login/", "/billing/charge/", "/nowhere/"])
def test_the_foot_says_who_sells(payer: Client, settings: Settings, address: str) -> None:
    settings.BILLING_MERCHANT = MERCHANT
    [foot] = re.findall(r'<dl class="merchant".*?</dl>', page(payer, address))
    shown = re.findall(r"<dt>([^<]*)</dt><dd[^>]*>(?:<a [^>]*>)?([^<]*)<", foot)
    assert shown == list(zip(LABELS, list(MERCHANT.values())[:-1], strict=True))
    assert 'href="tel:02-1200"' in foot
    assert '<a class="quiet" href="/privacy/">' in page(payer, address)


def test_what_the_merchant_does_not_say_is_not_shown(payer: Client, settings: Settings) -> None:
    settings.BILLING_MERCHANT = dict.fromkeys(MERCHANT, "") | {"name": "Shop"}
    [foot] = re.findall(r'<dl class="merchant".*?</dl>', page(payer, "/billing/charge/"))
    assert foot.count("<dt>") == 1
    settings.BILLING_MERCHANT = dict.fromkeys(MERCHANT, "")
    assert 'class="merchant"' not in page(payer, "/billing/charge/")


def test_words_that_stand_beside_each_other_are_apart(payer: Client) -> None:
    """Line breaks of templates do not go over the wire; the spaces that they were do."""
    whole = payer.get("/nowhere/").content.decode()
    [main] = re.findall(r"<main.*</main>", whole, re.DOTALL)
    assert "\n" not in main
    assert re.search(r"</a>\s+<a href=\"mailto:", main)


def test_support_is_promised_only_where_it_can_be_reached(
    payer: Client, settings: Settings
) -> None:
    settings.BILLING_MERCHANT = MERCHANT
    text = page(payer, "/nowhere/")
    assert "Our support is there for you" in text
    assert '<a href="tel:02-1200">02-120 0</a><a href="mailto:shop@example.com">' in text
    settings.BILLING_MERCHANT = dict.fromkeys(MERCHANT, "")
    assert "support" not in re.findall(r"<main.*</main>", page(payer, "/nowhere/"))[0]


def test_a_language_that_django_does_not_know(settings, client):
    """A project may have one of its own."""
    settings.LANGUAGES = [("ko", "Korean"), ("xx", "Klingon")]
    text = client.get("/billing/terms/").text
    assert "한국어" in text
    assert "Klingon" in text
