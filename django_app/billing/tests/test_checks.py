"""Mistakes in the settings, with stable ids."""

import pytest
from django.db import connections

from billing.checks import database_routers, deployment, isolation, product_settings


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("BILLING_MIN_AMOUNT", 0, "billing.E001"),
        ("BILLING_MIN_AMOUNT", 1_050, "billing.E001"),
        ("BILLING_MAX_AMOUNT", 500, "billing.E001"),
        ("BILLING_MAX_AMOUNT", "1000000", "billing.E001"),
        ("BILLING_PRESETS", [5_000, 2_000_000], "billing.E002"),
        ("BILLING_PRESETS", ["5000"], "billing.E002"),
        ("BILLING_METHODS", [], "billing.E003"),
        ("BILLING_BUYER", "billing.web.buyer.nobody", "billing.E004"),
        ("BILLING_WEBHOOK_ADDRESSES", ["52.78.100.19", "52.78.48.22x"], "billing.E005"),
        ("BILLING_WEBHOOK_ADDRESSES", ["52.78.100.19/16"], "billing.E005"),
        ("BILLING_WEBHOOK_ADDRESSES", "52.78.100.19", "billing.E005"),
        ("BILLING_WEBHOOK_ADDRESSES", [0], "billing.E005"),
        ("IAMPORT_CHANNELS", {"crad": "channel-key-1"}, "billing.W004"),
    ],
)
def test_a_mistake_is_found(settings, name, value, found):
    assert product_settings(None) == []
    setattr(settings, name, value)
    [message] = product_settings(None)
    assert message.id == found
    assert message.hint


def test_what_a_live_server_should_not_have(settings):
    assert [message.id for message in deployment(None)] == ["billing.W001", "billing.W005"]
    settings.ALLOWED_HOSTS = ["points.example"]
    settings.IAMPORT_MODE, settings.BILLING_ACCEPT_TEST_CHANNEL = "live", True
    assert [message.id for message in deployment(None)] == ["billing.W002", "billing.W003"]
    settings.BILLING_ACCEPT_TEST_CHANNEL, settings.IAMPORT_API_URL = (
        False,
        "https://api.iamport.kr/",
    )
    assert deployment(None) == []


class Routes:
    """reads, writes: aliases by model name; what is not named has no opinion."""

    reads: dict = {}
    writes: dict = {}
    related = True

    def db_for_read(self, model, **hints):
        return self.reads.get(model.__name__)

    def db_for_write(self, model, **hints):
        return self.writes.get(model.__name__)

    def allow_relation(self, obj1, obj2, **hints):
        return self.related


@pytest.mark.parametrize(
    ("routes", "found"),
    [
        ({}, []),
        ({"writes": {"PointEntry": "ledger"}}, ["billing.E010"]),
        ({"writes": {"WebhookEvent": "events"}}, ["billing.E010"]),
        ({"reads": {"PointTransaction": "replica"}}, ["billing.W010"]),
        ({"reads": {"User": "replica"}, "related": None}, ["billing.E011"]),
        (
            {"reads": {"User": "replica", "Point": "replica"}, "related": False},
            ["billing.W010", "billing.E011"],
        ),
    ],
)
def test_what_database_routers_must_do(settings, routes, found):
    settings.DATABASE_ROUTERS = [type("Router", (Routes,), routes)()]
    messages = database_routers(None)
    assert [message.id for message in messages] == found
    assert all(message.hint for message in messages)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, []),
        ({"isolation_level": 2}, []),
        ({"isolation_level": 3}, ["billing.W011"]),
        ({"isolation_level": 4}, ["billing.W011"]),
        ({"options": "-c statement_timeout=5000"}, []),
        ({"options": "-c default_transaction_isolation=read\\ committed"}, []),
        ({"options": "-c default_transaction_isolation=serializable"}, ["billing.W011"]),
        ({"options": "-c default_transaction_isolation='repeatable read'"}, ["billing.W011"]),
    ],
)
def test_money_assumes_read_committed(monkeypatch, options, found):
    monkeypatch.setitem(
        connections.settings,
        "default",
        {"ENGINE": "django.db.backends.postgresql", "OPTIONS": options},
    )
    assert [message.id for message in isolation(None)] == found
