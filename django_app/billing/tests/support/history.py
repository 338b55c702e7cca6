"""A member's points and payments over several months, and what the history's pages show of them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from itertools import count
from typing import Any

from billing.models import Point, PointEntry

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)  # noon in Seoul
PAYMENTS = "/billing/payments/"
ENTRIES = "/billing/entries/"
PAYMENTS_CSV = "/billing/payments.csv"
ENTRIES_CSV = "/billing/entries.csv"
ALL = [PAYMENTS, ENTRIES, PAYMENTS_CSV, ENTRIES_CSV]
numbers = count(1)


def streamed(response: Any) -> list[bytes]:
    """The parts of a file, as they are sent."""
    return list(response.streaming_content)


def spend(user: Any, points: int, memo: str, kind: str = "spend") -> PointEntry:
    account, _ = Point.objects.get_or_create(pk=user.pk)
    return PointEntry.objects.create(
        owner=account, kind=kind, idempotency_key=f"k-{next(numbers)}", delta=points, memo=memo
    )


def table(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(streamed(response)).decode("utf-8-sig"))))


def shown(response: Any) -> list[int]:
    """Primary keys of the page's rows, in its order."""
    return [row[0].pk for _month, rows in response.context["months"] for row in rows]
