"""Indexes of ours on tables of other apps: members are looked up by e-mail, staff actions by the
row they concern.

They are made by `manage.py billing_indexes` and by nothing else: the tables belong to others, and
may be long. Run it again after migrations of the user's own app: SQLite drops an index that a
table's own app does not know when it rebuilds that table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models


class ExtraIndex(NamedTuple):
    name: str
    table: str
    columns: tuple[str, ...]


def missing_indexes(alias: str) -> list[ExtraIndex]:
    """Those that this database could have and has not, an invalid one (a build that was stopped)
    included. Tables that are not there are left out.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        valid = _valid_names(alias, cursor)
    return [index for index in _wanted() if index.table in tables and index.name not in valid]


def create_index(alias: str, index: ExtraIndex) -> None:
    """Make one; on PostgreSQL concurrently, so that nobody waits for it. Not inside a transaction
    there. A second time: it is made anew only where it is missing or invalid.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        for statement in statements(alias, index):
            cursor.execute(statement)


def statements(alias: str, index: ExtraIndex) -> list[str]:
    """The SQL that makes it."""
    connection = connections[alias]
    name, table, *columns = map(
        connection.ops.quote_name, [index.name, index.table, *index.columns]
    )
    made = f"{name} ON {table} ({', '.join(columns)})"
    if connection.vendor != "postgresql":
        return [f"CREATE INDEX IF NOT EXISTS {made}"]
    # A build that was stopped leaves an invalid index of the name behind.
    return [
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {made}",
    ]


def _valid_names(alias: str, cursor: Any) -> set[str]:
    if connections[alias].vendor == "postgresql":
        cursor.execute(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indisvalid AND pg_table_is_visible(i.indrelid)"
        )
    else:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
    return {name for (name,) in cursor.fetchall()}


def _wanted() -> Iterator[ExtraIndex]:
    users = get_user_model()
    try:
        email: Any = users._meta.get_field(users.get_email_field_name())
        if not (email.unique or email.db_index):
            # Of a user made of another model, the column may stand in that one's table.
            yield _index("billing_user_by_email", email.model, email.name)
    except FieldDoesNotExist:
        pass
    if apps.is_installed("django.contrib.admin"):
        log_entry = apps.get_model("admin", "LogEntry")
        yield _index("billing_staff_action_by_row", log_entry, "content_type", "object_id")


def _index(name: str, model: type[models.Model], *fields: str) -> ExtraIndex:
    columns = [str(model._meta.get_field(field).column) for field in fields]  # type: ignore[union-attr]
    return ExtraIndex(name, model._meta.db_table, tuple(columns))
