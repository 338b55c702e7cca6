"""Empty the tables after a test with real transactions, in a tenth of the time of Django's flush.

A flush truncates every table and then migrates again in small: types, permissions, groups,
triggers. Here only what holds rows is deleted, and what migrate made stays. Where a test changed
that too, it is a flush after all.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import Any

from django.core.management import call_command
from django.db import connections, transaction

from billing.db import triggers

MADE_BY_MIGRATE = (
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
    "billing_installation",
)

Contents = dict[str, list[tuple[Any, ...]]]
_as_migrated: dict[str, Contents] = {}


def remember(alias: str) -> None:
    """Note what migrate made on this database, once, before the first test changes it."""
    if alias not in _as_migrated:
        _as_migrated[alias] = _made_by_migrate(alias)


def empty(alias: str) -> None:
    """Leave this database as `remember` saw it."""
    if _made_by_migrate(alias) != _as_migrated.get(alias):
        triggers.drop_triggers(alias)
        call_command("flush", verbosity=0, interactive=False, database=alias, reset_sequences=False)
        _as_migrated[alias] = _made_by_migrate(alias)
        return
    filled = _filled(alias)
    entries = triggers.TABLE in filled
    with (
        transaction.atomic(using=alias),
        triggers.without_triggers(alias) if entries else nullcontext(),
        connections[alias].cursor() as cursor,
    ):
        for table in filled:
            # The foreign keys of Django are checked at the commit.
            cursor.execute(f"DELETE FROM {_quoted(alias, table)}")


def _filled(alias: str) -> list[str]:
    """Tables that hold rows, but for those that migrate filled: one statement."""
    tables = [table for table in _tables(alias) if table not in MADE_BY_MIGRATE]
    found = ", ".join(f"EXISTS (SELECT 1 FROM {_quoted(alias, table)})" for table in tables)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {found}")
        return [table for table, there in zip(tables, cursor.fetchone(), strict=True) if there]


def _made_by_migrate(alias: str) -> Contents:
    contents: Contents = {}
    with connections[alias].cursor() as cursor:
        for table in MADE_BY_MIGRATE:
            if table in _tables(alias):
                cursor.execute(f"SELECT * FROM {_quoted(alias, table)} ORDER BY 1")
                contents[table] = cursor.fetchall()
    return contents


@cache
def _tables(alias: str) -> list[str]:
    return connections[alias].introspection.django_table_names(
        only_existing=True, include_views=False
    )


def _quoted(alias: str, table: str) -> str:
    return connections[alias].ops.quote_name(table)
