"""The transactions in which money moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.db.database_state import billing_alias
from billing.db.environment_stamp import require_mode


@contextmanager
def money_transaction(*, durable: bool = False) -> Iterator[None]:
    """A transaction on the database of money. Inside a caller's transaction: a savepoint of it, or
    RuntimeError with `durable`, because the caller could roll it back later.

    Raises WrongDatabase where the database belongs to the other mode.
    """
    require_mode()
    alias = billing_alias()
    with ExitStack() as stack:
        with _immediate(connections[alias]):
            stack.enter_context(transaction.atomic(using=alias, durable=durable))
        yield


@contextmanager
def _immediate(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """On SQLite, begin with the lock of writing, whatever the project's settings say: two that read
    first and write then would fail with "database is locked" (docs/decisions/0003).
    """
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
