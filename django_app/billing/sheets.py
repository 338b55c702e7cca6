"""Tables for a spreadsheet: CSV as it streams, XLSX through a temporary file. Memory does not grow with the rows.

Cells are int, Decimal, str, date, datetime or None. What members wrote may begin like a formula, which a spreadsheet would run: in CSV such
text gets an apostrophe, in XLSX text is stored as text. Numbers stay numbers, negative ones too.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from django.utils import timezone
from xlsxwriter import Workbook

FORMATS = ("csv", "xlsx")
XLSX_ROWS = 200_000  # in one file: it is finished before its first byte goes out. A sheet could hold 1,048,575
BOM = b"\xef\xbb\xbf"  # by which Excel knows UTF-8, and so shows Hangul
FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # the full-width ones count in Japanese and Korean spreadsheets
ROWS_AT_ONCE = 100  # in one piece of the stream
CELL = 32_767  # characters in a cell of XLSX
EXACT = 10**15  # spreadsheets count with 15 digits
WIDTHS = {"date": 12, "datetime": 20, "number": 14, "text": 24}


def harmless(value: Any) -> Any:
    """This cell for CSV: local time without offset, text that no spreadsheet takes for a formula."""
    if isinstance(value, datetime):
        return _local(value).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """UTF-8 with BOM, lines ending in CR LF, in pieces."""
    left = iter(rows)
    piece: list[Sequence[Any]] = [head]
    mark = BOM
    while piece:
        text = io.StringIO()
        csv.writer(text).writerows([harmless(cell) for cell in row] for row in piece)
        yield mark + text.getvalue().encode()
        mark = b""
        piece = list(islice(left, ROWS_AT_ONCE))


def as_xlsx(head: Sequence[str], rows: Iterable[Sequence[Any]], title: str) -> IO[bytes]:
    """A temporary file, at its beginning, gone once closed. Rows beyond XLSX_ROWS are refused with ValueError."""
    made = tempfile.TemporaryFile()  # noqa: SIM115  (the caller reads and closes it)
    try:
        with Workbook(made, {"constant_memory": True}) as book:
            sheet = book.add_worksheet(_name(title))
            moment, day = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"))
            bold = book.add_format({"bold": True, "bottom": 1})
            whole = book.add_format({"num_format": "#,##0"})
            sheet.freeze_panes(1, 0)
            first, rows = _peek(rows)
            for column, label in enumerate(head):  # widths go before the rows
                sheet.set_column(column, column, max(WIDTHS[_sort(first[column] if first else "")], len(label) + 2))
            for column, label in enumerate(head):
                sheet.write_string(0, column, str(label), bold)
            for number, row in enumerate(rows, start=1):
                if number > XLSX_ROWS:
                    raise ValueError(f"more than {XLSX_ROWS} rows")
                for column, value in enumerate(row):
                    sort = _sort(value)
                    if value is None or value == "":
                        continue
                    if sort == "datetime":
                        sheet.write_datetime(number, column, _local(value), moment)
                    elif sort == "date":
                        sheet.write_datetime(number, column, value, day)
                    elif sort == "number" and abs(value) < EXACT:
                        sheet.write_number(number, column, value, whole if value % 1 == 0 else None)
                    else:
                        sheet.write_string(number, column, _cut(str(value)))
    except BaseException:
        made.close()
        raise
    made.seek(0)
    return made


def _sort(value: Any) -> str:
    if isinstance(value, datetime):
        return "datetime"
    if isinstance(value, date):
        return "date"
    return "number" if isinstance(value, int | Decimal) and not isinstance(value, bool) else "text"


def _local(moment: datetime) -> datetime:
    """The site's time, without the offset that spreadsheets do not know."""
    return timezone.make_naive(moment, timezone.get_default_timezone()) if timezone.is_aware(moment) else moment


def _cut(text: str) -> str:
    return text if len(text) <= CELL else f"{text[: CELL - 1]}…"


def _name(title: str) -> str:
    """A sheet's name: 31 characters, without those that Excel refuses."""
    return "".join(" " if letter in "[]:*?/\\" else letter for letter in title).strip("' ")[:31] or "1"


def _peek(rows: Iterable[Sequence[Any]]) -> tuple[Sequence[Any] | None, Iterable[Sequence[Any]]]:
    """The first row, and all of them."""
    left = iter(rows)
    first = next(left, None)

    def again() -> Iterator[Sequence[Any]]:
        if first is not None:
            yield first
        yield from left

    return first, again()
