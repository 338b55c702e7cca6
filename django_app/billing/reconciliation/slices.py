"""Rows in slices, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from django.db import models

from billing.gateway.batches import BATCH

Row = TypeVar("Row", bound=models.Model)


def in_batches(rows: models.QuerySet[Row], *, by: str = "id") -> Iterator[list[Row]]:
    """`rows` in slices of BATCH, each read when its turn comes, in the order of the column `by` (an
    index serves it) and id.
    """
    page = rows.order_by(by, "id")
    while batch := list(page[:BATCH]):
        yield batch
        last: Any = getattr(batch[-1], by)
        later = models.Q(**{f"{by}__gt": last}) | models.Q(**{by: last, "id__gt": batch[-1].pk})
        page = rows.filter(later, **{f"{by}__gte": last}).order_by(by, "id")


def unique(items: Sequence[str | None]) -> list[str]:
    """Each of them once, without None, in order."""
    return list(dict.fromkeys(item for item in items if item))
