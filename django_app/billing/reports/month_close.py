"""A month's close: points owed before, what each day changed, points owed after."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from billing.models import DailyFigures
from billing.reports.daily_stats import COLUMNS, DAY, Sums, points_moved, total


@dataclass(frozen=True)
class DayLine:
    """One day of a month's close: points owed in the morning and in the evening, and what happened
    in between.
    """

    day: date
    opening: int
    sums: Sums

    @property
    def closing(self) -> int:
        """Opening, and what the day changed."""
        return self.opening + self.sums.change


@dataclass(frozen=True)
class MonthClose:
    """A month's close. is_whole: every day of the month is over and rolled up."""

    month: date
    opening: int
    lines: list[DayLine]
    is_whole: bool

    @property
    def sums(self) -> Sums:
        """The whole month."""
        return total(line.sums for line in self.lines)

    @property
    def closing(self) -> int:
        """Points owed after the last of these days."""
        return self.opening + self.sums.change


def month_close(month: date) -> MonthClose:
    """The close of the month that this day lies in, as far as its days are closed. Two
    statements.
    """
    first = month.replace(day=1)
    following = (first + DAY * 31).replace(day=1)
    before = DailyFigures.objects.filter(day__lt=first).aggregate(**points_moved())
    found = DailyFigures.objects.filter(day__gte=first, day__lt=following).order_by("day")
    by_day: defaultdict[date, Sums] = defaultdict(Sums)
    for row in found:
        by_day[row.day] += Sums(*(getattr(row, name) for name in COLUMNS))
    opening = owed = Sums(**before).change
    lines = []
    for day, sums in by_day.items():
        lines.append(DayLine(day, owed, sums))
        owed = lines[-1].closing
    return MonthClose(first, opening, lines, is_whole=(following - DAY) in by_day)
