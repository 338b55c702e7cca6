"""Mistakes in the settings, with stable ids."""

import pytest
from django.core.checks import run_checks
from django.db import connections

from billing.checks import (
    database_routers,
    deployment,
    isolation,
    product_settings,
    setting_types,
)
from billing.conf import all_settings


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
        ("BILLING_METHODS", [[]], "billing.E003"),
        ("BILLING_BUYER", "billing.web.buyer.nobody", "billing.E004"),
        ("BILLING_BUYER", "", "billing.E004"),
        ("BILLING_BUYER", "..", "billing.E004"),
        ("BILLING_BUYER", "billing.tests.support.broken.facts", "billing.E004"),
        ("BILLING_ANONYMIZE_USER", "members.nobody", "billing.E009"),
        ("BILLING_DOOR_SECONDS", 0, "billing.E022"),
        ("BILLING_VBANK_DAYS", -1, "billing.E022"),
        ("BILLING_SELF_CANCEL_DAYS", 10**30, "billing.E022"),
        ("IAMPORT_API_URL", "https://api.iamport.kr", "billing.E023"),
        ("PUBLIC_URL", "https://your.example/", "billing.E026"),
        ("PUBLIC_URL", "https://your.example/shop", "billing.E026"),
        ("PUBLIC_URL", "your.example", "billing.E026"),
        ("BILLING_NOTICE_URL", "/pay/points/webhook/", "billing.E027"),
        ("BILLING_NIGHTLY_COMMANDS", ["nightly"], "billing.E028"),
        ("BILLING_NIGHTLY_COMMANDS", ["no_such_command"], "billing.E028"),
        ("TRUSTED_PROXY_HEADERS", ["X-Forwarded-For"], "billing.W017"),
        ("IAMPORT_API_URL", "api.iamport.kr/", "billing.E023"),
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


ODD = [None, [], {}, "x", 0, object(), b"x", ("x",), [None], [[]], {"x"}, {"card": None}, 1.5, ".."]


@pytest.mark.parametrize("name", all_settings())
def test_no_value_breaks_check(settings, name):
    for value in ODD:
        setattr(settings, name, value)
        run_checks(include_deployment_checks=True)


@pytest.mark.parametrize("name", ["IAMPORT_KEY", "IAMPORT_SECRET", "IAMPORT_PG_API_KEY"])
def test_a_secret_is_not_printed(settings, name):
    """A comma too many is a slip that happens."""
    setattr(settings, name, ("TOP-SECRET",))
    [message] = [found for found in setting_types(None) if found.id == "billing.E006"]
    assert message.msg == f"{name} is a tuple, which is not a text."


def test_users_that_live_elsewhere(settings):
    """Their table is not made where the rows of money point to it."""
    settings.DATABASE_ROUTERS = ["billing.tests.test_checks.UsersElsewhere"]
    assert [message.id for message in database_routers(None)] == ["billing.E024"]


class UsersElsewhere:
    def allow_migrate(self, db, app_label, **hints):
        return False if app_label == "auth" else None


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
