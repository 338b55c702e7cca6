"""Database triggers that keep the ledger append-only, for whatever goes around the model: SQL, raw
deletes, other programs.

Made on every post_migrate, not in a migration: SQLite silently drops a table's triggers when a
later migration rebuilds the table. TRUNCATE is not guarded (only PostgreSQL has it; test suites
empty tables with it).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

TABLE = "billing_pointentry"
NAMES = {"UPDATE": "billing_pointentry_no_update", "DELETE": "billing_pointentry_no_delete"}
# SQLite's INSERT OR REPLACE deletes rows without telling the DELETE trigger.
_NO_REPLACE = "billing_pointentry_no_replace"
_TAKEN = (
    f"EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id "  # noqa: S608
    "OR (txn_id = NEW.txn_id AND version = NEW.version) "
    "OR (owner_id = NEW.owner_id AND kind = NEW.kind AND key = NEW.key))"
)
_MESSAGE = "billing_pointentry is append-only"


def create_triggers(alias: str) -> None:
    """Make the triggers on this database, if the table exists there. A second time: nothing
    changes.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE "
                "plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation'; "
                "END $$"
            )
        for action, name in NAMES.items():
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {name} BEFORE {action} ON {TABLE} FOR EACH ROW "
                    "EXECUTE FUNCTION billing_refuse_change()"
                )
            elif connection.vendor == "sqlite":
                cursor.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {action} ON {TABLE} BEGIN "
                    f"SELECT RAISE(ABORT, '{_MESSAGE}'); END"
                )
        if connection.vendor == "sqlite":
            cursor.execute(
                f"CREATE TRIGGER IF NOT EXISTS {_NO_REPLACE} BEFORE INSERT ON {TABLE} WHEN "
                f"{_TAKEN} "
                f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}, and this entry exists'); END"
            )


def drop_triggers(alias: str) -> None:
    """Take the triggers away: for test suites that empty the tables, never for anything else."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        if TABLE in connection.introspection.table_names(cursor):
            for name in trigger_names(connection.vendor):
                suffix = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{suffix}")


def missing_triggers(alias: str) -> list[str]:
    """The triggers that are not there."""
    connection = connections[alias]
    query = {
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    }
    with connection.cursor() as cursor:
        cursor.execute(query[connection.vendor])
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in trigger_names(connection.vendor) if name not in there]


def trigger_names(vendor: str) -> list[str]:
    return [*NAMES.values(), *([_NO_REPLACE] if vendor == "sqlite" else [])]


@contextmanager
def without_triggers(alias: str) -> Iterator[None]:
    """Without the triggers inside the block."""
    drop_triggers(alias)
    try:
        yield
    finally:
        create_triggers(alias)
