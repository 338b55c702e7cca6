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
from django.utils.translation import gettext_lazy, pgettext_lazy

PAGE = 50  # rows
TOTALS_DAYS = 31  # a longer range has no totals
YES_NO = [
    ("yes", gettext_lazy("Yes")),
    ("no", pgettext_lazy("filter", "No")),
]  # choices of a filter


@dataclass(frozen=True)
class Filter:
    """One choice above a list. condition: from the chosen value to the rows. choices None: any
    text, suggestions from `suggest`.
    """

    name: str
    label: Any
    condition: Callable[[str], Q]
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
            label=self.label,
            required=False,
            choices=[("", pgettext_lazy("filter", "All")), *self.choices],
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
        for list_filter in filters:
            self.fields[list_filter.name] = list_filter.form_field()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("since") and data.get("until") and data["since"] > data["until"]:
            self.add_error("until", ValidationError(_("The end lies before the beginning.")))
        return data


@dataclass
class Listing:
    """One page of a list, from the address of the request.

    rows: all that staff may see. time_column: what the list is ordered by, newest first, "" for
    the key alone. search: from what was typed to its rows. totals: from the rows to (label, text)
    pairs. What the form refuses filters nothing and is said at its field.
    """

    data: QueryDict
    rows: QuerySet[Any]
    columns: Sequence[Column]
    filters: Sequence[Filter] = ()
    time_column: str = ""
    search: Callable[[str, QueryDict], SearchResult] | None = None
    search_hint: Any = ""
    totals: Callable[[QuerySet[Any]], list[tuple[Any, str]]] | None = None
    per_page: int = PAGE
    totals_days: int = TOTALS_DAYS
    nothing_found: Any = ""  # a way on, where a search found nothing; or a function that makes it
    form: ListForm = field(init=False)

    def __post_init__(self) -> None:
        self.form = ListForm(self.data, self.filters, dated=bool(self.time_column))
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
        for list_filter in self.filters:
            if value := self.chosen.get(list_filter.name):
                rows = rows.filter(list_filter.condition(value))
        if since := self.chosen.get("since"):
            rows = rows.filter(**{f"{self.time_column}__gte": start_of_day(since)})
        if until := self.chosen.get("until"):
            rows = rows.filter(
                **{f"{self.time_column}__lt": start_of_day(until + timedelta(days=1))}
            )
        return rows.order_by(*([f"-{self.time_column}"] if self.time_column else []), "-pk")

    # -- one page of them --

    @cached_property
    def _cursor(self) -> tuple[tuple[datetime | None, Any] | None, bool]:
        """The row that the page before ended with, and whether we go on to newer ones."""
        newer = "after" in self.data
        cursor = self._parse_cursor(self.data.get("after" if newer else "before", ""))
        return cursor, newer and cursor is not None

    @cached_property
    def page(self) -> list[Any]:
        """The rows of this page: one statement."""
        cursor, newer = self._cursor
        rows = self.queryset
        if cursor:
            rows = rows.filter(self._behind(cursor, newer=newer))
        if newer:
            rows = rows.reverse()
        page = list(rows[: self.per_page + 1])
        self._goes_on = len(page) > self.per_page
        page = page[: self.per_page]
        return page[::-1] if newer else page

    @property
    def older(self) -> str:
        """The query string of the next page, "" where this is the last one."""
        page, (_position, newer) = self.page, self._cursor
        return (
            self.with_(before=self._cursor_of(page[-1]))
            if page and (newer or self._goes_on)
            else ""
        )

    @property
    def newer(self) -> str:
        """The query string of the page before, "" where this is the first one."""
        page, (cursor, newer) = self.page, self._cursor
        there_is = self._goes_on if newer else cursor is not None
        return self.with_(after=self._cursor_of(page[0])) if page and there_is else ""

    @property
    def is_beyond(self) -> bool:
        """An empty page behind (or before) all rows: only the way to the first page is left."""
        return not self.page and self._cursor[0] is not None

    def with_(self, **changes: str) -> str:
        """This list's address with other values; a new choice begins at the first page."""
        data = self.data.copy()
        for name in ("before", "after"):
            data.pop(name, None)
        for name, value in changes.items():
            data[name] = value
            if not value:
                del data[name]
        return f"?{data.urlencode()}"

    def _cursor_of(self, row: Any) -> str:
        if not self.time_column:
            return str(row.pk)
        since = getattr(row, self.time_column) - datetime(1970, 1, 1, tzinfo=UTC)
        return f"{since // timedelta(microseconds=1)}.{row.pk}"

    def _parse_cursor(self, typed: str) -> tuple[datetime | None, Any] | None:
        """A page's end as the address tells it; None for what cannot be one."""
        stamp, _dot, key = typed.rpartition(".")
        pk = key_of(self.rows.model._meta.pk, key)
        if pk is None or not re.fullmatch(r"[0-9]{1,17}" if self.time_column else "", stamp):
            return None
        moment = (
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(stamp)) if stamp else None
        )
        return moment, pk

    def _behind(self, cursor: tuple[datetime | None, Any], *, newer: bool) -> Q:
        """Older (or newer) than this row. Written so that one end of the index is its start on
        every database.
        """
        moment, pk = cursor
        side, strictly = ("gte", "lte") if newer else ("lte", "gte")
        if moment is None:
            return Q(**{"pk__gt" if newer else "pk__lt": pk})
        return Q(**{f"{self.time_column}__{side}": moment}) & ~Q(
            **{self.time_column: moment, f"pk__{strictly}": pk}
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
        if not self.time_column:
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
        names = [list_filter.name for list_filter in self.filters if not list_filter.hidden]
        return [
            self.form[name] for name in [*names, *(["since", "until"] if self.time_column else [])]
        ]

    @property
    def hidden_values(self) -> list[tuple[str, str]]:
        """Filters that only links set go on with the form."""
        return [
            (list_filter.name, self.chosen[list_filter.name])
            for list_filter in self.filters
            if list_filter.hidden and self.chosen.get(list_filter.name)
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
            (list_filter, self.chosen.get(list_filter.name))
            for list_filter in self.filters
            if list_filter.hidden
        ]
        return [
            (
                f"{list_filter.label}" if list_filter.is_flag else f"{list_filter.label}: {value}",
                self.with_(**{list_filter.name: ""}),
            )
            for list_filter, value in chosen
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


def start_of_day(day: date) -> datetime:
    """Midnight in the site's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))
