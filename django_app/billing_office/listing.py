"""Lists of the back office: newest first, pages that cost the same at the first row and at the
millionth, filters, exact search, totals.

No page counts rows. A page is found by where the last one ended (its row's time and key), on an
index; totals are made for a bounded range of days only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Field, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PAGE = 50  # rows
TOTALS_DAYS = 31  # a longer range has no totals


@dataclass(frozen=True)
class Filter:
    """One choice above a list. pick: from the chosen value to the rows. choices None: any text,
    suggestions from `suggest`.
    """

    name: str
    label: Any
    pick: Callable[[str], Q]
    choices: Sequence[tuple[str, Any]] | None = None
    suggest: Sequence[str] = ()
    hidden: bool = False  # set by links only, shown as a chip
    is_flag: bool = False  # on with any value

    def form_field(self) -> forms.Field:
        if self.choices is None:
            widget = forms.TextInput(
                attrs={"list": f"suggest-{self.name}", "autocomplete": "off"}
                if self.suggest
                else {}
            )
            return forms.CharField(label=self.label, required=False, max_length=64, widget=widget)
        return forms.ChoiceField(
            label=self.label, required=False, choices=[("", gettext_lazy("All")), *self.choices]
        )


@dataclass(frozen=True)
class Column:
    """One column: cell makes its text or HTML from a row."""

    label: Any
    cell: Callable[[Any], Any]
    numeric: bool = False


@dataclass(frozen=True)
class SearchResult:
    """What a search came to. q: the rows; recognised_as: what was typed, in words; alternative:
    (words, query string) for reading it otherwise.
    """

    q: Q
    recognised_as: str = ""
    alternative: tuple[str, str] | None = None


class DayField(forms.DateField):
    """A day of this century: every database and time zone can count with it."""

    def __init__(self, label: Any) -> None:
        within = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2099, 12, 31))]
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(
            label=label,
            required=False,
            widget=widget,
            validators=within,
            input_formats=["%Y-%m-%d"],
        )


class ListForm(forms.Form):
    """What stands above a list, as it was sent."""

    q = forms.CharField(required=False, max_length=200)
    since = DayField(label=gettext_lazy("First day"))
    until = DayField(label=gettext_lazy("Last day"))

    def __init__(self, data: QueryDict, filters: Sequence[Filter], *, dated: bool) -> None:
        super().__init__(data)
        if not dated:
            del self.fields["since"], self.fields["until"]
        for wanted in filters:
            self.fields[wanted.name] = wanted.form_field()

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("since") and found.get("until") and found["since"] > found["until"]:
            self.add_error("until", ValidationError(_("The end lies before the beginning.")))
        return found


@dataclass
class Listing:
    """One page of a list, from the address of the request.

    rows: all that staff may see. when: the column that the list is ordered by, newest first, "" for
    the key alone. search: from what was typed to its rows. totals: from the rows to (label, text)
    pairs. What the form refuses filters nothing and is said at its field.
    """

    data: QueryDict
    rows: QuerySet[Any]
    columns: Sequence[Column]
    filters: Sequence[Filter] = ()
    when: str = ""
    search: Callable[[str, QueryDict], SearchResult] | None = None
    search_hint: Any = ""
    totals: Callable[[QuerySet[Any]], list[tuple[Any, str]]] | None = None
    per_page: int = PAGE
    totals_days: int = TOTALS_DAYS
    nothing_found: Any = ""  # a way on, where a search found nothing
    form: ListForm = field(init=False)

    def __post_init__(self) -> None:
        self.form = ListForm(self.data, self.filters, dated=bool(self.when))
        self.form.is_valid()
        self.chosen = self.form.cleaned_data

    # -- which rows --

    @cached_property
    def search_result(self) -> SearchResult | None:
        typed = self.chosen.get("q", "").strip()
        return self.search(typed, self.data) if typed and self.search else None

    @cached_property
    def queryset(self) -> QuerySet[Any]:
        """All rows that fit, in order: for pages, totals and exports."""
        rows = self.rows
        if self.search_result:
            rows = rows.filter(self.search_result.q)
        for wanted in self.filters:
            if value := self.chosen.get(wanted.name):
                rows = rows.filter(wanted.pick(value))
        if since := self.chosen.get("since"):
            rows = rows.filter(**{f"{self.when}__gte": start_of(since)})
        if until := self.chosen.get("until"):
            rows = rows.filter(**{f"{self.when}__lt": start_of(until + timedelta(days=1))})
        return rows.order_by(*([f"-{self.when}"] if self.when else []), "-pk")

    # -- one page of them --

    @cached_property
    def _came_from(self) -> tuple[tuple[datetime | None, Any] | None, bool]:
        """The row that the page before ended with, and whether we go on to newer ones."""
        newer = "after" in self.data
        place = self._place(self.data.get("after" if newer else "before", ""))
        return place, newer and place is not None

    @cached_property
    def page(self) -> list[Any]:
        """The rows of this page: one statement."""
        place, newer = self._came_from
        rows = self.queryset
        if place:
            rows = rows.filter(self._beyond(place, newer=newer))
        if newer:
            rows = rows.reverse()
        found = list(rows[: self.per_page + 1])
        self._goes_on = len(found) > self.per_page
        found = found[: self.per_page]
        return found[::-1] if newer else found

    @property
    def older(self) -> str:
        """The query string of the next page, "" where this is the last one."""
        page, (_place, newer) = self.page, self._came_from
        return self.with_(before=self._mark(page[-1])) if page and (newer or self._goes_on) else ""

    @property
    def newer(self) -> str:
        """The query string of the page before, "" where this is the first one."""
        page, (place, newer) = self.page, self._came_from
        there_is = self._goes_on if newer else place is not None
        return self.with_(after=self._mark(page[0])) if page and there_is else ""

    @property
    def is_beyond(self) -> bool:
        """An empty page behind (or before) all rows: only the way to the first page is left."""
        return not self.page and self._came_from[0] is not None

    def with_(self, **changes: str) -> str:
        """This list's address with other values; a new choice begins at the first page."""
        data = self.data.copy()
        for gone in ("before", "after"):
            data.pop(gone, None)
        for name, value in changes.items():
            data[name] = value
            if not value:
                del data[name]
        return f"?{data.urlencode()}"

    def _mark(self, row: Any) -> str:
        if not self.when:
            return str(row.pk)
        since = getattr(row, self.when) - datetime(1970, 1, 1, tzinfo=UTC)
        return f"{since // timedelta(microseconds=1)}.{row.pk}"

    def _place(self, mark: str) -> tuple[datetime | None, Any] | None:
        """A page's end as the address tells it; None for what cannot be one."""
        stamp, _dot, key = mark.rpartition(".")
        pk = key_of(self.rows.model._meta.pk, key)
        if pk is None or not re.fullmatch(r"[0-9]{1,17}" if self.when else "", stamp):
            return None
        moment = (
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(stamp)) if stamp else None
        )
        return moment, pk

    def _beyond(self, place: tuple[datetime | None, Any], *, newer: bool) -> Q:
        """Older (or newer) than this row. Written so that one end of the index is its start on
        every database.
        """
        moment, pk = place
        side, strictly = ("gte", "lte") if newer else ("lte", "gte")
        if moment is None:
            return Q(**{"pk__gt" if newer else "pk__lt": pk})
        return Q(**{f"{self.when}__{side}": moment}) & ~Q(
            **{self.when: moment, f"pk__{strictly}": pk}
        )

    # -- what stands above it --

    @property
    def days(self) -> int | None:
        """How many days the chosen range has; None where an end is open."""
        since, until = self.chosen.get("since"), self.chosen.get("until")
        return (until - since).days + 1 if since and until else None

    @cached_property
    def sums(self) -> list[tuple[Any, str]]:
        """Totals of a bounded range: one statement; else nothing."""
        return (
            self.totals(self.queryset)
            if self.totals and self.days and self.days <= self.totals_days
            else []
        )

    @property
    def has_search(self) -> bool:
        return self.search is not None

    @property
    def lacks_days(self) -> bool:
        """Whether there would be totals, were the range bounded. (A template would call `totals`
        itself.)
        """
        return self.totals is not None and not self.sums

    @property
    def ranges(self) -> list[tuple[Any, str, bool]]:
        """Ranges at one press: (words, query string, chosen)."""
        if not self.when:
            return []
        today = timezone.localdate()
        last_month = today.replace(day=1) - timedelta(days=1)
        offered = [
            (_("Today"), today, today),
            (_("7 days"), today - timedelta(days=6), today),
            (_("30 days"), today - timedelta(days=29), today),
            (_("This month"), today.replace(day=1), today),
            (_("Last month"), last_month.replace(day=1), last_month),
        ]
        now = (self.chosen.get("since"), self.chosen.get("until"))
        return [
            (words, self.with_(since=f"{a}", until=f"{b}"), (a, b) == now)
            for words, a, b in offered
        ]

    @property
    def bound_fields(self) -> list[Any]:
        """The filters as the form shows them."""
        names = [wanted.name for wanted in self.filters if not wanted.hidden]
        return [self.form[name] for name in [*names, *(["since", "until"] if self.when else [])]]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Filters that only links set go on with the form."""
        return [
            (wanted.name, self.chosen[wanted.name])
            for wanted in self.filters
            if wanted.hidden and self.chosen.get(wanted.name)
        ]

    @property
    def cells(self) -> list[list[tuple[Column, Any]]]:
        """The page's rows, column by column."""
        return [[(column, column.cell(row)) for column in self.columns] for row in self.page]

    @property
    def first(self) -> str:
        """The query string of the first page."""
        return self.with_()

    @property
    def chips(self) -> list[tuple[str, str]]:
        """Filters that only links set: (words, query string without it)."""
        chosen = [
            (wanted, self.chosen.get(wanted.name)) for wanted in self.filters if wanted.hidden
        ]
        return [
            (
                f"{wanted.label}" if wanted.is_flag else f"{wanted.label}: {value}",
                self.with_(**{wanted.name: ""}),
            )
            for wanted, value in chosen
            if value
        ]

    @property
    def is_narrowed(self) -> bool:
        return any(self.chosen.values()) or bool(self.form.errors)


def key_of(field: Field[Any, Any], typed: str) -> Any:
    """The key that `typed` stands for, as this key field has it; None for what cannot be one: no
    database is asked for that.
    """
    if not re.fullmatch(r"[0-9a-zA-Z_-]{1,40}", typed):
        return None
    try:
        key = field.to_python(typed)
    except ValidationError:
        return None
    return None if isinstance(key, int) and abs(key) >= 2**63 else key


def start_of(day: date) -> datetime:
    """Midnight in the site's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))
