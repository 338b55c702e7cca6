"""Days of figures: a clock that stands in Seoul, and sums made by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

from billing.models import DailyFigures, PointEntry, PointTransaction
from billing.reports.daily_stats import COLUMNS, Key, Sums
from billing.reports.integrity_checks import CHECKS, check_integrity

SEOUL = ZoneInfo("Asia/Seoul")
DAY = timedelta(days=1)
MONDAY = date(2026, 11, 23)
FIGURES = list(CHECKS)[-1]


def seoul(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


@contextmanager
def at(when: datetime | str) -> Iterator[None]:
    """As if it were this moment: what Django stamps rows with."""
    with patch(
        "django.utils.timezone.now",
        return_value=when if isinstance(when, datetime) else seoul(when),
    ):
        yield


def stored() -> dict[Key, Sums]:
    return {
        (row.day, row.pay_method): Sums(*(getattr(row, name) for name in COLUMNS))
        for row in DailyFigures.objects.all()
    }


def by_hand(until: date | None = None) -> dict[Key, Sums]:
    """What is stored, summed from every single row, in plain Python."""
    sums: defaultdict[Key, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COLUMNS, 0))
    column = {"charge": ("charged", 1), "cancel": ("cancelled", -1), "release": ("cancelled", -1),
        "spend": ("spent", -1),
              "give_back": ("given_back", 1), "adjust": ("adjusted", 1)}  # fmt: skip
    for entry in PointEntry.objects.select_related("txn"):
        name, sign = column[entry.kind]
        sums[entry.created_at.astimezone(SEOUL).date(), entry.txn.pay_method if entry.txn else ""][
            name
        ] += sign * entry.delta
    for txn in PointTransaction.objects.filter(claimed=False):
        key = txn.created_at.astimezone(SEOUL).date(), txn.pay_method
        sums[key]["attempts"] += 1
        sums[key]["succeeded"] += bool(
            txn.credited_at and txn.credited_at < txn.created_at + timedelta(days=31)
        )
    return {key: Sums(**found) for key, found in sums.items() if until is None or key[0] <= until}


def without_empty(sums: dict[Key, Sums]) -> dict[Key, Sums]:
    """Without the lines that only say that a day is closed."""
    return {key: found for key, found in sums.items() if found != Sums()}


def contradictions() -> dict[str, list[str]]:
    return {finding.check: finding.named for finding in check_integrity() if finding.count}
