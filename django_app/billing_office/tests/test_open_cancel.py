"""Beside an open cancel no page offers its money once more, calls the payment plainly paid, or says
that both sides agree.
"""

from __future__ import annotations

import csv
import io

import pytest
import requests

from billing.models import PointCancellation, PointTransaction
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import payment_page

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


@pytest.fixture
def unknown(gateway, paid):
    """40,000 won, all of it asked back, and nobody knows how that ended."""
    txn = paid(40_000)
    gateway.fail_next("payments/cancel", requests.ReadTimeout("hung"))
    rows.cancel(txn, reason="x", by=txn.owner.user)
    assert PointCancellation.objects.get().state == "unknown"
    return txn


def test_nothing_can_be_cancelled_beside_an_open_cancel(gateway, finance, unknown):
    page = payment_page(finance, unknown)
    facts = dict(page.context["account_facts"])
    assert facts["Can be cancelled now"] == "nothing now, a cancel is open"
    assert "40,000 won" not in facts["Can be cancelled now"]
    assert (
        "Do not cancel it at the console: a cancel of 40,000 won is open (Unknown), and would "
        "be paid twice." in page.text.replace("&#x27;", "'")
    )
    assert "Cancel all or a part" not in page.text
    address = url("pointtransaction", unknown.pk, "cancel")
    assert told(finance.get(address, follow=True)) == [
        "Nothing can be cancelled now: a cancel of this payment is open."
    ]


def test_a_part_that_is_open_counts(gateway, finance, paid):
    """Accepted 10,000 of 30,000: not "30,000 can still be cancelled"."""
    txn = paid(30_000)
    gateway.fail_next("payments/cancel", requests.ReadTimeout("hung"))
    rows.cancel(txn, reason="x", by=txn.owner.user, amount=10_000)
    PointCancellation.objects.update(state="accepted")
    page = payment_page(finance, txn)
    assert (
        dict(page.context["account_facts"])["Can be cancelled now"]
        == "nothing now, a cancel is open"
    )
    assert "a cancel of 10,000 won is open (Accepted)" in page.text


def test_without_an_open_cancel_it_is_what_is_left(gateway, finance, paid):
    txn = paid(40_000)
    rows.cancel(txn, reason="x", by=txn.owner.user, amount=15_000)
    page = payment_page(finance, txn)
    assert dict(page.context["account_facts"])["Can be cancelled now"] == "25,000 won"
    assert "Do not cancel it at the console" not in page.text
    assert "Cancel open" not in page.text


def test_both_sides_do_not_agree_while_the_end_is_unknown(gateway, finance, unknown, paid):
    page = payment_page(finance, unknown, ask=1).text
    assert "Both sides agree." not in page
    assert "a cancel is open: how it ends is not known" in page
    assert "Both sides agree." in payment_page(finance, paid(1_000), ask=1).text


def test_lists_and_files_show_that_it_is_open(gateway, finance, unknown, paid):
    plain = paid(1_000)
    part = paid(9_000)
    rows.cancel(part, reason="x", by=part.owner.user, amount=2_000)
    listed = finance.get(url("pointtransaction"))
    cells = {row[0][1]: row[3][1] for row in listed.context["listing"].cells}
    status = {
        key.split("bo-nowrap")[1].split("</a>")[0].split(">")[1]: value
        for key, value in cells.items()
    }
    assert "Cancel open" in status[unknown.merchant_uid]
    assert "Cancel open" not in status[plain.merchant_uid] + status[part.merchant_uid]
    made = finance.get(url("pointtransaction", "export", "csv"))
    lines = {
        line["Order number (merchant_uid)"]: line
        for line in csv.DictReader(
            io.StringIO(b"".join(made.streaming_content).decode("utf-8-sig"))
        )
    }
    assert lines[unknown.merchant_uid]["Cancel open (won)"] == "40000"
    assert lines[plain.merchant_uid]["Cancel open (won)"] == "0"
    assert (lines[part.merchant_uid]["Status"], lines[plain.merchant_uid]["Status"]) == (
        "Cancelled in part",
        "Paid",
    )
