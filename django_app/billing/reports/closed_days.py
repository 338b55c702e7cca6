"""Days that are over are rolled up into `DailyFigures` once a night; the days since are summed
live, on an index: no charge waits for a hot row.

A day is rolled up again each night until nothing can change any more (`daily_stats` says what may);
`check_integrity` compares what is stored with the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, astuple
from datetime import date, datetime, timedelta

from django.db.models import BigIntegerField, DateTimeField, F, Min, Value
from django.utils import timezone

from billing.db.routing import primary, write_alias
from billing.db.transactions import money_transaction
from billing.models import DailyFigures, PointEntry, PointTransaction
from billing.reports.daily_stats import (
    COLUMNS,
    DAY,
    PAID_WITHIN,
    Key,
    Sums,
    attempt_counts,
    day_of,
    ledger_sums,
    start_of,
    sums_by_key,
)

DAY_CLOSE_DELAY = timedelta(minutes=10)  # after midnight: transactions from before it have ended
MOST_DAYS = 31  # in one transaction


def close_days(*, now: datetime | None = None, since: date | None = None) -> int:
    """Roll up every day that is over and not final yet, the oldest first; how many days that was.

    A day is final once it was rolled up PAID_WITHIN after its end. since: also every day from then
    on again. A second time, or two at once: the same figures. Each slice is a transaction of its
    own, so that a run that was stopped leaves whole days.
    """
    now = now or timezone.now()
    first, last = _first_day(), day_of(now - DAY_CLOSE_DELAY) - DAY
    if first is None:
        return 0
    rolled = dict(primary(DailyFigures).filter(pay_method="").values_list("day", "rolled_up_at"))
    days = [first + DAY * number for number in range((last - first).days + 1)]
    due = [day for day in days if not _is_final(day, rolled.get(day)) or (since and day >= since)]
    for part in _runs_of_days(due):
        _roll_up(part[0], part[-1], now)
    return len(due)


def _first_day() -> date | None:
    """When this installation's life began: two looks at an index."""
    began = [
        primary(model).aggregate(first=Min("created_at"))["first"]
        for model in (PointTransaction, PointEntry)
    ]
    return min((day_of(moment) for moment in began if moment), default=None)


def _is_final(day: date, rolled_up_at: datetime | None) -> bool:
    return (
        rolled_up_at is not None
        and rolled_up_at >= start_of(day + DAY) + PAID_WITHIN + DAY_CLOSE_DELAY
    )


def _runs_of_days(days: list[date]) -> Iterator[list[date]]:
    """Runs of days without a gap, none longer than MOST_DAYS."""
    part: list[date] = []
    for day in days:
        if part and (day != part[-1] + DAY or len(part) == MOST_DAYS):
            yield part
            part = []
        part.append(day)
    if part:
        yield part


def _roll_up(first: date, last: date, now: datetime) -> None:
    """These days from the rows. Each gets its line without a method, also where nothing happened:
    it says that the day is closed.
    """
    span = (first, last + DAY)
    sums = sums_by_key(
        *(
            rows.using(write_alias(rows.model))
            for rows in (ledger_sums(*span), attempt_counts(*span))
        )
    )
    for number in range((last - first).days + 1):
        sums.setdefault((first + DAY * number, ""), Sums())
    lines = [
        DailyFigures(day=day, pay_method=method, rolled_up_at=now, **asdict(found))
        for (day, method), found in sums.items()
    ]
    with money_transaction(durable=True):
        primary(DailyFigures).bulk_create(
            lines,
            update_conflicts=True,
            unique_fields=["day", "pay_method"],
            update_fields=[*COLUMNS, "rolled_up_at"],
        )
        DailyFigures.objects.filter(day__range=(first, last)).exclude(rolled_up_at=now).delete()


def differences() -> Iterator[str]:
    """Where stored figures are not what the rows say, in words. One statement, which sees one
    moment.
    """
    nothing = {name: Value(0, output_field=BigIntegerField()) for name in COLUMNS}
    never = Value(None, output_field=DateTimeField())
    shape = ("on", "method", *COLUMNS, "at")
    stored = DailyFigures.objects.order_by().annotate(
        on=F("day"), method=F("pay_method"), at=F("rolled_up_at"), is_stored=Value(1)
    )
    parts = [
        query.annotate(
            **{name: zero for name, zero in nothing.items() if name not in query.query.annotations},
            at=never,
            is_stored=Value(0),
        )
        for query in (ledger_sums(), attempt_counts())
    ]
    named = [query.values_list(*shape, "is_stored") for query in (stored, *parts)]
    rolled_up: dict[Key, tuple[Sums, datetime | None]] = {}
    from_rows: defaultdict[Key, Sums] = defaultdict(Sums)
    for day, method, *numbers, at, is_stored in (
        named[0].using(write_alias(DailyFigures)).union(*named[1:], all=True)
    ):
        if is_stored:
            rolled_up[day, method] = Sums(*map(int, numbers)), at
        else:
            from_rows[day, method] += Sums(*map(int, numbers))
    closed_until = max((day for day, _method in rolled_up), default=None)
    if closed_until is None:
        return
    for key in sorted({*rolled_up, *from_rows}):
        if key[0] <= closed_until:
            yield from _differences_of(key, rolled_up.get(key), from_rows[key])


def _differences_of(
    key: Key, rolled_up: tuple[Sums, datetime | None] | None, from_rows: Sums
) -> Iterator[str]:
    name = " ".join(map(str, key)).rstrip()
    if rolled_up is None:
        yield f"{name}: not rolled up"
        return
    sums, at = rolled_up
    for column, stored, counted in zip(COLUMNS, astuple(sums), astuple(from_rows), strict=True):
        # Paid since the last roll-up: the next one sees it.
        may_follow = column == "succeeded" and stored < counted and not _is_final(key[0], at)
        if stored != counted and not may_follow:
            yield f"{name}: {column} is {stored}, the rows say {counted}"
