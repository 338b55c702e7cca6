"""A member's own history: payments and entries by pages, totals of one month, and rows for a CSV
file.

Pages go on from an id (keyset): no OFFSET and no COUNT, so the newest page costs the same however
much there is. Totals are those of one month. Where a payment stands, `display_status` says; what
it reads of a row's cancellations is fetched for the whole page at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from billing.models import PointCancellation, PointEntry, PointTransaction
from billing.states import Status
from billing.web.display_status import DisplayStatus

PAGE = 20  # rows
MOST_MONTHS = 240  # in the list to choose from
BATCH = 500  # rows of a file that are read together
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_ID = re.compile(r"[1-9][0-9]{0,17}")

Row = TypeVar("Row", PointTransaction, PointEntry)


class BadQuery(ValueError):
    """A filter or cursor that no page of ours links to."""


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in the site's time zone."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        local = timezone.localtime(moment)
        return cls(local.year, local.month)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}"

    @property
    def begins(self) -> datetime:
        return timezone.make_aware(datetime(self.year, self.month, 1))  # noqa: DTZ001

    @property
    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def before(self) -> Month:
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    @property
    def words(self) -> str:
        # Translators: date format of Django for a month, for example "November 2026"
        return formats.date_format(self.begins, _("F Y"))


@dataclass(frozen=True)
class Query:
    """What a page shows. kind: "" for all; month: None for all; before: rows with smaller
    ids only.
    """

    kind: str = ""
    month: Month | None = None
    before: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, str], kinds: Iterable[str]) -> Query:
        """From an address. Empty values count as absent; anything else that is not understood
        raises BadQuery.
        """
        kind, month, before = (given.get(name, "") for name in ("kind", "month", "before"))
        if kind and kind not in kinds:
            raise BadQuery("kind")
        if month and not (found := _MONTH.fullmatch(month)):
            raise BadQuery("month")
        if before and not _ID.fullmatch(before):
            raise BadQuery("before")
        return cls(
            kind,
            Month(int(found[1]), int(found[2])) if month and found else None,
            int(before) if before else None,
        )

    def address(self, before: int | None = None) -> str:
        """This choice as the query of an address, from `before` on."""
        values = {"kind": self.kind, "month": str(self.month or ""), "before": str(before or "")}
        return urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True)
class Page(Generic[Row]):
    """rows, the newest first. older: the cursor of the next page, None on the last."""

    rows: list[Row]
    older: int | None

    def months(self) -> list[tuple[Month, list[Row]]]:
        """The rows by month."""
        return [
            (month, list(rows))
            for month, rows in groupby(self.rows, key=lambda row: Month.of(row.created_at))
        ]


# -- payments --------------------------------------------------------------------------------------

# What may be asked for; `_of_kind` puts every row into exactly one.
PAYMENT_KINDS: dict[str, Any] = {
    "paid": pgettext_lazy("history", "Paid"),
    "refunded": pgettext_lazy("history", "Refunds"),
    "waiting": pgettext_lazy("history", "Deposits to come"),
    "unpaid": pgettext_lazy("history", "Not paid"),
}

# The values of `display_status`, in the few words of a list.
STATES: dict[str, Any] = {
    DisplayStatus.PAID: pgettext_lazy("history", "Paid"),
    DisplayStatus.PART_CANCELLED: pgettext_lazy("history", "Partly refunded"),
    DisplayStatus.CANCELLED: pgettext_lazy("history", "Refunded"),
    DisplayStatus.CANCELLING: pgettext_lazy("history", "Refund under way"),
    DisplayStatus.RETURNING: pgettext_lazy("history", "Wrong payment, being sent back"),
    DisplayStatus.RETURNED: pgettext_lazy("history", "Wrong payment, sent back"),
    DisplayStatus.WAITING: pgettext_lazy("history", "Waiting for your deposit"),
    DisplayStatus.EXPIRED: pgettext_lazy("history", "Not paid in in time"),
    DisplayStatus.CHECKING: pgettext_lazy("history", "Being checked"),
    DisplayStatus.UNFINISHED: pgettext_lazy("history", "Not finished"),
    DisplayStatus.FAILED: pgettext_lazy("history", "Not paid"),
    DisplayStatus.CLOSED: pgettext_lazy("history", "Closed"),
}
# No money moved.
QUIET = {
    DisplayStatus.FAILED,
    DisplayStatus.CLOSED,
    DisplayStatus.EXPIRED,
    DisplayStatus.UNFINISHED,
}


def payments(owner_id: Any, query: Query) -> Page[PointTransaction]:
    """One page of this member's attempts, ready for `display_status`. Two statements."""
    return _page(_payments(owner_id, query), query)


def payment_rows(owner_id: Any, query: Query) -> Iterator[PointTransaction]:
    """All of them, the newest first, a few at a time. One statement, and one more for every BATCH
    rows.
    """
    return _payments(owner_id, query).iterator(chunk_size=BATCH)


def payment_totals(owner_id: Any, month: Month) -> dict[str, int]:
    """Won paid and won refunded of the attempts that began in this month, whenever they were paid.
    One statement.
    """
    began = PointTransaction.objects.filter(
        _during(month), owner_id=owner_id, credited_at__isnull=False
    )
    found = began.aggregate(paid=Sum("amount"), refunded=Sum("cancel_amount"))
    return {name: value or 0 for name, value in found.items()}


def _payments(owner_id: Any, query: Query) -> QuerySet[PointTransaction]:
    rows = PointTransaction.objects.filter(_of_kind(query.kind), owner_id=owner_id)
    return _bounded(rows.select_related("owner").prefetch_related("cancellations"), query)


def _of_kind(kind: str) -> Q:
    bound = Q(credited_at__isnull=False)
    in_time = Q(vbank_date__isnull=True) | Q(vbank_date__gte=timezone.now())
    account = Q(status=Status.READY, account_closed_at__isnull=True) & ~Q(vbank_num="") & in_time
    # Wrong money, as `display_status` has it: what was sent back says less than an account that
    # waits, what is on its way says more.
    on_its_way, sent = (
        _returns(state__in=PointCancellation.OPEN),
        _returns(state=PointCancellation.State.DONE),
    )
    back = on_its_way | (sent & ~account)
    conditions = {
        "paid": bound & Q(cancel_amount=0),
        "refunded": (bound & Q(cancel_amount__gt=0)) | (~bound & back),
        "waiting": ~bound & account & ~on_its_way,
        "unpaid": ~bound & ~account & ~back,
    }
    return conditions.get(kind, Q())


def _returns(**values: Any) -> Q:
    """Whether the row has such a return. Every return left a note, so that most rows are not looked
    up.
    """
    returns = PointCancellation.objects.filter(
        txn=OuterRef("pk"), kind=PointCancellation.Kind.MISMATCH_REFUND, **values
    )
    return Q(has_notes=True) & Q(Exists(returns))


# -- entries ---------------------------------------------------------------------------------------

ENTRY_KINDS: dict[str, Any] = {
    "charge": pgettext_lazy("history", "Charged"),
    "cancel": pgettext_lazy("history", "Taken back for a refund"),
    "release": pgettext_lazy("history", "Refund withdrawn"),
    "spend": pgettext_lazy("history", "Spent"),
    "give_back": pgettext_lazy("history", "Spending undone"),
    "adjust": pgettext_lazy("history", "Adjusted by our staff"),
}


def entries(owner_id: Any, query: Query) -> Page[PointEntry]:
    """One page of this member's ledger. One statement."""
    return _page(_entries(owner_id, query), query)


def entry_rows(owner_id: Any, query: Query) -> Iterator[PointEntry]:
    """All of it, the newest first, a few at a time. One statement."""
    return _entries(owner_id, query).iterator(chunk_size=BATCH)


def entry_totals(owner_id: Any, month: Month) -> dict[str, int]:
    """Points that came and points that went (as a positive number) in this month. One statement."""
    found = PointEntry.objects.filter(_during(month), owner_id=owner_id).aggregate(
        came=Sum("delta", filter=Q(delta__gt=0)), went=Sum("delta", filter=Q(delta__lt=0))
    )
    return {"came": found["came"] or 0, "went": -(found["went"] or 0)}


def _entries(owner_id: Any, query: Query) -> QuerySet[PointEntry]:
    shown = ("owner_id", "kind", "delta", "memo", "created_at", "txn__merchant_uid")
    rows = PointEntry.objects.filter(owner_id=owner_id).select_related("txn").only(*shown)
    if query.kind:
        rows = rows.filter(kind=query.kind)
    return _bounded(rows, query)


# -- both ------------------------------------------------------------------------------------------


def months_of(
    model: type[PointTransaction] | type[PointEntry], owner_id: Any, chosen: Month | None
) -> list[Month]:
    """The months to choose from, this one first, back to the member's first row. One statement."""
    first = (
        model._default_manager.filter(owner_id=owner_id)
        .order_by("id")
        .values_list("created_at", flat=True)
        .first()
    )
    now = Month.of(timezone.now())
    found, last = [now], Month.of(first) if first else now
    while found[-1] > last and len(found) < MOST_MONTHS:
        found.append(found[-1].before)
    return found if chosen is None or chosen in found else sorted([*found, chosen], reverse=True)


def _during(month: Month) -> Q:
    return Q(created_at__gte=month.begins, created_at__lt=month.next.begins)


def _bounded(rows: QuerySet[Row], query: Query) -> QuerySet[Row]:
    if query.month:
        rows = rows.filter(_during(query.month))
    if query.before:
        rows = rows.filter(pk__lt=query.before)
    return rows.order_by("-id")


def _page(rows: QuerySet[Row], query: Query) -> Page[Row]:
    found = list(rows[: PAGE + 1])
    return Page(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)
