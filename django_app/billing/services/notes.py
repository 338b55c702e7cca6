"""What staff should know about a row: its review code, its notes, and who is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction

from billing import signals
from billing.db.routing import primary, write_alias
from billing.models import PointCancellation, PointTransaction, TransactionNote
from billing.note_codes import Note
from billing.services.locking import (
    by_whom,
    durable_transaction,
    lock_transaction,
    retry_stale,
    send_after_commit,
    write_row,
)

logger = logging.getLogger("billing.review")


def flag_row(txn: PointTransaction, notes: Sequence[Note], values: dict[str, Any]) -> None:
    """Put into `values` what the row itself shows of these notes. The first that opens a review
    names it, unless one is open already.
    """
    if notes:
        reviews = [note.review for note in notes if note.review]
        values["review"] = values.get("review") or txn.review or (reviews[0] if reviews else "")
        values["has_notes"] = True


def write_notes(txn: PointTransaction, notes: Sequence[Note]) -> None:
    """Keep these notes, in order: one statement, none for none. After commit signal and log tell of
    those that open a review. Under the row's lock, after `write_row`.
    """
    if not notes:
        return
    primary(TransactionNote).bulk_create(
        TransactionNote(txn=txn, code=note.code, params=note.params, **by_whom(note.by))
        for note in notes
    )
    for note in notes:
        if note.review:
            transaction.on_commit(
                partial(
                    logger.warning, "%s %s %s", txn.merchant_uid, note.review.value, note.params
                ),
                using=write_alias(PointTransaction),
            )
            send_after_commit(signals.payment_needs_review, txn, code=note.review, note=note)


def has_note(txn: PointTransaction, *codes: str, **params: str) -> bool:
    """Whether a note with one of these codes and these params was written. One query, none for a
    row without notes.
    """
    if not txn.has_notes:
        return False
    wanted = {f"params__{name}": value for name, value in params.items()}
    notes = primary(TransactionNote).filter(txn_id=txn.pk, code__in=codes, **wanted)
    return notes.exists()


def hand_to_staff(cancellation: PointCancellation, note: Note) -> None:
    """Nothing more happens to this cancel or mismatch refund by itself. A second time: nothing
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
                flag_row(txn, [note], values)
                write_row(txn, values)
                write_notes(txn, [note])

    retry_stale(act)
