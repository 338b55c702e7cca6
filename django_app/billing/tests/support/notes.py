"""What staff were told about a row, for tests."""

from __future__ import annotations

from typing import Any

from billing.models import PointTransaction


def notes_of(txn: PointTransaction | None = None) -> list[tuple[str, dict[str, Any], str]]:
    """(code, params, who) of the notes of `txn`, or of the only row, in order."""
    row = txn or PointTransaction.objects.get()
    return [(note.code, note.params, note.by_name) for note in row.notes.order_by("pk")]


def codes_of(txn: PointTransaction | None = None) -> list[str]:
    """Their codes."""
    return [code for code, _, _ in notes_of(txn)]
