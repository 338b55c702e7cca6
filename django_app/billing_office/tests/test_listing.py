"""Lists of the back office: filters, pages that do not count, totals of a bounded range."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import (
    Point,
    PointEntry,
    PointTransaction,
    ReconcileRun,
)
from billing.states import Review
from billing_office.tests.conftest import url
from billing_office.tests.support.rows import LISTS, listed_orders, many_rows

pytestmark = pytest.mark.django_db


# -- filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"status": "paid"}, {"paid"}),
        ({"status": "cancelled"}, {"part", "gone"}),
        ({"status": "part"}, {"part"}),
        ({"method": "phone"}, {"phone"}),
        ({"pg": "kcp"}, {"part"}),
        ({"review": "any"}, {"flagged", "wrong"}),
        ({"review": "wrong_amount"}, {"wrong"}),
        ({"test": "yes"}, {"flagged"}),
        ({"test": "no", "review": "any"}, {"wrong"}),
        ({"since": "2026-11-02", "until": "2026-11-02"}, {"paid"}),
        ({"since": "2026-11-03"}, {"part", "gone", "phone", "flagged", "wrong"}),
        ({"until": "2026-11-02"}, {"paid"}),
        ({"status": "part", "pg": "kcp", "since": "2026-11-03", "q": "5000"}, {"part"}),
    ],
)
def test_filters(support, make_txn, chosen, expected):
    # Days are Seoul's: the first moment of the 2nd there is still the 1st in UTC.
    days = {"paid": datetime(2026, 11, 1, 15, tzinfo=UTC)}
    rows = {
        "paid": {"imp_uid": "imp_1", "status": "paid", "credited": 5_000,
            "credited_at": timezone.now()},
        "part": {
            "imp_uid": "imp_2", "status": "cancelled", "cancel_amount": 1, "credited": 4_999,
            "credited_at": timezone.now(), "pg_provider": "kcp",
        },
        "gone": {"imp_uid": "imp_3", "status": "cancelled", "cancel_amount": 5_000,
            "credited_at": timezone.now()},
        "phone": {"pay_method": "phone"},
        "flagged": {"review": Review.TEST_CHANNEL, "test_channel": True},
        "wrong": {"review": Review.WRONG_AMOUNT},
    }  # fmt: skip
    names = {}
    for name, values in rows.items():
        txn = make_txn(amount=5_000)
        PointTransaction.objects.filter(pk=txn.pk).update(
            created_at=days.get(name, datetime(2026, 11, 2, 15, tzinfo=UTC)), **values
        )
        names[txn.merchant_uid] = name
    assert {
        names[uid] for uid in listed_orders(support.get(url("pointtransaction"), chosen))
    } == expected


@pytest.mark.parametrize(
    "chosen",
    [
        {"status": "nonsense"}, {"since": "yesterday"},
        {"since": "2026-11-05", "until": "2026-11-01"}, {"until": "9999-12-31"},
        {"since": "0001-01-01"}, {"pg": "x" * 65}, {"q": "a\0b"}, {"pg": "a\0b"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field(support, make_txn, chosen):
    make_txn()
    response = support.get(url("pointtransaction"), chosen)
    assert response.status_code == 200
    assert response.context["listing"].form.errors
    assert 'class="bo-error"' in response.text


HARMLESS = [
    "before=x", "before=1.x", "before=1." + "9" * 36, "after=" + "9" * 17 + ".1", "before=.",
    "after=", "member=x", "member=" + "9" * 38,
    "member=%00", "p=9", "o=1", "all=", "e=1", "foo=bar", "amount__gt=1",
]  # fmt: skip


@pytest.mark.parametrize("model", ["pointtransaction", "point"])
def test_addresses_that_nobody_wrote_do_no_harm(support, make_txn, model):
    make_txn()
    for query in HARMLESS:
        assert support.get(f"{url(model)}?{query}").status_code == 200, query


def test_lists_are_only_read(boss, make_txn):
    make_txn()
    for model in LISTS:
        assert (
            boss.post(
                url(model), {"action": "delete_selected", "_selected_action": "1"}
            ).status_code
            == 405
        )
    assert PointTransaction.objects.count() == 1


# -- pages -----------------------------------------------------------------------------------------


def walk(client, address, way):
    """The rows page by page, following the links."""
    pages = []
    while address:
        listing = client.get(address).context["listing"]
        pages.append([row.merchant_uid for row in listing.page])
        following = getattr(listing, way)
        address = url("pointtransaction") + following if following else ""
        assert len(pages) < 20
    return pages, listing


@pytest.mark.money
def test_pages_go_on_and_back(support, user):
    many_rows(user, 120)
    older, last = walk(support, url("pointtransaction"), "older")
    assert [len(page) for page in older] == [50, 50, 20]
    assert [*chain(*older)] == [f"m-{i}" for i in reversed(range(120))]
    newer, first = walk(support, url("pointtransaction") + last.newer, "newer")
    assert [len(page) for page in newer] == [50, 50]
    assert [*chain(*reversed(newer))] == [f"m-{i}" for i in reversed(range(20, 120))]
    assert first.older


@pytest.mark.money
def test_rows_of_one_moment_are_neither_lost_nor_doubled(support, user):
    many_rows(user, 60)
    PointTransaction.objects.update(created_at=datetime(2026, 11, 5, tzinfo=UTC))
    pages, _last = walk(support, url("pointtransaction"), "older")
    assert sorted(chain(*pages)) == sorted(f"m-{i}" for i in range(60))


def test_rows_that_arrive_meanwhile_shift_no_page(support, user):
    many_rows(user, 60)
    first = support.get(url("pointtransaction")).context["listing"]
    older = first.older
    many_rows(user, 30, start=60)
    page = support.get(url("pointtransaction") + older).context["listing"].page
    assert [row.merchant_uid for row in page] == [f"m-{i}" for i in reversed(range(10))]


def test_a_page_behind_the_last_row_leads_back(support, user):
    many_rows(user, 3)
    response = support.get(url("pointtransaction"), {"before": "1.1"})
    assert "Newest first" in response.text
    assert listed_orders(response) == []


def test_pages_keep_what_was_chosen(support, user):
    many_rows(user, 60)
    listing = support.get(
        url("pointtransaction"), {"method": "card", "since": "2026-11-01"}
    ).context["listing"]
    assert "method=card" in listing.older
    assert "since=2026-11-01" in listing.older


@pytest.mark.parametrize("model", LISTS)
@pytest.mark.parametrize("query", ["", "?since=2026-11-01&until=2026-11-30", "?q=m-0"])
def test_statements_do_not_grow_with_rows(support, user, make_user, model, query):
    many_rows(user, 1)
    ReconcileRun.objects.create(finished=timezone.now())
    support.get(url(model) + query)  # content types and the like are known from now on

    def statements():
        with CaptureQueriesContext(connection) as caught:
            assert support.get(url(model) + query).status_code == 200
        return [one["sql"] for one in caught]

    few = statements()
    many_rows(user, 99, start=1)
    Point.objects.bulk_create(Point(pk=make_user(f"member{i}").pk) for i in range(20))
    ReconcileRun.objects.bulk_create(ReconcileRun(finished=timezone.now()) for _ in range(99))
    lots = statements()
    assert len(lots) == len(few) <= 9
    counting = [sql for sql in lots if re.match(r"SELECT COUNT\(", sql)]
    assert not [sql for sql in counting if "since" not in query], counting


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_totals_need_a_bounded_range(support, paid, make_txn):
    txn = paid(10_000)
    PointTransaction.objects.cancel(txn, reason="x", by=txn.owner.user, amount=3_000)
    make_txn(amount=99_000)
    today = timezone.localdate()
    far = today - timedelta(days=31)
    for chosen in ({}, {"since": f"{today}"}, {"since": f"{far}", "until": f"{today}"}):
        response = support.get(url("pointtransaction"), chosen)
        assert "narrow the dates" in response.text
        assert response.context["listing"].sums == []
    listing = support.get(
        url("pointtransaction"), {"since": f"{far + timedelta(days=1)}", "until": f"{today}"}
    ).context["listing"]
    assert [text for _label, text in listing.sums] == [
        "2",
        "10,000 won · 1",
        "3,000 won",
        "7,000 won",
    ]


def test_totals_of_the_ledger(support, user):
    many_rows(user, 2)
    today = timezone.localdate()
    PointEntry.objects.create(owner_id=user.pk, kind="spend", idempotency_key="k", delta=-300)
    listing = support.get(url("pointentry"), {"since": f"{today}", "until": f"{today}"}).context[
        "listing"
    ]
    assert [text for _label, text in listing.sums] == ["3", "+2,000P", "-300P", "+1,700P"]


def test_personal_data_are_masked_in_lists(boss, make_user, make_txn):
    for name in ("hong@example.com", "010-1234-5678"):
        make_txn(owner=make_user(name, email="secret@example.com", first_name="길동"))
    for address in (url("pointtransaction"), url("point"), "/admin/auth/user/"):
        page = boss.get(address).text
        assert "h•••@example.com" in page
        assert "010-••••-5678" in page
        for secret in ("hong@", "1234", "secret@", "길동"):
            assert secret not in page
