"""A table as a CSV file that spreadsheet programs read well: UTF-8 with its mark, streamed, no cell
that one of them would calculate.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.http import StreamingHttpResponse
from django.utils import timezone

Cell = str | int | Decimal | date | None

LINES = 200  # that are sent together
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_CONTROL = ("\t", "\r", "\n")


class _Lines(list[str]):
    """A file for csv.writer that keeps the lines."""

    write = list.append


def response(
    name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """The file `name`.csv; `rows` is read while it is sent. Numbers stay numbers, texts never
    become formulas.
    """
    answer = StreamingHttpResponse(_chunks(head, rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def cell(value: Cell) -> str | int:
    """`value` as it may stand in a spreadsheet: a text that begins like a formula gets an
    apostrophe before it. Times are the site's.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return timezone.make_naive(value, timezone.get_default_timezone()).isoformat(
            sep=" ", timespec="seconds"
        )
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if not isinstance(value, str):
        return "" if value is None else value.isoformat()
    text = value.replace("\0", "")
    return f"'{text}" if text.startswith(_CONTROL) or text.lstrip().startswith(_FORMULA) else text


def _chunks(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    lines = _Lines()
    writer = csv.writer(lines)
    lines.write("\ufeff")  # else Excel reads Korean as something else
    writer.writerow([cell(name) for name in head])
    for row in rows:
        writer.writerow([cell(value) for value in row])
        if len(lines) >= LINES:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()
