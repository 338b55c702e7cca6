"""A table as an XLSX file, written row by row into a temporary file, so that memory stays flat.
Text is stored as text, never run. Needs XlsxWriter, which comes with the extra `office`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from django.http import FileResponse
from django.utils import timezone

from billing.reports.csv_file import Cell

if TYPE_CHECKING:
    from xlsxwriter import Workbook

# in one file: it is finished before its first byte goes out. A sheet could hold 1,048,575
MOST_ROWS = 200_000
CELL = 32_767  # characters
EXACT = 10**15  # spreadsheets count with 15 digits
WIDTHS = {"date": 12, "datetime": 20, "number": 14, "text": 24}


def is_available() -> bool:
    """Whether XlsxWriter is installed."""
    return find_spec("xlsxwriter") is not None


def response(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> FileResponse:
    """The file `name`.xlsx. Raises ValueError beyond MOST_ROWS."""
    answer = FileResponse(
        write(name, head, rows),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return answer


def write(title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> IO[bytes]:
    """A temporary file, at its beginning, gone once closed. Times are the site's. Raises ValueError
    beyond MOST_ROWS.
    """
    from xlsxwriter import Workbook

    made = tempfile.TemporaryFile()  # noqa: SIM115  (the caller reads and closes it)
    try:
        with Workbook(made, {"constant_memory": True}) as book:
            _fill(book, title, head, rows)
    except BaseException:
        made.close()
        raise
    made.seek(0)
    return made


def _fill(book: Workbook, title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    sheet = book.add_worksheet(_name(title))
    formats = {sort: book.add_format({"num_format": form}) for sort, form in _FORMATS.items()}
    first, rows = _peek(rows)
    sheet.freeze_panes(1, 0)
    for column, label in enumerate(head):  # widths go before the rows
        sheet.set_column(
            column, column, max(WIDTHS[_sort(first[column] if first else "")], len(label) + 2)
        )
    bold = book.add_format({"bold": True, "bottom": 1})
    for column, label in enumerate(head):
        sheet.write_string(0, column, label, bold)
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows")
        for column, value in enumerate(row):
            _write_cell(sheet, number, column, value, formats)


_FORMATS = {"datetime": "yyyy-mm-dd hh:mm:ss", "date": "yyyy-mm-dd", "number": "#,##0"}


def _write_cell(sheet: Any, row: int, column: int, value: Any, formats: dict[str, Any]) -> None:
    sort = _sort(value)
    if value is None or value == "":
        return
    if sort == "datetime":
        # Spreadsheets know no offset.
        sheet.write_datetime(
            row, column, timezone.make_naive(value, timezone.get_default_timezone()), formats[sort]
        )
    elif sort == "date":
        sheet.write_datetime(row, column, value, formats[sort])
    elif sort == "number" and abs(value) < EXACT:
        sheet.write_number(row, column, value, formats[sort] if value % 1 == 0 else None)
    else:
        text = str(value)
        sheet.write_string(row, column, text if len(text) <= CELL else f"{text[: CELL - 1]}…")


def _sort(value: Any) -> str:
    if isinstance(value, datetime):
        return "datetime"
    if isinstance(value, date):
        return "date"
    return "number" if isinstance(value, int | Decimal) else "text"


def _name(title: str) -> str:
    """A sheet's name: 31 characters, without those that Excel refuses."""
    return (
        "".join(" " if letter in "[]:*?/\\" else letter for letter in title).strip("' ")[:31] or "1"
    )


def _peek(rows: Iterable[Sequence[Cell]]) -> tuple[Sequence[Cell] | None, Iterable[Sequence[Cell]]]:
    """The first row, and all of them."""
    left = iter(rows)
    first = next(left, None)

    def again() -> Iterator[Sequence[Cell]]:
        if first is not None:
            yield first
        yield from left

    return first, again()
