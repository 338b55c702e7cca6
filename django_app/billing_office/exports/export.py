"""A list as a file: the rows that the filters leave, newest first, read in slices and sent as they
come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Model, Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.reports import csv_file, xlsx_file
from billing.reports.csv_file import Cell
from billing_office import masking
from billing_office.listing import Listing

SLICE = 2_000  # rows in one statement
FORMATS = ("csv", "xlsx")


@dataclass(frozen=True)
class Field:
    """One column of a file: cell makes it from a row; in_full: for somebody who may see personal
    data as they are.
    """

    label: Any
    cell: Callable[[Any, bool], Any]


@dataclass(frozen=True)
class Sheet:
    """What the rows of a list become. name: of the file; more: columns of other tables, by the name
    under which a row carries them.

    Columns and not related objects, because a member and its account refer to each other: such
    pairs stay in memory for a while.
    """

    name: str
    fields: Sequence[Field]
    more: Mapping[str, str] = field(default_factory=dict)


def list_as_file(
    listing: Listing, sheet: Sheet, kind: str, *, in_full: bool
) -> StreamingHttpResponse:
    """Every row that the list's filters leave."""
    rows = listing.queryset.select_related(None).annotate(
        **{name: F(path) for name, path in sheet.more.items()}
    )
    cells = (
        [one.cell(row, in_full) for one in sheet.fields]
        for row in newest_first(rows, listing.time_column)
    )
    return as_file(kind, sheet.name, [str(one.label) for one in sheet.fields], cells)


def as_file(
    kind: str, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """These rows as a file, `name` with the moment behind it. CSV is sent while it is read, XLSX
    when it is finished.
    """
    moment = timezone.localtime(timezone=timezone.get_default_timezone())
    writer = {"csv": csv_file.response, "xlsx": xlsx_file.response}[kind]
    return writer(f"{name}-{moment:%Y%m%d-%H%M%S}", head, rows)


def newest_first(rows: QuerySet[Any], time_column: str) -> Iterator[Model]:
    """Every row, newest first by `time_column` (with an index; "" for the key alone) and key.

    Each slice begins where the last one ended, so that neither memory nor a statement grows with
    their number, and no cursor is held. What is added meanwhile is not among them.
    """
    rows = rows.order_by(*([f"-{time_column}"] if time_column else []), "-pk")
    page = rows
    while batch := list(page[:SLICE]):
        yield from batch
        if len(batch) < SLICE:
            return
        last = batch[-1]
        if time_column:
            moment: datetime = getattr(last, time_column)
            page = rows.filter(**{f"{time_column}__lte": moment}).filter(
                ~Q(**{time_column: moment, "pk__gte": last.pk})
            )
        else:
            page = rows.filter(pk__lt=last.pk)


def offered_formats() -> list[str]:
    """What can be written here."""
    return [kind for kind in FORMATS if not format_problem(kind)]


def format_problem(kind: str) -> str:
    """Why this format cannot be written here; "" where it can."""
    if kind == "xlsx" and not xlsx_file.is_available():
        return _("XLSX cannot be written here: XlsxWriter is not installed. Take CSV.")
    return ""


def problem(listing: Listing, kind: str) -> str:
    """Why this list cannot be exported; "" where it can."""
    if words := format_problem(kind):
        return words
    if listing.form.errors:
        return _("Nothing was exported: a filter is not valid.")
    if (
        kind == "xlsx"
        and listing.queryset.order_by()[: xlsx_file.MOST_ROWS + 1].count() > xlsx_file.MOST_ROWS
    ):
        most = f"{xlsx_file.MOST_ROWS:,}"
        return _(
            "More than %(rows)s rows do not fit into one XLSX file: narrow the dates, or take CSV."
        ) % {"rows": most}
    return ""


def filters_for_the_log(listing: Listing) -> dict[str, str]:
    """What was chosen; what was searched for may be a person's address."""
    chosen = {name: str(value) for name, value in listing.chosen.items() if value}
    if "q" in chosen:
        chosen["q"] = masking.login(chosen["q"])
    return chosen


def person(name: str, in_full: bool) -> str:
    """A login name."""
    return name if in_full else masking.login(name)
