"""The member's history: own rows only, by pages that cost the same, in months of Seoul, and as
files that no spreadsheet calculates.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.models import PointCancellation, PointEntry, PointTransaction
from billing.tests.support.history import (
    ALL,
    ENTRIES,
    ENTRIES_CSV,
    NOW,
    PAYMENTS,
    PAYMENTS_CSV,
    shown,
    spend,
    streamed,
    table,
)
from billing.web import history_query
from billing.web.history_query import ENTRY_KINDS, PAYMENT_KINDS, STATES, Query

pytestmark = pytest.mark.django_db


# -- whose -----------------------------------------------------------------------------------------


def test_only_own_rows(member: Client, add: Any, user: Any, make_user: Any) -> None:
    other = make_user("other")
    mine, theirs = add(paid=True), add(paid=True, owner=other)
    spend(user, -1, "my memo")
    spend(other, -1, "their memo")
    assert shown(member.get(PAYMENTS)) == [mine.pk]
    for address in (PAYMENTS, ENTRIES):
        page = member.get(address).content.decode()
        assert mine.merchant_uid in page
        assert theirs.merchant_uid not in page
        assert "their memo" not in page
    for address in (PAYMENTS_CSV, ENTRIES_CSV):
        file = b"".join(streamed(member.get(address))).decode()
        assert mine.merchant_uid in file
        assert theirs.merchant_uid not in file
        assert "their memo" not in file


@pytest.mark.parametrize("address", ALL)
def test_a_login_is_needed_and_nothing_is_changed_here(client: Client, address: str) -> None:
    assert client.get(address)["Location"].startswith("/accounts/login/?next=")
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("address", ALL)
def test_nobody_keeps_a_copy(member: Client, address: str) -> None:
    assert "no-store" in member.get(address)["Cache-Control"]


def test_a_member_without_rows(member: Client) -> None:
    for address in (PAYMENTS, ENTRIES):
        page = member.get(address, headers={"Accept-Language": "en"})
        assert shown(page) == []
        assert "yet." in page.content.decode()
    assert len(table(member.get(PAYMENTS_CSV))) == len(table(member.get(ENTRIES_CSV))) == 1


# -- pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [PAYMENTS, ENTRIES])
def test_pages_hold_every_row_once_whatever_is_added_meanwhile(
    member: Client, add: Any, address: str
) -> None:
    rows = [add(paid=True) for _ in range(45)]
    wanted = [txn.pk if address == PAYMENTS else txn.entries.get().pk for txn in reversed(rows)]
    seen: list[int] = []
    query = ""
    for size in (20, 20, 5):
        page = member.get(f"{address}?{query}")
        assert len(shown(page)) == size
        seen += shown(page)
        query = page.context["older_query"]
        add(paid=True)  # newer ones do not shift what follows
    assert query is None
    assert seen == wanted
    assert shown(member.get(f"{address}?{page.context['newest_query']}"))[3:] == wanted[:17]


def statements(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
        assert response.status_code == 200
        if response.streaming:
            streamed(response)
    return [query["sql"] for query in captured]


@pytest.mark.parametrize(
    ("address", "most"),
    [
        (PAYMENTS, 6),
        (f"{PAYMENTS}?month=2026-11&kind=paid", 7),
        (ENTRIES, 5),
        (f"{ENTRIES}?month=2026-11", 6),
        (PAYMENTS_CSV, 4),  # and one for every 500 rows
        (ENTRIES_CSV, 3),
    ],
)
def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(
    member: Client, add: Any, settings: Any, address: str, most: int
) -> None:
    def more(times: int) -> None:
        for _ in range(times):
            for options in (
                {"paid": True},
                {"cancelled": 1_000},
                {"status": "failed"},
                {"review": "wrong_amount", "has_notes": True},
            ):
                add(**options)

    more(1)
    few = statements(member, address)
    more(30)
    many = statements(member, address)
    assert len(few) == len(many) <= most
    assert not [sql for sql in many if "OFFSET" in sql or "COUNT(" in sql]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the words of a plan are SQLite's")
@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (history_query.payments, "billing_txn_by_owner"),
        (history_query.entries, "billing_entry_by_owner"),
    ],
)
def test_a_page_is_read_from_its_index(user: Any, add: Any, rows: Any, index: str) -> None:
    add(paid=True)
    with CaptureQueriesContext(connection) as captured:
        rows(user.pk, Query(before=10**9))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        plan = " ".join(row[3] for row in cursor.fetchall())
    assert index in plan
    assert "TEMP B-TREE" not in plan  # nothing is sorted


# -- states, kinds ---------------------------------------------------------------------------------


def every_state(add: Any, now: Any) -> dict[str, PointTransaction]:
    """One row in each state, the newest last."""
    now(NOW - timedelta(hours=2))
    made = {"unfinished": add()}
    now(NOW - timedelta(minutes=5))
    made.update(
        paid=add(paid=True),
        part_cancelled=add(cancelled=3_000),
        cancelled=add(cancelled=10_000),
        cancelling=add(
            "paid", credited_at=NOW, credited=0, pending_cancel_total=10_000, imp_uid="imp_goal"
        ),
        waiting=add(vbank_num="123", imp_uid="imp_v", vbank_date=NOW + timedelta(days=1)),
        expired=add(vbank_num="123", imp_uid="imp_e", vbank_date=NOW - timedelta(seconds=1)),
        checking=add(),
        failed=add("failed", imp_uid="imp_f"),
        closed=add("cancelled", imp_uid="imp_c"),
        returning=add("failed", has_notes=True),
        returned=add("failed", has_notes=True),
    )
    for name, state in (("returning", "requested"), ("returned", "done")):
        back = {
            "kind": "return",
            "imp_uid": f"imp_{name}",
            "amount": 9_000,
            "base": 0,
            "checksum": 9_000,
            "reason": "r",
            "state": state,
        }
        PointCancellation.objects.create(txn=made[name], **back)
    now(NOW)
    return made


def test_every_state_is_named_and_belongs_to_one_kind(member: Client, add: Any, now: Any) -> None:
    made = every_state(add, now)
    assert set(made) == set(STATES)
    rows = {
        row[0].pk: row for _month, rows in member.get(PAYMENTS).context["months"] for row in rows
    }
    assert {name: rows[txn.pk][1] for name, txn in made.items()} == {name: name for name in made}
    kinds = {kind: shown(member.get(f"{PAYMENTS}?kind={kind}")) for kind in PAYMENT_KINDS}
    assert sorted(pk for pks in kinds.values() for pk in pks) == sorted(rows)
    assert kinds["paid"] == [made["cancelling"].pk, made["paid"].pk]
    assert kinds["refunded"] == [
        made[name].pk for name in ("returned", "returning", "cancelled", "part_cancelled")
    ]
    assert kinds["waiting"] == [made["waiting"].pk]


def test_wrong_money_is_found_where_its_account_leaves_it(
    member: Client, add: Any, now: Any
) -> None:
    """A newer account beside wrong money: what is on its way back comes first, what arrived leaves
    the deposit to come.
    """
    account = {
        "vbank_num": "123",
        "imp_uid": None,
        "vbank_date": NOW + timedelta(days=1),
        "has_notes": True,
    }
    back = {"kind": "return", "amount": 9_000, "base": 0, "checksum": 9_000, "reason": "r"}
    going, gone, refused = add(**account), add(**account), add("failed", has_notes=True)
    for txn, state in ((going, "requested"), (gone, "done"), (refused, "refused")):
        PointCancellation.objects.create(txn=txn, imp_uid=f"imp_{txn.pk}", state=state, **back)
    rows = {
        row[0].pk: row[1] for _month, rows in member.get(PAYMENTS).context["months"] for row in rows
    }
    assert rows == {going.pk: "returning", gone.pk: "waiting", refused.pk: "failed"}
    kinds = {kind: shown(member.get(f"{PAYMENTS}?kind={kind}")) for kind in PAYMENT_KINDS}
    assert kinds == {
        "paid": [],
        "refunded": [going.pk],
        "waiting": [gone.pk],
        "unpaid": [refused.pk],
    }


def test_a_list_does_not_say_more_than_it_knows(member: Client, add: Any, now: Any) -> None:
    every_state(add, now)
    page = member.get(
        f"{PAYMENTS}?month=2026-11", headers={"Accept-Language": "en"}
    ).content.decode()
    assert "Paid, of payments begun in November 2026" in page  # a deposit may come in another month
    assert "Wrong payment, being sent back" in page
    assert "Wrong amount" not in page  # it may have been a second payment, or another currency


def test_an_account_that_staff_closed_waits_for_nothing(member: Client, add: Any) -> None:
    txn = add(vbank_num="123", account_closed_at=NOW)
    assert member.get(f"{PAYMENTS}?kind=waiting").context["months"] == []
    [(_month, [row])] = member.get(f"{PAYMENTS}?kind=unpaid").context["months"]
    assert row[:2] == (txn, "closed")


def test_what_moved_no_money_weighs_less(member: Client, add: Any, now: Any) -> None:
    every_state(add, now)
    page = member.get(PAYMENTS).content.decode()
    quiet = set(re.findall(r'class="(\w+) quiet-row', page))
    assert quiet == {"unfinished", "failed", "closed", "expired"}


def test_entries_by_kind(member: Client, add: Any, user: Any) -> None:
    txn = add(cancelled=3_000)
    PointEntry.objects.create(owner_id=user.pk, txn=txn, version=3, kind="release", delta=1)
    for kind, points in (("spend", -5), ("give_back", 5), ("adjust", 7)):
        spend(user, points, f"memo of {kind}", kind)
    everything = shown(member.get(ENTRIES))
    assert len(everything) == 6
    for kind in ENTRY_KINDS:
        found = member.get(f"{ENTRIES}?kind={kind}")
        assert len(shown(found)) == 1
        if kind in ("spend", "give_back", "adjust"):
            assert f"memo of {kind}" in found.content.decode()


# -- months ----------------------------------------------------------------------------------------
