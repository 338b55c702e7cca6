"""What every change of a transaction has in common: the lock, the guarded write, points with their
entry, signals after commit.

Lock order everywhere: transaction → cancellation → point → entry → event; one transaction's row per
database transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from billing import signals
from billing.db.routing import PrimaryManager
from billing.errors import UnmatchedPaymentError
from billing.states import Review

if TYPE_CHECKING:
    from billing.managers.points import PointManager
    from billing.models import PointCancellation, PointTransaction

logger = logging.getLogger("billing.review")

STALE_ROWS = 5  # the lock makes a lost update impossible; the version is the second net

T = TypeVar("T")


class StaleRow(Exception):
    """The row was not the one that was read: roll back, begin again."""


class RowManager(PrimaryManager["PointTransaction"]):
    """One row under its lock."""

    def _retrying(self, act: Callable[[], T]) -> T:
        for _ in range(STALE_ROWS):
            try:
                return act()
            except StaleRow:
                continue
        raise RuntimeError("the row changed under its lock")

    def _locked(self, **lookup: Any) -> PointTransaction:
        """The row and its member in one statement; PostgreSQL locks both, on SQLite the IMMEDIATE
        transaction is the lock.
        """
        txn = self.select_related("owner").select_for_update(no_key=True).filter(**lookup).first()
        if txn is None:
            raise UnmatchedPaymentError(f"no row has {lookup}")
        return txn

    def _write(
        self, txn: PointTransaction, values: dict[str, Any], *, synced: bool = False
    ) -> None:
        """Update only what differs, where the version is the one that was read; the object follows
        the row. StaleRow where it is not.
        """
        changed = {name: value for name, value in values.items() if getattr(txn, name) != value}
        rows = self.filter(pk=txn.pk)
        if changed:
            changed["version"] = txn.version + 1
            rows = rows.filter(version=txn.version)
        if synced:
            changed["synced_at"] = timezone.now()
        if changed and not rows.update(**changed):
            raise StaleRow
        for name, value in changed.items():
            setattr(txn, name, value)

    def _post_entry(
        self,
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
        accounts = self._accounts().filter(pk=txn.owner_id)
        if floor is not None:
            accounts = accounts.filter(balance__gte=floor - points)
        if not accounts.update(balance=F("balance") + points):
            return False
        txn.entries.create(
            owner_id=txn.owner_id, version=txn.version, kind=kind, delta=points, **by_whom(by)
        )
        txn.owner.balance += points
        return True

    def _note(
        self, txn: PointTransaction, found: list[tuple[Review | None, str]], values: dict[str, Any]
    ) -> None:
        """Put what staff should see into `values`: the first thing found names the review, the note
        tells all of them, in order.
        """
        if found:
            codes = [code for code, _ in found if code]
            values["review"] = values.get("review") or txn.review or (codes[0] if codes else "")
            known = values.get("review_note", txn.review_note)
            values["review_note"] = "\n".join([*known.splitlines(), *(note for _, note in found)])

    def _after_commit(self, signal: Any, txn: PointTransaction, **arguments: Any) -> None:
        transaction.on_commit(
            partial(signal.send_robust, sender=type(txn), txn=txn, **arguments),
            using=self.db,
            robust=True,
        )

    def _tell_review(self, txn: PointTransaction, found: list[tuple[Review | None, str]]) -> None:
        """By signal and in the log."""
        for code, note in found:
            if code:
                transaction.on_commit(
                    partial(logger.warning, "%s %s: %s", txn.merchant_uid, code.value, note),
                    using=self.db,
                )
                self._after_commit(signals.payment_needs_review, txn, code=code, note=note)

    def _hand_to_staff(self, cancellation: PointCancellation, code: Review, note: str) -> None:
        """Nothing more happens to this cancel or return by itself. A second time: nothing
        changes.
        """

        def act() -> None:
            with transaction.atomic(using=self.db, durable=True):
                txn = self._locked(pk=cancellation.txn_id)
                rows = self._cancellations().filter(
                    pk=cancellation.pk, state__in=cancellation.OPEN, needs_staff=False
                )
                if rows.update(needs_staff=True):
                    values: dict[str, Any] = {}
                    self._note(txn, [(code, note)], values)
                    self._write(txn, values)
                    self._tell_review(txn, [(code, note)])

        self._retrying(act)

    def _accounts(self) -> PointManager:
        accounts: PointManager = self.model._meta.get_field("owner").related_model._default_manager  # type: ignore[assignment]
        return accounts.db_manager(self.db)

    def _cancellations(self) -> models.Manager[PointCancellation]:
        cancellations: models.Manager[PointCancellation] = self.model._meta.get_field(
            "cancellations"
        ).related_model._default_manager  # type: ignore[assignment]
        return cancellations.db_manager(self.db)


def by_whom(by: Any) -> dict[str, Any]:
    """The columns that say who did it: the person's row, and the name as it is now. None: nobody, a
    job.
    """
    return {"by": by, "by_name": by.get_username()[:150]} if by is not None else {}
