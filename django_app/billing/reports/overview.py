"""The last days and what is owed: closed days as they were rolled up, what came after from the
rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, Max
from django.utils import timezone

from billing.models import DailyFigures
from billing.reports.daily_stats import (
    COLUMNS,
    DAY,
    Key,
    Sums,
    attempt_counts,
    day_of,
    ledger_sums,
    points_moved,
    sums_by_key,
    total,
)


@dataclass(frozen=True)
class Overview:
    """The last days up to now, and what is owed. closed_until: the last day that is rolled up;
    owed: points of all members together.
    """

    today: date
    closed_until: date | None
    owed: int
    by_key: Mapping[Key, Sums]

    def days(self, number: int) -> list[tuple[date, Sums]]:
        """The last `number` days, all methods, today the last."""
        sums = {self.today - DAY * back: Sums() for back in reversed(range(number))}
        for (on, _method), found in self.by_key.items():
            if on in sums:
                sums[on] += found
        return list(sums.items())

    def period(self, number: int) -> Sums:
        """The last `number` days together."""
        return total(self.by_method(number).values())

    def by_method(self, number: int) -> dict[str, Sums]:
        """The last `number` days by method."""
        since = self.today - DAY * (number - 1)
        sums: defaultdict[str, Sums] = defaultdict(Sums)
        for (on, method), found in self.by_key.items():
            if on >= since:
                sums[method] += found
        return dict(sums)


def overview(days: int = 30, *, now: datetime | None = None) -> Overview:
    """The last `days` days: closed ones as they were rolled up, what came after them from the rows.
    Four statements, however many rows.
    """
    today = day_of(now or timezone.now())
    since = today - DAY * (days - 1)
    closed = DailyFigures.objects.aggregate(until=Max("day"), **points_moved())
    until: date | None = closed.pop("until")
    live = until + DAY if until else None
    # Only days up to then: the nightly job may close more between two statements, and they come
    # from the rows here.
    kept = DailyFigures.objects.filter(day__gte=since, day__lte=until or since - DAY)
    sums = sums_by_key(kept.values(*COLUMNS, on=F("day"), method=F("pay_method")))
    fresh = sums_by_key(ledger_sums(live), attempt_counts(max(live, since) if live else since))
    owed = Sums(**closed).change + total(fresh.values()).change
    for key, found in fresh.items():
        if key[0] >= since:
            sums[key] = sums.get(key, Sums()) + found
    return Overview(today, until, owed, sums)
