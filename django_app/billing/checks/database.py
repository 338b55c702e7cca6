"""The database that money is in: one, with the locks that the rules need, and of this mode."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import DatabaseError, connections, router

from billing.checks.product import wrong_types
from billing.db.environment_stamp import WrongDatabase, require_mode
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
OLDEST_SQLITE = (3, 35)  # UPDATE … RETURNING
READ_UNCOMMITTED, READ_COMMITTED = 1, 2  # psycopg.IsolationLevel; for PostgreSQL they are the same


@register("billing")
def database_of_money(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Its engine and how it opens transactions; the mode that it was made for."""
    configured = connections.settings.get(write_alias(Point), {})
    engine = str(configured.get("ENGINE", ""))
    found: list[CheckMessage] = []
    if not engine.endswith((".postgresql", ".sqlite3", ".postgis", ".spatialite")):
        return [
            Error(
                f"{engine or 'No database'} holds money, and has not the locks and triggers that "
                "it needs.",
                hint="Use PostgreSQL, or SQLite on one machine.",
                id="billing.E012",
            )
        ]
    if engine.endswith((".sqlite3", ".spatialite")) and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        found.append(
            Error(
                f"SQLite is {sqlite3.sqlite_version}, which cannot return what it has written.",
                hint="SQLite 3.35 or newer (of 2021), or PostgreSQL.",
                id="billing.E029",
            )
        )
    if not configured.get("AUTOCOMMIT", True):
        found.append(
            Error(
                "AUTOCOMMIT is off for the database of money: what must stand before the gateway "
                "is asked would not be committed.",
                hint="Remove AUTOCOMMIT from DATABASES.",
                id="billing.E013",
            )
        )
    mode = (configured.get("OPTIONS") or {}).get("transaction_mode") or ""
    if engine.endswith((".sqlite3", ".spatialite")) and str(mode).upper() != "IMMEDIATE":
        found.append(
            Warning(
                "SQLite does not begin transactions with the lock of writing: where your own "
                "transaction reads and then spends, it may fail with “database is locked”.",
                hint='DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}',
                id="billing.W014",
            )
        )
    if apps.is_installed("billing") and "IAMPORT_MODE" not in wrong_types():
        found += _stamp()
    return found


def _stamp() -> list[CheckMessage]:
    try:
        require_mode()
    except WrongDatabase as error:
        return [
            Error(
                f"{str(error)[0].upper()}{str(error)[1:]}",
                hint=(
                    "To begin anew in this database: `migrate billing zero` in its own mode, then "
                    "`migrate billing` in the new one. All points and payments of it are dropped."
                ),
                id="billing.E014",
            )
        ]
    except (DatabaseError, RuntimeError):
        pass  # a database that does not answer, or that tests have closed: /readyz's matter
    return []


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
    if not router.allow_migrate_model(home, get_user_model()):
        found.append(
            Error(
                f"Money is written to {home}, where the database routers make no table of users: "
                "its rows name their member by a foreign key.",
                hint="Let the app of your users and `billing` live in one database.",
                id="billing.E024",
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
