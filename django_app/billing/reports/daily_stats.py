"""A day's numbers, from the rows: attempts by the day they began, money and points by the day of
their entry (days of the site's time zone).

Entries never change, so a past day's sums never do either: a cancel of an old charge belongs to the
day of the cancel. Only whether an attempt succeeded may come later (a virtual account is paid days
after it began), and counts for PAID_WITHIN after it began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from billing.models import PointEntry, PointTransaction

# From the attempt's beginning: what is paid later still is credited, and changes no rate any more.
PAID_WITHIN = timedelta(days=31)
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


def start_of(day: date) -> datetime:
    """Midnight of this day, whatever time zone a user has chosen."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def day_of(moment: datetime) -> date:
    """The day that this moment belongs to."""
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def _made_on(rows: QuerySet[Any], since: date | None, before: date | None) -> QuerySet[Any]:
    """Rows that were made on these days (`before` excluded), with their day."""
    if since:
        rows = rows.filter(created_at__gte=start_of(since))
    if before:
        rows = rows.filter(created_at__lt=start_of(before))
    found: QuerySet[Any] = rows.order_by().annotate(
        on=TruncDate("created_at", tzinfo=timezone.get_default_timezone())
    )
    return found


def ledger_sums(since: date | None = None, before: date | None = None) -> QuerySet[Any]:
    """(day, method, charged, cancelled, spent, given_back, adjusted) from the ledger."""

    def points(*kinds: str, sign: int = 1) -> Any:
        return Coalesce(
            Sum(F("delta") * sign, filter=Q(kind__in=kinds)), 0, output_field=BigIntegerField()
        )

    rows = _made_on(PointEntry.objects.all(), since, before).annotate(
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


def attempt_counts(since: date | None = None, before: date | None = None) -> QuerySet[Any]:
    """(day, method, attempts, succeeded) from the transactions; what staff adopted never was an
    attempt here.
    """
    rows = _made_on(PointTransaction.objects.filter(claimed=False), since, before)
    paid = Q(credited_at__lt=F("created_at") + PAID_WITHIN)
    counts: QuerySet[Any] = rows.values("on", method=F("pay_method")).annotate(
        attempts=Count("pk"), succeeded=Count("pk", filter=paid)
    )
    return counts


def sums_by_key(*queries: QuerySet[Any]) -> dict[Key, Sums]:
    """Rows of these queries, added up by day and method."""
    sums: defaultdict[Key, Sums] = defaultdict(Sums)
    for query in queries:
        for row in query:
            sums[row["on"], row["method"]] += Sums(
                **{name: row[name] for name in COLUMNS if name in row}
            )
    return dict(sums)


def points_moved() -> dict[str, Any]:
    """For `aggregate` over days that are rolled up: the sums of what moves points."""
    return {name: Coalesce(Sum(name), 0, output_field=BigIntegerField()) for name in COLUMNS[2:]}
