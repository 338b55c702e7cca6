"""Mistakes in the settings, found by `manage.py check`. They do not run under a server: what is
dangerous raises in the settings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections, router
from django.utils.module_loading import import_string

from billing.conf import conf
from billing.db.routing import write_alias
from billing.models import (
    DailyFigures,
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    ReconcileRun,
    UnmatchedPayment,
    WebhookEvent,
)
from billing.support.client_ip import parse_network
from billing.web.forms import pay_methods

BY_LAW = (
    "name",
    "representative",
    "registration_number",
    "mail_order_number",
    "address",
    "telephone",
    "email",
)
VENDOR_API = "https://api.iamport.kr/"
MONEY = (
    Point,
    PointTransaction,
    PointEntry,
    PointCancellation,
    WebhookEvent,
    UnmatchedPayment,
    ReconcileRun,
    DailyFigures,
)
READ_UNCOMMITTED, READ_COMMITTED = 1, 2  # psycopg.IsolationLevel; for PostgreSQL they are the same


@register("billing")
def product_settings(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Amounts, methods and hooks."""
    found: list[CheckMessage] = []
    lowest, highest, step = (
        conf.BILLING_MIN_AMOUNT,
        conf.BILLING_MAX_AMOUNT,
        conf.BILLING_AMOUNT_STEP,
    )
    numbers = all(type(value) is int and value > 0 for value in (lowest, highest, step))
    if not numbers or lowest > highest or lowest % step or highest % step:
        found.append(
            Error(
                "The amounts do not fit together.",
                hint=(
                    "0 < BILLING_MIN_AMOUNT ≤ BILLING_MAX_AMOUNT, both multiples of "
                    "BILLING_AMOUNT_STEP."
                ),
                id="billing.E001",
            )
        )
    elif any(
        type(value) is not int or not lowest <= value <= highest or value % step
        for value in conf.BILLING_PRESETS
    ):
        found.append(
            Error(
                "A preset cannot be charged.",
                hint="Every value of BILLING_PRESETS must be an amount within the limits.",
                id="billing.E002",
            )
        )
    if not pay_methods():
        found.append(
            Error(
                "No way to pay is offered.", hint='BILLING_METHODS = ["card", …]', id="billing.E003"
            )
        )
    try:
        import_string(conf.BILLING_BUYER)
    except ImportError:
        found.append(
            Error(
                "BILLING_BUYER names nothing that can be imported.",
                hint='BILLING_BUYER = "billing.web.buyer.facts"',
                id="billing.E004",
            )
        )
    unreadable = unreadable_senders(conf.BILLING_WEBHOOK_ADDRESSES)
    if unreadable:
        found.append(
            Error(
                f"BILLING_WEBHOOK_ADDRESSES holds {unreadable[0]}, which is no address: nobody can "
                "deliver from there.",
                hint='A list of addresses and networks: ["52.78.100.19", "52.78.48.0/24"].',
                id="billing.E005",
            )
        )
    unknown = sorted(set(conf.IAMPORT_CHANNELS) - {method for method, _name in pay_methods()})
    if unknown:
        found.append(
            Warning(
                f"A channel is configured for {unknown[0]!r}, which nobody can choose.",
                hint=(
                    "The keys of channels are values of BILLING_METHODS, or kakaopay, "
                    "naverpay, tosspay, payco."
                ),
                id="billing.W004",
            )
        )
    return found


@register("billing")
def database_routers(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Where routers send the tables of money: all to be written in one place, and read there by
    what decides.
    """
    found: list[CheckMessage] = []
    written = {model._meta.label: write_alias(model) for model in MONEY}
    if len(set(written.values())) > 1:
        where = ", ".join(f"{label} to {alias}" for label, alias in written.items())
        return [
            Error(
                f"The database routers write the tables of money to several databases: {where}.",
                hint=(
                    "One transaction covers one database: db_for_write must answer the same "
                    "alias for all models of `billing`."
                ),
                id="billing.E010",
            )
        ]
    home = write_alias(Point)
    elsewhere = sorted({alias for model in MONEY if (alias := router.db_for_read(model)) != home})
    if elsewhere:
        found.append(
            Warning(
                f"The database routers read the tables of money from {elsewhere[0]} and write "
                f"them to {home}.",
                hint=(
                    "Nothing is spent, credited or cancelled by what a replica says. But "
                    "lists and reports are as old as the replica."
                ),
                id="billing.W010",
            )
        )
    user, entry = get_user_model()(), PointEntry()
    user._state.db, entry._state.db = router.db_for_read(get_user_model()), home
    if not router.allow_relation(user, entry):
        found.append(
            Error(
                "The database routers refuse a relation between a user that was read from "
                f"{user._state.db} and money in {home}.",
                hint="Answer True in allow_relation for databases that hold the same data.",
                id="billing.E011",
            )
        )
    return found


@register("billing")
def isolation(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """PostgreSQL's isolation level: the rules of money are made for READ COMMITTED."""
    configured = connections.settings.get(write_alias(Point), {})
    options = configured.get("OPTIONS") or {}
    if not str(configured.get("ENGINE", "")).endswith("postgresql"):
        return []
    configured_level = re.search(
        r"default_transaction_isolation\s*=\s*['\"]?(\w+)", str(options.get("options", ""))
    )
    level = options.get("isolation_level") or (
        READ_COMMITTED
        if configured_level is None or configured_level[1].lower() == "read"
        else configured_level[1]
    )
    if level in (READ_UNCOMMITTED, READ_COMMITTED):
        return []
    return [
        Warning(
            "PostgreSQL runs at another isolation level than READ COMMITTED.",
            hint=(
                "Unset it: nothing is lost, but calls that meet at one member or payment "
                "fail with “could not serialize access”."
            ),
            id="billing.W011",
        )
    ]


def unreadable_senders(entries: Any) -> list[str]:
    """What of this setting is no address and no network."""
    if not isinstance(entries, list | tuple):
        return [repr(entries)]
    found = []
    for entry in entries:
        try:
            parse_network(entry)
        except ValueError:
            found.append(repr(entry))
    return found


@register(Tags.security, deploy=True)
def deployment(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """What should not be so on a live server."""
    found: list[CheckMessage] = []
    if conf.IAMPORT_MODE != "live":
        found.append(
            Warning(
                "This is sandbox mode: no real money.",
                hint="Set IAMPORT_MODE=live.",
                id="billing.W001",
            )
        )
    if not set(conf.django.ALLOWED_HOSTS) - {"localhost", "127.0.0.1", "[::1]", "testserver"}:
        found.append(
            Warning(
                "Only this machine is served.",
                hint="Set DJANGO_ALLOWED_HOSTS and PUBLIC_URL.",
                id="billing.W005",
            )
        )
    if conf.BILLING_ACCEPT_TEST_CHANNEL:
        found.append(
            Warning(
                "Test-channel payments are credited: points for play money.",
                hint="Unset BILLING_ACCEPT_TEST_CHANNEL.",
                id="billing.W002",
            )
        )
    if conf.IAMPORT_MODE == "live" and conf.IAMPORT_API_URL != VENDOR_API:
        found.append(
            Warning(
                "The gateway is not the vendor's.",
                hint=f"Unset IAMPORT_API_URL; the vendor's is {VENDOR_API}",
                id="billing.W003",
            )
        )
    missing = [key for key in BY_LAW if not conf.BILLING_MERCHANT.get(key)]
    if conf.IAMPORT_MODE == "live" and missing:
        found.append(
            Warning(
                f"The foot of the pages does not say who sells: {', '.join(missing)}.",
                hint="Set BILLING_MERCHANT: the law on electronic commerce asks for these details.",
                id="billing.W006",
            )
        )
    if conf.IAMPORT_MODE == "live" and conf.django.EMAIL_BACKEND.endswith(".dummy.EmailBackend"):
        found.append(
            Warning(
                "No mail is sent: nobody hears of payments or can choose a new password.",
                hint="Set DJANGO_EMAIL_HOST and DJANGO_EMAIL_FROM.",
                id="billing.W007",
            )
        )
    return found
