"""A list as a file: the rows that the filters leave, newest first, read in slices and sent as they
come. Every export is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Model, Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.reports import csv_file, xlsx_file
from billing.reports.csv_file import Cell
from billing_office import audit_log, masking
from billing_office.listing import Listing

if TYPE_CHECKING:
    from billing_office.base import MoneyAdmin

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


def links(admin: MoneyAdmin, request: HttpRequest, listing: Listing) -> list[tuple[str, str]]:
    """(words, address) of the files of this list, for those who may have them."""
    if admin.sheet is None or not request.user.has_perm(permissions.FIGURES):
        return []
    return [(kind.upper(), f"{_address(admin, kind)}{listing.first}") for kind in FORMATS]


def _address(admin: MoneyAdmin, kind: str) -> str:
    return reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_export", args=[kind])


def send(admin: MoneyAdmin, request: HttpRequest, kind: str) -> HttpResponseBase:
    """The list of this address as a file. 403 without the permission, 404 for an unknown format;
    back to the list, with why, where a filter was refused or the rows are too many for one sheet.
    """
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    if admin.sheet is None or kind not in FORMATS:
        raise Http404
    if not admin.has_view_permission(request) or not request.user.has_perm(permissions.FIGURES):
        raise PermissionDenied
    listing = admin.listing(request)
    problem = _problem(listing, kind)
    if problem:
        messages.error(request, problem)
        return redirect(
            f"{reverse(f'admin:{admin.opts.app_label}_{admin.opts.model_name}_changelist')}{listing.first}"
        )
    in_full = request.user.has_perm(permissions.PERSONAL_DATA)
    audit_log.record_export(request, admin.model, kind=kind, full=in_full, filters=_told(listing))
    fields = admin.sheet.fields
    rows = listing.queryset.select_related(None).annotate(
        **{name: F(path) for name, path in admin.sheet.more.items()}
    )
    cells = ([one.cell(row, in_full) for one in fields] for row in newest_first(rows, listing.when))
    return as_file(kind, admin.sheet.name, [str(one.label) for one in fields], cells)


def as_file(
    kind: str, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """These rows as a file, `name` with the moment behind it. CSV is sent while it is read, XLSX
    when it is finished.
    """
    moment = timezone.localtime(timezone=timezone.get_default_timezone())
    writer = {"csv": csv_file.response, "xlsx": xlsx_file.response}[kind]
    return writer(f"{name}-{moment:%Y%m%d-%H%M%S}", head, rows)


def newest_first(rows: QuerySet[Any], when: str) -> Iterator[Model]:
    """Every row, newest first by `when` (a column with an index, "" for the key alone) and key.

    Each slice begins where the last one ended, so that neither memory nor a statement grows with
    their number, and no cursor is held. What is added meanwhile is not among them.
    """
    rows = rows.order_by(*([f"-{when}"] if when else []), "-pk")
    page = rows
    while batch := list(page[:SLICE]):
        yield from batch
        if len(batch) < SLICE:
            return
        last = batch[-1]
        if when:
            moment: datetime = getattr(last, when)
            page = rows.filter(**{f"{when}__lte": moment}).filter(
                ~Q(**{when: moment, "pk__gte": last.pk})
            )
        else:
            page = rows.filter(pk__lt=last.pk)


def _problem(listing: Listing, kind: str) -> str:
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


def _told(listing: Listing) -> dict[str, str]:
    """The filters for the log; what was searched for may be a person's address."""
    chosen = {name: str(value) for name, value in listing.chosen.items() if value}
    if "q" in chosen:
        chosen["q"] = masking.login(chosen["q"])
    return chosen


def person(name: str, in_full: bool) -> str:
    """A login name."""
    return name if in_full else masking.login(name)
