"""Run by test_plugin.py in a project that is not this site: what the fixtures leave
alone, and how they say that something is wrong.
"""

from __future__ import annotations

import pytest
import requests
import responses
from django.core.cache import caches
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import get_urlconf, reverse
from django.utils import timezone, translation

from billing.conf import conf
from billing.errors import GatewayUnreachable
from billing.testing.route import SandboxFailed

# -- what is the project's stays the project's --


def test_its_mode_and_address_stay(gateway, settings):
    assert conf.IAMPORT_MODE == "live"
    assert conf.IAMPORT_API_URL == "https://api.iamport.kr/"
    assert conf.IAMPORT_KEY
    assert not hasattr(settings, "IAMPORT_KEY")


def test_another_address_is_answered_too(charge, settings):
    settings.IAMPORT_API_URL = "https://elsewhere.example/v1/"
    assert charge().status == "paid"


def test_the_sandbox_counts_for_nobody(charge, webhooks, django_capture_on_commit_callbacks):
    seen = []

    def watch(execute, sql, *rest):
        seen.append(sql)
        return execute(sql, *rest)

    with (
        CaptureQueriesContext(connection) as captured,
        connection.execute_wrapper(watch),
        django_capture_on_commit_callbacks() as waiting,
    ):
        charge(sync=False)
        webhooks()
        transaction.on_commit(seen.clear)
    statements = [query["sql"] for query in captured]
    assert len(statements) == len(seen)
    assert [sql for sql in statements if "sandbox_" in sql] == []
    # what the webhook's view did is the project's
    assert [sql for sql in statements if 'INSERT INTO "billing_webhookevent"' in sql]
    assert waiting[-1] == seen.clear
    assert [made.keywords["points"] for made in waiting[:-1]] == [10_000]  # billing's signal


def test_urls_language_and_zone_stay(charge, webhooks):
    with translation.override("ko"), timezone.override("Asia/Tokyo"):
        charge()
        webhooks()
        assert translation.get_language() == "ko"
        assert timezone.get_current_timezone_name() == "Asia/Tokyo"
    assert get_urlconf() is None
    assert reverse("billing:webhook") == "/pay/points/webhook/"


def test_its_cache_stays(member, request):
    caches["default"].set("of-the-project", 1)
    charge = request.getfixturevalue("charge")
    charge()
    assert caches["default"].get("of-the-project") == 1


def test_mail_comes_with_the_commit(
    charge, deposit, member, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        txn = charge(30_000, "vbank")
    assert [mail.to for mail in mailoutbox] == [[member.email]]
    with django_capture_on_commit_callbacks(execute=True):
        deposit(txn)
    assert len(mailoutbox) == 2


@pytest.mark.django_db(transaction=True)
def test_mail_is_there_at_once(charge, member, mailoutbox):
    with CaptureQueriesContext(connection) as captured:
        charge()
    assert [mail.to for mail in mailoutbox] == [[member.email]]
    assert [query["sql"] for query in captured if 'FROM "shop_member"' in query["sql"]] == []


def test_a_payer_in_the_browser(client, member, gateway):
    client.force_login(member)
    form = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}
    begun = client.post(reverse("billing:checkout"), form, secure=True)
    assert begun.status_code == 201, begun.content
    order = begun.json()["merchant_uid"]
    ids = {"imp_uid": gateway.pay(order), "merchant_uid": order}
    done = client.post(reverse("billing:validation"), ids, secure=True)
    assert (done.status_code, done.json()["balance"]) == (200, 10_000)


def test_many_members_with_the_same_number_are_not_throttled(client, member, gateway):
    client.force_login(member)
    form = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}
    answers = [
        client.post(reverse("billing:checkout"), form, secure=True).status_code for _ in range(21)
    ]
    assert answers == [201] * 20 + [429]


# -- no network --


def test_nothing_leaves_this_machine(gateway):
    with pytest.raises(requests.ConnectionError, match="would have left this machine") as refused:
        requests.get("https://shop.example/orders?token=secret", timeout=5)
    assert "GET https://shop.example/orders " in str(refused.value)
    assert "secret" not in str(refused.value)


def test_this_machine_can_be_reached(gateway, live_server):
    assert requests.get(f"{live_server.url}/nothing", timeout=5, allow_redirects=False).status_code


@responses.activate
def test_other_imitations_go_on(charge):
    responses.get("https://shop.example/stock", json={"left": 3})
    assert requests.get("https://shop.example/stock", timeout=5).json() == {"left": 3}
    assert charge().status == "paid"


# -- when something is wrong, it is said --


def test_what_the_webhooks_view_raises_is_raised_here(charge, webhooks, gateway, monkeypatch):
    def broken(*args, **kwargs):
        raise ValueError("a receiver of ours")

    charge(sync=False)
    charge(sync=False)
    monkeypatch.setattr("billing.web.webhook.intake.receive", broken)
    with pytest.raises(ValueError, match="a receiver of ours"):
        webhooks()
    charge(sync=False)
    with pytest.raises(ValueError, match="a receiver of ours"):
        gateway.deliver()


def test_a_stand_in_that_fails_is_no_gateway_that_is_silent(charge, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no such table")

    monkeypatch.setattr("billing_sandbox.engine.tokens.issue", broken)
    with pytest.raises(SandboxFailed, match="RuntimeError: no such table"):
        charge()


def test_silence_of_the_gateway_is_as_ever(charge, gateway):
    gateway.control("faults", drop=True, times=1, path="payments/prepare")
    with pytest.raises(GatewayUnreachable):
        charge()


def test_a_project_without_the_webhook_is_told(charge, webhooks, settings):
    charge()
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    with pytest.raises(AssertionError, match="this project has no webhook"):
        webhooks()
