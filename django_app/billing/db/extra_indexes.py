"""Indexes of ours on tables of other apps: members are looked up by e-mail, staff actions by the
row they concern.

Made on every post_migrate, not in a migration: the tables belong to others, the user model may be
the project's own, and SQLite drops an index that a table's own app does not know when it rebuilds
that table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models


def create_indexes(alias: str) -> None:
    """Make them on this database where their tables are. A second time: nothing changes."""
    connection = connections[alias]
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for name, model, columns in _wanted():
            if model._meta.db_table in tables:
                fields: list[Any] = [model._meta.get_field(column) for column in columns]
                listed = ", ".join(quote(field.column) for field in fields)
                cursor.execute(
                    f"CREATE INDEX IF NOT EXISTS {quote(name)} ON {quote(model._meta.db_table)} "
                    f"({listed})"
                )


def _wanted() -> Iterator[tuple[str, type[models.Model], tuple[str, ...]]]:
    users = get_user_model()
    try:
        email: Any = users._meta.get_field(users.get_email_field_name())
        if not (email.unique or email.db_index):
            yield "billing_user_by_email", users, (email.name,)
    except FieldDoesNotExist:
        pass
    if apps.is_installed("django.contrib.admin"):
        yield (
            "billing_staff_action_by_row",
            apps.get_model("admin", "LogEntry"),
            ("content_type", "object_id"),
        )
