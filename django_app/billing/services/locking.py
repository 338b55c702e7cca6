"""What every change of a transaction has in common: the lock, the guarded write, points with their
entry, signals after commit.

Lock order everywhere: transaction → cancellation → point → entry → event; one transaction's row per
database transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from billing.db.routing import write_alias
from billing.db.statements import table
from billing.db.transactions import money_transaction
from billing.errors import UnmatchedPaymentError
from billing.models import Point, PointEntry, PointTransaction
from billing.support.people import login_name

# The lock makes a lost update impossible; the version is the second net.
ATTEMPTS = 5

T = TypeVar("T")


class StaleRow(Exception):
    """The row was not the one that was read: roll back, begin again."""


def durable_transaction() -> AbstractContextManager[None]:
    """A transaction that is committed when its block ends. RuntimeError inside a caller's
    transaction, which could be rolled back later.
    """
    return money_transaction(durable=True)


def retry_stale(act: Callable[[], T]) -> T:
    for _ in range(ATTEMPTS):
        try:
            return act()
        except StaleRow:
            continue
    raise RuntimeError("the row changed under its lock")


def lock_transaction(*, merchant_uid: str = "", pk: int | None = None) -> PointTransaction:
    """The row and its member in one statement; PostgreSQL locks both, on SQLite the IMMEDIATE
    transaction is the lock. Raises UnmatchedPaymentError.
    """
    rows, owners = table(PointTransaction), table(Point)
    name, value = ("id", pk) if pk is not None else ("merchant_uid", merchant_uid)
    lock = "FOR NO KEY UPDATE" if rows.connection.vendor == "postgresql" else ""
    with rows.cursor() as cursor:
        cursor.execute(
            f"SELECT {rows.selected('t')}, {owners.selected('o')} FROM {rows.name} t "  # noqa: S608
            f"JOIN {owners.name} o ON o.{owners.columns['user_id']} = t.{rows.columns['owner_id']} "
            f"WHERE t.{rows.columns[name]} = %s {lock}",
            [value],
        )
        found = cursor.fetchone()
    if found is None:
        raise UnmatchedPaymentError(f"no row has {name} {value}")
    width = len(rows.attnames)
    txn = rows.row(found[:width])
    txn.owner = owners.row(found[width:])
    return txn


def write_row(txn: PointTransaction, values: dict[str, Any], *, synced: bool = False) -> None:
    """Update only what differs, where the version is the one that was read; the object follows
    the row. StaleRow where it is not.
    """
    changed = {name: value for name, value in values.items() if getattr(txn, name) != value}
    where: dict[str, Any] = {"id": txn.pk}
    if changed:
        changed["version"] = txn.version + 1
        where["version"] = txn.version
    if synced:
        changed["synced_at"] = timezone.now()
    if changed and not table(PointTransaction).update(changed, where):
        raise StaleRow
    for name, value in changed.items():
        setattr(txn, name, value)


def post_entry(
    txn: PointTransaction,
    kind: str,
    points: int,
    *,
    by: Any = None,
    floor: int | None = None,
) -> bool:
    """Points of this row, in balance and ledger; False, and nothing done, where the balance
    would fall below `floor`.
    """
    accounts = table(Point)
    balance, key = accounts.columns["balance"], accounts.columns["user_id"]
    values = [points, *accounts.db_values({"user_id": txn.owner_id})]
    enough = ""
    if floor is not None:
        enough, values = f" AND {balance} >= %s", [*values, floor - points]
    changed = accounts.execute(
        f"UPDATE {accounts.name} SET {balance} = {balance} + %s WHERE {key} = %s{enough}",  # noqa: S608
        values,
    )
    if not changed:
        return False
    entry = PointEntry(
        owner_id=txn.owner_id,
        txn_id=txn.pk,
        version=txn.version,
        kind=kind,
        delta=points,
        **by_whom(by),
    )
    table(PointEntry).insert(entry)
    txn.owner.balance += points
    return True


def send_after_commit(signal: Any, txn: PointTransaction, **arguments: Any) -> None:
    transaction.on_commit(
        partial(signal.send_robust, sender=type(txn), txn=txn, **arguments),
        using=write_alias(PointTransaction),
        robust=True,
    )


def by_whom(by: Any) -> dict[str, Any]:
    """The columns that say who did it: the person's row, and the name as it is now. None: nobody, a
    job.
    """
    return {"by": by, "by_name": login_name(by)[:150]} if by is not None else {}
