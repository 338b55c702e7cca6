"""No text on any page is left in the other language."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import PointTransaction
from billing.testing import SandboxGateway
from billing.tests.support.gallery import states
from billing.tests.support.words import strangers

pytest.importorskip("babel", reason="requirements-dev.txt")

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

LANGUAGES = ["ko", "en"]
OPEN = [
    "login",
    "signup",
    "password_reset",
    "password_reset_done",
    "password_reset_complete",
    "billing:terms",
]
OWN = ["billing:charge", "billing:payments", "password_change", "password_change_done"]


def reader(language: str, user: Any = None) -> Client:
    client = Client(headers={"Accept-Language": language})
    if user:
        client.force_login(user)
    return client


def test_every_page_speaks_one_language(gateway: SandboxGateway, user: Any) -> None:
    user.email = "payer@example.com"
    user.save()
    empty = {language: pages_of_a_newcomer(user, language) for language in LANGUAGES}
    made = states(gateway.control, user)
    for language in LANGUAGES:
        pages = empty[language] | pages_of_a_member(user, language, made)
        assert {
            name: page.status_code
            for name, page in pages.items()
            if page.status_code not in (200, 404)
        } == {}
        found = {
            name: strangers(page.content.decode(), language, allow=[user.username, user.email])
            for name, page in pages.items()
        }
        assert {name: words for name, words in found.items() if words} == {}


def pages_of_a_newcomer(user: Any, language: str) -> dict[str, Any]:
    """Everything that can be seen before the first payment."""
    own, nobody = reader(language, user), reader(language)
    pages = {name: (own if name in OWN else nobody).get(reverse(name)) for name in [*OPEN, *OWN]}
    pages["empty charge page, filled in"] = own.get(
        f"{reverse('billing:charge')}?amount=30000&pay_method=vbank"
    )
    pages["login that failed"] = nobody.post(reverse("login"), {"username": "x", "password": "y"})
    pages["signup that failed"] = nobody.post(
        reverse("signup"), {"username": "", "password1": "a", "password2": "b"}
    )
    pages["404"] = nobody.get("/nothing-here/")
    return pages


def pages_of_a_member(
    user: Any, language: str, made: dict[str, PointTransaction]
) -> dict[str, Any]:
    """Payments in every state, and the pages that list them."""
    own = reader(language, user)
    pages = {
        name: own.get(reverse("billing:payment", args=[txn.merchant_uid]))
        for name, txn in made.items()
    }
    return pages | {
        f"{name}, busy": own.get(reverse(name)) for name in ("billing:charge", "billing:payments")
    }


def test_every_answer_to_scripts_speaks_one_language(gateway: SandboxGateway, user: Any) -> None:
    made = states(gateway.control, user)
    for language in LANGUAGES:
        said = {
            name: answer.json() for name, answer in answers_to_scripts(user, language, made).items()
        }
        for name, body in said.items():
            texts = [body.get("message", ""), body.get("error", {}).get("message", "")]
            texts += [text for of_field in body.get("fields", {}).values() for text in of_field]
            assert any(texts), name
            assert [word for text in texts for word in strangers(text, language)] == [], name


def answers_to_scripts(
    user: Any, language: str, made: dict[str, PointTransaction]
) -> dict[str, Any]:
    """What status, cancel, checkout and validation say."""
    own, nobody = reader(language, user), reader(language)
    answers = {
        name: own.get(reverse("billing:status", args=[txn.merchant_uid]))
        for name, txn in made.items()
    }
    answers |= {
        f"{name}, refund": own.post(reverse("billing:cancel", args=[txn.merchant_uid]))
        for name, txn in made.items()
    }
    answers["nothing sent"] = own.post(reverse("billing:checkout"))
    answers["all wrong"] = own.post(
        reverse("billing:checkout"),
        {"amount": "x", "pay_method": "x", "buyer_tel": "x", "agree": "no"},
    )
    answers["no ids"] = own.post(reverse("billing:validation"))
    answers["logged out"] = nobody.post(reverse("billing:checkout"))
    return answers


def test_strangers_are_found() -> None:
    """The finder finds: text, attributes, data for scripts; and leaves data and quotations
    alone.
    """
    page = (
        '<html lang="{0}"><title>{1}</title><input placeholder="{1}"><button '
        'aria-label="{1}">{1}</button><p lang="{2}">{1}</p>'
        '<b translate="no">{1}</b><script type="application/json">{{"texts": {{"a": "{1}"}}, '
        '"url": "{1}"}}</script></html>'
    )
    assert strangers(page.format("ko", "Pay", "en"), "ko") == ["Pay"] * 5
    assert strangers(page.format("en", "결제하기", "ko"), "en") == ["결제하기"] * 5
    assert strangers(page.format("ko", "결제하기 10,000P", "ko"), "ko") == []
    assert strangers(page.format("en", "Pay now", "en"), "en") == []
