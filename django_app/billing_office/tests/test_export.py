"""Exports of the back office's lists: what is filtered is what comes, who may, what is masked, what
is written down.
"""

from __future__ import annotations

import csv
import gc
import io
import json
import tracemalloc
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from billing.models import Point, PointEntry, PointTransaction
from billing.reports import xlsx_file
from billing_office.exports import export
from billing_office.exports.export_columns import TRANSACTIONS as TRANSACTIONS_SHEET
from billing_office.tests.conftest import told

pytestmark = [pytest.mark.money, pytest.mark.django_db]

TRANSACTIONS = "/admin/billing/pointtransaction/"
LEDGER = "/admin/billing/pointentry/"
CANCELS = "/admin/billing/pointcancellation/"


@pytest.fixture
def rows(make_user):
    """Five transactions of three members, with entries, and an account to pay into."""
    owners = [
        Point.objects.create(user=make_user(name))
        for name in ("hong@example.com", "010-1234-5678", "=kim")
    ]
    made = []
    for number in range(5):
        txn = PointTransaction.objects.create(
            owner=owners[number % 3], merchant_uid=f"m-{number}", imp_uid=f"imp_{number}",
            amount=(number + 1) * 1_000, pay_method="vbank" if number else "card",
            status="paid" if number < 3 else "ready",
            credited=(number + 1) * 1_000 if number < 3 else 0,
            credited_at=timezone.now() if number < 3 else None,
            vbank_num="110-123-456789", vbank_name="신한", card_name="신한카드",
        )  # fmt: skip
        made.append(txn)
        if number < 3:
            PointEntry.objects.create(
                owner=txn.owner, txn=txn, version=1, kind="charge", delta=txn.amount
            )
    return made


def read(response):
    assert response.status_code == 200, response
    content = b"".join(response.streaming_content)
    if "csv" in response["Content-Type"]:
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    return [
        list(row) for row in load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    ]


def column(table, name):
    return [row[table[0].index(name)] for row in table[1:]]


# -- what comes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", export.FORMATS)
def test_the_whole_list_newest_first(log_in, rows, kind):
    response = log_in("finance").get(f"{TRANSACTIONS}export/{kind}/")
    name = f'attachment; filename="transactions-{timezone.localtime():%Y%m%d}-'
    assert response["Content-Disposition"].startswith(name)
    assert "no-store" in response["Cache-Control"]
    table = read(response)
    assert column(table, "Order number (merchant_uid)") == ["m-4", "m-3", "m-2", "m-1", "m-0"]
    amounts = column(table, "Amount (won)")
    assert amounts == (
        [5_000, 4_000, 3_000, 2_000, 1_000]
        if kind == "xlsx"
        else ["5000", "4000", "3000", "2000", "1000"]
    )
    assert column(table, "Status")[-1] == "Paid"
    assert column(table, "Method")[-1] == "Card"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=paid", ["m-2", "m-1", "m-0"]), ("?status=paid&method=card", ["m-0"]),
        ("?q=imp_1", ["m-1"]), ("?q=3000", ["m-2"]),
        ("?q=hong@example.com", ["m-3", "m-0"]), ("?q=nobody", []),
        ("?before=1.1", ["m-4", "m-3", "m-2", "m-1", "m-0"]),
    ],
)  # fmt: skip
def test_what_is_filtered_is_what_comes(log_in, rows, query, found):
    table = read(log_in("finance").get(f"{TRANSACTIONS}export/csv/{query}"))
    assert column(table, "Order number (merchant_uid)") == found


def test_days(log_in, rows):
    PointTransaction.objects.filter(merchant_uid="m-1").update(
        created_at=timezone.now() - timedelta(days=3)
    )
    day = timezone.localdate() - timedelta(days=3)
    table = read(log_in("finance").get(f"{TRANSACTIONS}export/csv/?since={day}&until={day}"))
    assert column(table, "Order number (merchant_uid)") == ["m-1"]


def test_the_ledger_and_the_cancels(log_in, rows, user):
    Point.objects.adjust(
        user=rows[0].owner.user, delta=7, idempotency_key="=k", reason="@fix", by=user
    )
    rows[0].cancellations.create(
        kind="return",
        imp_uid="imp_9",
        amount="12.5",
        currency="USD",
        base=0,
        checksum=1,
        reason="r",
        by_name="staff",
    )
    finance = log_in("finance")
    table = read(finance.get(f"{LEDGER}export/csv/"))
    assert column(table, "Points") == ["7", "3000", "2000", "1000"]
    assert (column(table, "Key")[0], column(table, "Memo")[0], column(table, "By")[0]) == (
        "'=k",
        "'@fix",
        "payer",
    )
    table = read(finance.get(f"{CANCELS}export/xlsx/"))
    assert (column(table, "Amount"), column(table, "Currency"), column(table, "State")) == (
        [12.5],
        ["USD"],
        ["Requested"],
    )


def test_in_korean(log_in, rows):
    table = read(
        log_in("finance").get(f"{TRANSACTIONS}export/csv/", headers={"accept-language": "ko"})
    )
    assert "결제 완료" in column(table, "상태")


# -- personal data ---------------------------------------------------------------------------------


def test_personal_data_is_masked_unless_permitted(log_in, rows):
    table = read(log_in("finance").get(f"{TRANSACTIONS}export/csv/"))
    assert column(table, "Member") == [
        "010-••••-5678",
        "h•••@example.com",
        "'=kim",
        "010-••••-5678",
        "h•••@example.com",
    ]
    assert set(column(table, "Virtual account")) == {"신한 ••••6789"}
    table = read(log_in("boss").get(f"{TRANSACTIONS}export/csv/"))
    assert column(table, "Member")[:2] == ["010-1234-5678", "hong@example.com"]
    assert set(column(table, "Virtual account")) == {"신한 110-123-456789"}


# -- who may, and what is written down -------------------------------------------------------------


@pytest.mark.parametrize("address", [TRANSACTIONS, LEDGER, CANCELS])
@pytest.mark.parametrize(
    ("group", "status"), [("support", 403), ("nobody", 403), ("finance", 200), ("boss", 200)]
)
def test_who_may(log_in, rows, address, group, status):
    browser = log_in(group)
    assert browser.get(f"{address}export/csv/").status_code == status
    page = browser.get(address)
    assert (b"export/csv/" in page.content) == (status == 200)


def test_figures_alone_show_no_list(log_in, rows):
    """Who may see figures and not this list gets no file of it."""
    browser = log_in("nobody", "view_dailyfigures")
    assert browser.get(f"{TRANSACTIONS}export/csv/").status_code == 403


def test_strangers(client, rows, user):
    assert client.get(f"{TRANSACTIONS}export/csv/").status_code == 302
    client.force_login(user)
    assert client.get(f"{TRANSACTIONS}export/csv/").status_code == 302
    assert LogEntry.objects.count() == 0


def test_other_methods_and_formats(log_in, rows):
    finance = log_in("finance")
    assert finance.post(f"{TRANSACTIONS}export/csv/").status_code == 405
    assert finance.head(f"{TRANSACTIONS}export/csv/").status_code == 405
    assert finance.get(f"{TRANSACTIONS}export/pdf/").status_code == 404
    assert finance.get("/admin/billing/webhookevent/export/csv/").status_code in (302, 404)
    assert LogEntry.objects.count() == 0


def test_every_export_is_written_down(log_in, rows, caplog):
    with caplog.at_level("INFO", "billing.staff"):
        log_in("finance").get(
            f"{TRANSACTIONS}export/xlsx/?q=hong@example.com&status=paid&since=2026-01-01"
        )
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.content_type.model, entry.object_id) == (
        "finance",
        "pointtransaction",
        None,
    )
    facts = json.loads(entry.change_message)
    assert facts == {
        "what": "export",
        "kind": "xlsx",
        "full": False,
        "filters": {"q": "h•••@example.com", "status": "paid", "since": "2026-01-01"},
    }
    assert "finance: export billing.PointTransaction" in caplog.text
    assert "hong@" not in caplog.text
    log_in("boss").get(f"{LEDGER}export/csv/")
    assert json.loads(LogEntry.objects.first().change_message)["full"] is True


def test_a_refused_filter_exports_nothing(log_in, rows):
    """It filters nothing in the list, where one sees it; a file would hold everything."""
    response = log_in("finance").get(
        f"{TRANSACTIONS}export/csv/?since=tomorrow&status=paid", follow=True
    )
    assert response.redirect_chain == [(f"{TRANSACTIONS}?since=tomorrow&status=paid", 302)]
    assert "Nothing was exported: a filter is not valid." in response.content.decode()
    assert LogEntry.objects.count() == 0


def test_too_many_rows_for_a_sheet(log_in, rows, monkeypatch):
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", 4)
    finance = log_in("finance")
    response = finance.get(f"{TRANSACTIONS}export/xlsx/", follow=True)
    assert "More than 4 rows do not fit into one XLSX file" in response.content.decode()
    assert len(read(finance.get(f"{TRANSACTIONS}export/xlsx/?q=imp_1"))) == 2
    assert len(read(finance.get(f"{TRANSACTIONS}export/csv/"))) == 6


# -- many rows -------------------------------------------------------------------------------------


def many(owner, number):
    """Rows of which always three share a moment: slices end between them."""
    now = timezone.now()
    made = PointTransaction.objects.bulk_create(
        PointTransaction(
            owner=owner, merchant_uid=f"many-{index}", amount=index + 1, pay_method="card"
        )
        for index in range(number)
    )
    for index, txn in enumerate(made):
        txn.created_at = now - timedelta(seconds=index // 3)
    PointTransaction.objects.bulk_update(made, ["created_at"])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
def test_slices_miss_nothing_and_repeat_nothing(rows, size, monkeypatch):
    many(rows[0].owner, 40)
    monkeypatch.setattr(export, "SLICE", size)
    everything = PointTransaction.objects.order_by("-created_at", "-pk")
    with CaptureQueriesContext(connection) as captured:
        assert list(export.newest_first(PointTransaction.objects.all(), "created_at")) == list(
            everything
        )
    assert len(captured) == -(-45 // size) + (45 % size == 0) + 1
    assert list(export.newest_first(PointTransaction.objects.all(), "")) == list(
        everything.order_by("-pk")
    )


def test_what_is_added_meanwhile_is_not_among_them(rows, monkeypatch, make_txn):
    monkeypatch.setattr(export, "SLICE", 2)
    seen = export.newest_first(PointTransaction.objects.all(), "created_at")
    first = next(seen)
    make_txn()
    assert [first, *seen] == list(reversed(rows))


@pytest.mark.thorough
def test_memory_does_not_grow_with_the_rows(rows, monkeypatch):
    """Reading; writing is in test_files.py, and both together with 100,000 rows in `make bench`."""
    monkeypatch.setattr(export, "SLICE", 50)

    def peak():
        every = PointTransaction.objects.annotate(
            **{name: F(path) for name, path in TRANSACTIONS_SHEET.more.items()}
        )
        tracemalloc.start()
        try:
            for number, row in enumerate(export.newest_first(every, "created_at")):
                assert [one.cell(row, False) for one in TRANSACTIONS_SHEET.fields]
                if number % 50 == 0:
                    gc.collect()  # what only waits to be collected is no growth
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def add(names):
        PointTransaction.objects.bulk_create(
            PointTransaction(
                owner=rows[0].owner, merchant_uid=f"more-{name}", amount=1, pay_method="card"
            )
            for name in names
        )

    add(range(100))
    peak()  # what is imported and cached the first time
    few = peak()
    add(range(100, 600))
    assert peak() < few + 100_000


# -- without XlsxWriter ----------------------------------------------------------------------------


def test_without_xlsxwriter_csv_is_offered_and_xlsx_says_why_not(log_in, rows, monkeypatch):
    monkeypatch.setattr(xlsx_file, "is_available", lambda: False)
    client = log_in("finance")
    for page in (TRANSACTIONS, LEDGER, CANCELS, "/admin/billing/dailyfigures/"):
        shown = client.get(page)
        assert "export/xlsx" not in shown.text
        answer = client.get(f"{page}export/xlsx/", follow=True)
        assert told(answer) == [
            "XLSX cannot be written here: XlsxWriter is not installed. Take CSV."
        ]
        assert client.get(f"{page}export/csv/").status_code == 200
    assert LogEntry.objects.filter(change_message__contains="xlsx").count() == 0
