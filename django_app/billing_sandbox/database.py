"""Which database the gateway's tables live in, and its transactions.

In a site that plays the gateway it is the alias `sandbox` (see router.py). In the tests of a
project that has no such alias it is wherever that project's own tables are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.apps import apps
from django.db import connections, transaction
from django.db import router as routers
from django.db.backends.base.base import BaseDatabaseWrapper

_LOCK = 0x1A3907  # of PostgreSQL's advisory locks: any number that nobody else takes


def alias() -> str:
    """The alias that the gateway's tables are written to."""
    found: str = routers.db_for_write(apps.get_model("sandbox", "Payment"))
    return found


@contextmanager
def exclusive() -> Iterator[None]:
    """A transaction of the gateway: one at a time, so that what it reads stays true until it ends.
    Inside another transaction: a savepoint of it.
    """
    connection = connections[alias()]
    outermost = not connection.in_atomic_block
    with ExitStack() as stack:
        with _immediate(connection):
            stack.enter_context(transaction.atomic(using=connection.alias))
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield


@contextmanager
def _immediate(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """On SQLite, begin with the lock of writing, whatever the project's settings say."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()  # which sets the mode from the settings
    configured = connection.transaction_mode  # type: ignore[attr-defined]  # SQLite's alone
    connection.transaction_mode = "IMMEDIATE"  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.transaction_mode = configured  # type: ignore[attr-defined]
