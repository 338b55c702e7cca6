"""The end of a test with real transactions: Django empties every table, and on SQLite with DELETE,
which the ledger's triggers refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connections
from django.test import TransactionTestCase

from billing.db import environment_stamp, triggers


@contextmanager
def ledger_emptied_too() -> Iterator[None]:
    """Inside the block the tables of a TransactionTestCase can be emptied; the ledger's triggers
    and the note of the mode are then as migrate made them. Groups come back by themselves, with
    Django's signal post_migrate.
    """
    usual = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown(case: Any) -> None:
        aliases = [
            alias
            for alias in case._databases_names(include_mirrors=False)
            if triggers.TABLE in connections[alias].introspection.table_names()
        ]
        modes = {alias: environment_stamp.stamped_mode(alias) for alias in aliases}
        try:
            for alias in aliases:
                if _holds_entries(alias):
                    triggers.drop_triggers(alias)
            usual(case)
        finally:
            for alias in aliases:
                triggers.create_triggers(alias)
                _stamp(alias, modes[alias])

    with patch.object(TransactionTestCase, "_fixture_teardown", teardown):
        yield


def _holds_entries(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {triggers.TABLE})")  # noqa: S608
        return bool(cursor.fetchone()[0])


def _stamp(alias: str, mode: str | None) -> None:
    """The mode that migrate wrote, whatever the test's settings say at its end."""
    from billing.models import Installation

    if mode is not None and environment_stamp.stamped_mode(alias) != mode:
        Installation.objects.using(alias).update_or_create(pk=1, defaults={"mode": mode})
