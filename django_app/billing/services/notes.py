"""What staff should know about a row: its review code, its notes, and who is told."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.db import transaction

from billing import signals
from billing.db.routing import primary, write_alias
from billing.models import PointCancellation, PointTransaction
from billing.services.locking import (
    durable_transaction,
    lock_transaction,
    retry_stale,
    send_after_commit,
    write_row,
)
from billing.states import Review

logger = logging.getLogger("billing.review")


def add_notes(
    txn: PointTransaction, found: list[tuple[Review | None, str]], values: dict[str, Any]
) -> None:
    """Put what staff should see into `values`: the first thing found names the review, the note
    tells all of them, in order.
    """
    if found:
        codes = [code for code, _ in found if code]
        values["review"] = values.get("review") or txn.review or (codes[0] if codes else "")
        known = values.get("review_note", txn.review_note)
        values["review_note"] = "\n".join([*known.splitlines(), *(note for _, note in found)])


def announce_review(txn: PointTransaction, found: list[tuple[Review | None, str]]) -> None:
    """By signal and in the log."""
    for code, note in found:
        if code:
            transaction.on_commit(
                partial(logger.warning, "%s %s: %s", txn.merchant_uid, code.value, note),
                using=write_alias(PointTransaction),
            )
            send_after_commit(signals.payment_needs_review, txn, code=code, note=note)


def hand_to_staff(cancellation: PointCancellation, code: Review, note: str) -> None:
    """Nothing more happens to this cancel or return by itself. A second time: nothing
    changes.
    """

    def act() -> None:
        with durable_transaction():
            txn = lock_transaction(pk=cancellation.txn_id)
            rows = primary(PointCancellation).filter(
                pk=cancellation.pk, state__in=cancellation.OPEN, needs_staff=False
            )
            if rows.update(needs_staff=True):
                values: dict[str, Any] = {}
                add_notes(txn, [(code, note)], values)
                write_row(txn, values)
                announce_review(txn, [(code, note)])

    retry_stale(act)
