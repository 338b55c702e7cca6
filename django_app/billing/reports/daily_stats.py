"""The day's figures: attempts by the day they began, money and points by the day of their entry
(days of the site's time zone).

Closed days are rolled up into `DailyFigures` once a night, today is summed live on an index: no
charge waits for a hot row. Entries never change, so a closed day's sums never do either: a cancel
of an old charge belongs to the day of the cancel. Only whether an attempt succeeded may come later
(a virtual account is paid days after it began), and counts for PAID_WITHIN after it began. So a day
is rolled up again each night until nothing can change any more; `check_integrity` compares what is
stored with the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import (
    BigIntegerField,
    Count,
    DateTimeField,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from billing.db.routing import primary, write_alias
from billing.models import DailyFigures, PointEntry, PointTransaction

# From the attempt's beginning: what is paid later still is credited, and changes no rate any more.
PAID_WITHIN = timedelta(days=31)
DAY_CLOSE_DELAY = timedelta(
    minutes=10
)  # after midnight: transactions that began before it have ended
SLICE = 31  # days in one transaction
DAY = timedelta(days=1)

Kind = PointEntry.Kind
Key = tuple[date, str]  # day and method; "" is what has no method


@dataclass(frozen=True)
class Sums:
    """What came together. In won, which are points: charged; cancelled (less what was withdrawn, so
    it may be negative); spent; given_back; adjusted (signed). attempts: that began; succeeded: of
    those, paid within PAID_WITHIN.
    """

    attempts: int = 0
    succeeded: int = 0
    charged: int = 0
    cancelled: int = 0
    spent: int = 0
    given_back: int = 0
    adjusted: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in COLUMNS))

    @property
    def net(self) -> int:
        """Won that stayed: charged less cancelled."""
        return self.charged - self.cancelled

    @property
    def change(self) -> int:
        """By how much the points owed to members grew."""
        return self.charged - self.cancelled - self.spent + self.given_back + self.adjusted

    @property
    def rate(self) -> float | None:
        """Attempts that succeeded, 0 to 1; None where none began."""
        return self.succeeded / self.attempts if self.attempts else None


COLUMNS = tuple(Sums.__dataclass_fields__)


def total(parts: Iterable[Sums]) -> Sums:
    """All of them together."""
    return sum(parts, Sums())


# -- from rows -------------------------------------------------------------------------------------


def start_of(day: date) -> datetime:
    """Midnight of this day, whatever time zone a user has chosen."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def day_of(moment: datetime) -> date:
    """The day that this moment belongs to."""
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def _within(rows: QuerySet[Any], since: date | None, before: date | None) -> QuerySet[Any]:
    """Rows that were made on these days (`before` excluded), with their day."""
    if since:
        rows = rows.filter(created_at__gte=start_of(since))
    if before:
        rows = rows.filter(created_at__lt=start_of(before))
    found: QuerySet[Any] = rows.order_by().annotate(
        on=TruncDate("created_at", tzinfo=timezone.get_default_timezone())
    )
    return found


def _entries(since: date | None = None, before: date | None = None) -> QuerySet[Any]:
    """(day, method, charged, cancelled, spent, given_back, adjusted) from the ledger."""

    def points(*kinds: str, sign: int = 1) -> Any:
        return Coalesce(
            Sum(F("delta") * sign, filter=Q(kind__in=kinds)), 0, output_field=BigIntegerField()
        )

    rows = _within(PointEntry.objects.all(), since, before).annotate(
        method=Coalesce("txn__pay_method", Value(""))
    )
    sums: QuerySet[Any] = rows.values("on", "method").annotate(
        charged=points(Kind.CHARGE),
        cancelled=points(Kind.CANCEL, Kind.RELEASE, sign=-1),
        spent=points(Kind.SPEND, sign=-1),
        given_back=points(Kind.GIVE_BACK),
        adjusted=points(Kind.ADJUST),
    )
    return sums


def _attempts(since: date | None = None, before: date | None = None) -> QuerySet[Any]:
    """(day, method, attempts, succeeded) from the transactions; what staff adopted never was an
    attempt here.
    """
    rows = _within(PointTransaction.objects.filter(claimed=False), since, before)
    paid = Q(credited_at__lt=F("created_at") + PAID_WITHIN)
    counts: QuerySet[Any] = rows.values("on", method=F("pay_method")).annotate(
        attempts=Count("pk"), succeeded=Count("pk", filter=paid)
    )
    return counts


def _by_key(*found: QuerySet[Any]) -> dict[Key, Sums]:
    """Rows of these queries, added up by day and method."""
    sums: defaultdict[Key, Sums] = defaultdict(Sums)
    for query in found:
        for row in query:
            sums[row["on"], row["method"]] += Sums(
                **{name: row[name] for name in COLUMNS if name in row}
            )
    return dict(sums)


# -- closing days ----------------------------------------------------------------------------------


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
    for part in _slices(due):
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


def _slices(days: list[date]) -> Iterator[list[date]]:
    """Runs of days without a gap, none longer than SLICE."""
    part: list[date] = []
    for day in days:
        if part and (day != part[-1] + DAY or len(part) == SLICE):
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
    sums = _by_key(
        *(rows.using(write_alias(rows.model)) for rows in (_entries(*span), _attempts(*span)))
    )
    for number in range((last - first).days + 1):
        sums.setdefault((first + DAY * number, ""), Sums())
    lines = [
        DailyFigures(day=day, pay_method=method, rolled_up_at=now, **asdict(found))
        for (day, method), found in sums.items()
    ]
    with transaction.atomic(using=write_alias(DailyFigures), durable=True):
        primary(DailyFigures).bulk_create(
            lines,
            update_conflicts=True,
            unique_fields=["day", "pay_method"],
            update_fields=[*COLUMNS, "rolled_up_at"],
        )
        DailyFigures.objects.filter(day__range=(first, last)).exclude(rolled_up_at=now).delete()


def drift() -> Iterator[str]:
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
        for query in (_entries(), _attempts())
    ]
    named = [query.values_list(*shape, "is_stored") for query in (stored, *parts)]
    kept: dict[Key, tuple[Sums, datetime | None]] = {}
    real: defaultdict[Key, Sums] = defaultdict(Sums)
    for day, method, *numbers, at, is_stored in (
        named[0].using(write_alias(DailyFigures)).union(*named[1:], all=True)
    ):
        if is_stored:
            kept[day, method] = Sums(*map(int, numbers)), at
        else:
            real[day, method] += Sums(*map(int, numbers))
    closed_until = max((day for day, _method in kept), default=None)
    if closed_until is None:
        return
    for key in sorted({*kept, *real}):
        if key[0] <= closed_until:
            yield from _differences(key, kept.get(key), real[key])


def _differences(key: Key, kept: tuple[Sums, datetime | None] | None, real: Sums) -> Iterator[str]:
    name = " ".join(map(str, key)).rstrip()
    if kept is None:
        yield f"{name}: not rolled up"
        return
    sums, at = kept
    for column, mine, theirs in zip(COLUMNS, astuple(sums), astuple(real), strict=True):
        # Paid since the last roll-up: the next one sees it.
        may_follow = column == "succeeded" and mine < theirs and not _is_final(key[0], at)
        if mine != theirs and not may_follow:
            yield f"{name}: {column} is {mine}, the rows say {theirs}"


# -- reading ---------------------------------------------------------------------------------------


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
    closed = DailyFigures.objects.aggregate(until=Max("day"), **_all_time())
    until: date | None = closed.pop("until")
    live = until + DAY if until else None
    # Only days up to then: the nightly job may close more between two statements, and they come
    # from the rows here.
    kept = DailyFigures.objects.filter(day__gte=since, day__lte=until or since - DAY)
    sums = _by_key(kept.values(*COLUMNS, on=F("day"), method=F("pay_method")))
    fresh = _by_key(_entries(live), _attempts(max(live, since) if live else since))
    owed = Sums(**closed).change + total(fresh.values()).change
    for key, found in fresh.items():
        if key[0] >= since:
            sums[key] = sums.get(key, Sums()) + found
    return Overview(today, until, owed, sums)


def _all_time() -> dict[str, Any]:
    """Sums of what moves points, over the days that are asked for."""
    return {name: Coalesce(Sum(name), 0, output_field=BigIntegerField()) for name in COLUMNS[2:]}


@dataclass(frozen=True)
class Line:
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
class Close:
    """A month's close. is_whole: every day of the month is over and rolled up."""

    month: date
    opening: int
    lines: list[Line]
    is_whole: bool

    @property
    def sums(self) -> Sums:
        """The whole month."""
        return total(line.sums for line in self.lines)

    @property
    def closing(self) -> int:
        """Points owed after the last of these days."""
        return self.opening + self.sums.change


def close_of(month: date) -> Close:
    """The close of the month that this day lies in, as far as its days are closed. Two
    statements.
    """
    first = month.replace(day=1)
    following = (first + DAY * 31).replace(day=1)
    before = DailyFigures.objects.filter(day__lt=first).aggregate(**_all_time())
    found = DailyFigures.objects.filter(day__gte=first, day__lt=following).order_by("day")
    by_day: defaultdict[date, Sums] = defaultdict(Sums)
    for row in found:
        by_day[row.day] += Sums(*(getattr(row, name) for name in COLUMNS))
    opening = owed = Sums(**before).change
    lines = []
    for day, sums in by_day.items():
        lines.append(Line(day, owed, sums))
        owed = lines[-1].closing
    return Close(first, opening, lines, is_whole=(following - DAY) in by_day)
