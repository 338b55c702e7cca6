"""A forgotten DJANGO_TRUSTED_PROXY is an error before going live and one warning in the log
afterwards.
"""

import logging

import pytest
from django.http import HttpResponse

from accounts.checks import trusted_proxy
from config.middleware import ForwardedHeaders


@pytest.fixture
def live(settings):
    settings.IAMPORT_MODE, settings.PUBLIC_URL, settings.TRUSTED_PROXY_HEADERS = (
        "live",
        "https://points.example",
        [],
    )
    settings.NO_PROXY, settings.BILLING_WEBHOOK_ADDRESSES = False, []
    return settings


def found(settings):
    return [message.id for message in trusted_proxy(None)]


def test_a_public_address_without_a_word_about_the_proxy_is_an_error(live):
    assert found(live) == ["accounts.E001"]


def test_a_host_name_without_public_url_is_public_too(live):
    live.PUBLIC_URL, live.ALLOWED_HOSTS = "", ["127.0.0.1", "points.example"]
    assert found(live) == ["accounts.E001"]
    live.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    assert found(live) == []


def test_a_proxy_that_is_trusted_for_all_but_the_client_is_a_warning(live):
    live.TRUSTED_PROXY_HEADERS = ["x-forwarded-proto", "x-forwarded-host"]
    [message] = trusted_proxy(None)
    assert (message.id, bool(message.hint)) == ("accounts.W001", True)
    live.TRUSTED_PROXY_HEADERS = ["x-forwarded-proto", "x-forwarded-for"]
    assert found(live) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_PROXY_HEADERS", ["x-forwarded-for"]),
        ("NO_PROXY", True),
        ("PUBLIC_URL", ""),
        ("IAMPORT_MODE", "sandbox"),
    ],
)
def test_what_was_said_is_no_error(live, name, value):
    setattr(live, name, value)
    assert found(live) == []


def test_senders_of_webhooks_need_the_clients_address(live):
    live.BILLING_WEBHOOK_ADDRESSES = ["52.78.100.19"]
    assert found(live) == ["accounts.E001", "accounts.E002"]
    live.TRUSTED_PROXY_HEADERS = ["x-forwarded-proto"]
    assert found(live) == ["accounts.W001", "accounts.E002"]
    live.TRUSTED_PROXY_HEADERS = ["x-forwarded-proto", "x-forwarded-for"]
    assert found(live) == []
    live.TRUSTED_PROXY_HEADERS, live.NO_PROXY = [], True
    assert found(live) == []


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.5", "172.17.0.1", ""])
def test_a_proxy_next_door_that_does_not_count_is_named_once(rf, settings, caplog, peer):
    settings.TRUSTED_PROXY_HEADERS = []
    middleware = ForwardedHeaders(lambda request: HttpResponse("ok"))
    with caplog.at_level(logging.WARNING, logger="config.middleware"):
        for _ in range(3):
            assert (
                middleware(
                    rf.get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": "203.0.113.1"})
                ).status_code
                == 200
            )
    assert len(caplog.records) == 1
    assert "Set DJANGO_TRUSTED_PROXY." in caplog.records[0].message


@pytest.mark.parametrize(
    ("peer", "headers", "trusted"),
    [
        ("127.0.0.1", {}, []),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.1"}, ["x-forwarded-for"]),
        ("8.8.8.8", {"X-Forwarded-For": "203.0.113.1"}, []),
        ("nonsense", {"X-Forwarded-For": "203.0.113.1"}, []),
    ],
)
def test_nothing_is_said_where_nothing_is_wrong(rf, settings, caplog, peer, headers, trusted):
    settings.TRUSTED_PROXY_HEADERS = trusted
    with caplog.at_level(logging.WARNING, logger="config.middleware"):
        ForwardedHeaders(lambda request: HttpResponse("ok"))(
            rf.get("/", REMOTE_ADDR=peer, headers=headers)
        )
    assert caplog.records == []
