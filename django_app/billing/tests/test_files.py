"""Spreadsheets: Hangul for Excel, nothing that a spreadsheet would run, numbers that stay numbers,
memory that stays flat.
"""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from billing.reports import csv_file, xlsx_file

HEAD = ["시각", "금액", "메모"]
MIDNIGHT = datetime.fromisoformat("2026-11-24 00:00:00")
NOON = datetime(2026, 11, 24, 3, 0, 1, tzinfo=UTC)


def csv_of(head, rows):
    return b"".join(csv_file.response("t", head, rows).streaming_content)


def read_csv(head, rows):
    data = csv_of(head, rows)
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(head, rows, title="거래"):
    with xlsx_file.write(title, head, rows) as file:
        book = load_workbook(file)
        rows = [
            [unescape(cell) if isinstance(cell, str) else cell for cell in row]
            for row in book.active.iter_rows(values_only=True)
        ]
        return book.active.title, rows


def test_csv_is_what_excel_reads():
    data = csv_of(HEAD, [[NOON, 10_000, '홍길동, "a"\n둘째 줄']])
    assert (
        data
        == '\ufeff시각,금액,메모\r\n2026-11-24 12:00:01,10000,"홍길동, ""a""\n둘째 줄"\r\n'.encode()
    )


FORMULAS = [
    "=1+1",
    "+82",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠1",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_begins_like_a_formula(text):
    assert read_csv(["a", "b"], [[1, text]])[1] == ["1", f"'{text}"]
    with xlsx_file.write("t", ["a", "b"], [[1, text]]) as file, zipfile.ZipFile(file) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
        assert b"hyperlink" not in parts.read("xl/worksheets/sheet1.xml")
    assert read_xlsx(["a", "b"], [[1, text]])[1][1][1] == text


@pytest.mark.parametrize("text", ["", "a=b", "홍길동", "'=1", "010-1234", "1,000", "_x0041_"])
def test_other_text_stays_as_it_is(text):
    assert read_csv(["a", "b"], [[1, text]])[1][1] == text
    assert read_xlsx(["a", "b"], [[1, text]])[1][1][1] == (text or None)


def test_numbers_stay_numbers():
    row = [
        -700,
        0,
        10**12,
        Decimal("-12.5000"),
        Decimal(10_000),
        1_234_567_890_123_456_789,
        date(2026, 11, 24),
        None,
    ]
    head = [str(number) for number in range(len(row))]
    assert read_csv(head, [row])[1] == [
        "-700",
        "0",
        "1000000000000",
        "-12.5",
        "10000",
        "1234567890123456789",
        "2026-11-24",
        "",
    ]
    _, (_, back) = read_xlsx(head, [row])
    assert back == [-700, 0, 10**12, -12.5, 10_000, "1234567890123456789", MIDNIGHT, None]


def test_xlsx_read_back():
    title, (head, first, second) = read_xlsx(
        HEAD, [[NOON, 10_000, "홍길동"], [None, 5, "x" * 40_000]], "거래 [2026/11]: '*?"
    )
    assert (title, head, first) == (
        "거래  2026 11",
        HEAD,
        [MIDNIGHT.replace(hour=12, second=1), 10_000, "홍길동"],
    )
    assert (second[:2], len(second[2])) == ([None, 5], xlsx_file.CELL)


@pytest.mark.parametrize("title", ["", "''", "[]", "가" * 40])
def test_names_of_sheets(title):
    assert len(read_xlsx(HEAD, [], title)[0]) in range(1, 32)


def test_nothing_to_tell():
    assert read_csv(HEAD, []) == [HEAD]
    assert read_xlsx(HEAD, [])[1] == [HEAD]


def test_too_many_rows_for_a_sheet(monkeypatch):
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", 3)
    assert len(read_xlsx(["a"], [[1]] * 3)[1]) == 4
    with pytest.raises(ValueError, match="more than 3 rows"):
        xlsx_file.write("t", ["a"], ([number] for number in range(10)))


def _rows(number):
    return ([NOON, index, f"row number {index} of a long list"] for index in range(number))


def _peak(read, number):
    tracemalloc.start()
    try:
        read(number)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _read_csv(number):
    for _piece in csv_file.response("t", HEAD, _rows(number)).streaming_content:
        pass


def _read_xlsx(number):
    xlsx_file.write("t", HEAD, _rows(number)).close()


@pytest.mark.parametrize("read", [_read_csv, _read_xlsx])
def test_memory_does_not_grow_with_the_rows(read):
    read(10)  # what is imported and cached the first time
    few, many = _peak(read, 1_000), _peak(read, 8_000)
    assert many < few + 200_000
    kept = _peak(lambda number: list(_rows(number)), 8_000)  # the control: a list of them does grow
    assert kept > 1_000_000
