"""Lists of the back office: exact search, filters, pages that do not count, totals of a bounded
range.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import (
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    WebhookEvent,
)
from billing.states import Status
from billing_office.lists import searching
from billing_office.tests.conftest import url

pytestmark = pytest.mark.django_db

LISTS = [
    "pointtransaction",
    "pointentry",
    "pointcancellation",
    "webhookevent",
    "point",
    "reconcilerun",
]


def bound(txn, imp_uid, **more):
    values = {
        "imp_uid": imp_uid,
        "status": Status.PAID,
        "credited": txn.amount,
        "credited_at": timezone.now(),
        **more,
    }
    PointTransaction.objects.filter(pk=txn.pk).update(**values)


def many(user, number, start=0):
    """`number` rows of every kind, a minute apart, the newest last."""
    Point.objects.get_or_create(pk=user.pk)
    txns = PointTransaction.objects.bulk_create(
        PointTransaction(
            owner_id=user.pk, merchant_uid=f"m-{start + i}", amount=1_000 + i, pay_method="card"
        )
        for i in range(number)
    )
    for i, txn in enumerate(txns):
        PointTransaction.objects.filter(pk=txn.pk).update(
            created_at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=start + i)
        )
    PointEntry.objects.bulk_create(
        PointEntry(owner_id=user.pk, txn=txn, version=1, kind="charge", delta=1_000, by_name="x")
        for txn in txns
    )
    PointCancellation.objects.bulk_create(
        PointCancellation(
            txn=txn,
            kind="return",
            imp_uid=f"imp_{txn.pk}",
            amount=1,
            base=0,
            checksum=1,
            reason="x",
        )
        for txn in txns
    )
    WebhookEvent.objects.bulk_create(
        WebhookEvent(imp_uid=f"imp_{txn.pk}", merchant_uid=txn.merchant_uid) for txn in txns
    )
    return txns


def numbers(response):
    """The merchant_uids of a list's rows, as they stand."""
    return [row.merchant_uid for row in response.context["listing"].page]


# -- what is typed ---------------------------------------------------------------------------------


@pytest.fixture
def known(make_txn, make_user):
    """One row with every number that can be searched, among others."""
    owner = make_user("minji", email="minji@example.com")
    for _ in range(3):
        make_txn(amount=7_000)
    txn = make_txn(amount=12_300, owner=owner)
    bound(txn, "imp_100000000001", pg_tid="StdpayCARD1", apply_num="30001234")
    PointCancellation.objects.create(
        txn=txn,
        kind="return",
        imp_uid="imp_900000000009",
        amount=1,
        base=0,
        checksum=1,
        reason="second payment",
    )
    txn.refresh_from_db()
    return txn


@pytest.mark.money
@pytest.mark.parametrize(
    ("typed", "recognised"),
    [
        ("{txn.merchant_uid}", "Order number"),
        ("  {txn.merchant_uid} ", "Order number"),
        ("imp_100000000001", "Payment number (imp_uid)"),
        ("imp_900000000009", "Payment number of wrong money"),
        ("StdpayCARD1", "Transaction number of the PG"),
        ("30001234", "Approval number"),
        ("minji", "Member"),
        ("minji@example.com", "Member"),
        ("minji@EXAMPLE.com", "Member"),
        ("12300", "Amount: 12,300 won"),
        ("12,300", "Amount: 12,300 won"),
        ("12,300원", "Amount: 12,300 won"),
        ("12300 won", "Amount: 12,300 won"),
        ("₩12,300", "Amount: 12,300 won"),
    ],
)
def test_a_transaction_is_found_by_every_key(support, known, typed, recognised):
    response = support.get(url("pointtransaction"), {"q": typed.format(txn=known)})
    assert numbers(response) == [known.merchant_uid]
    assert f"Recognised: {recognised}" in response.text


@pytest.mark.parametrize(
    "typed",
    [
        "minj",
        "12,30",
        "imp_1",
        "0",
        "-5",
        "%",
        "' OR 1=1 --",
        "１２３００",
        "1_000",
        "x" * 200,
        "9" * 60,
        "99999999999999",
    ],
)
def test_nothing_is_found_by_parts_or_rubbish(support, known, typed):
    response = support.get(url("pointtransaction"), {"q": typed})
    assert numbers(response) == []
    assert "Nothing here" in response.text


def test_digits_that_may_be_two_things_offer_the_other(support, known, make_txn):
    PointTransaction.objects.filter(pk=known.pk).update(apply_num="7000")
    response = support.get(url("pointtransaction"), {"q": "7000"})
    assert numbers(response) == [known.merchant_uid]
    address = re.search(r'href="(\?[^"]*as=amount[^"]*)"', response.text)[1].replace("&amp;", "&")
    assert len(numbers(support.get(url("pointtransaction") + address))) == 3


def test_a_number_that_nobody_knows_may_be_adopted_by_who_may(boss, support):
    assert (
        "adopt/?imp_uid=imp_123456789012"
        in boss.get(url("pointtransaction"), {"q": "imp_123456789012"}).text
    )
    assert "adopt" not in support.get(url("pointtransaction"), {"q": "imp_123456789012"}).text


@pytest.mark.parametrize("model", ["pointentry", "pointcancellation", "webhookevent", "point"])
@pytest.mark.parametrize("typed", ["imp_100000000001", "{txn.merchant_uid}"])
def test_other_lists_are_searched_by_the_payment(support, known, model, typed):
    PointEntry.objects.create(owner=known.owner, txn=known, version=1, kind="charge", delta=5)
    WebhookEvent.objects.create(imp_uid="imp_100000000001", merchant_uid=known.merchant_uid)
    WebhookEvent.objects.create(imp_uid="imp_2", merchant_uid="other")
    response = support.get(url(model), {"q": typed.format(txn=known)})
    assert len(response.context["listing"].page) == 1


@pytest.mark.parametrize("model", ["pointentry", "pointcancellation", "point"])
def test_other_lists_are_searched_by_the_member(support, known, model):
    PointEntry.objects.create(owner=known.owner, txn=known, version=1, kind="charge", delta=5)
    assert len(support.get(url(model), {"q": "minji@example.com"}).context["listing"].page) == 1
    assert len(support.get(url(model), {"q": "nobody"}).context["listing"].page) == 0


def test_the_ledger_is_searched_by_key(support, known):
    PointEntry.objects.create(owner=known.owner, kind="spend", idempotency_key="order-77", delta=-5)
    assert len(support.get(url("pointentry"), {"q": "order-77"}).context["listing"].page) == 1


def plan(sql):
    """The steps by which the database would answer this."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return [row[3] for row in cursor.fetchall()]
        # A small table is gone through and sorted whatever indexes there are: ask what it would do
        # if that were dear.
        cursor.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL "
            "enable_sort = off"
        )
        cursor.execute(f"EXPLAIN {sql}")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.money
def test_each_search_uses_an_index(known):
    with CaptureQueriesContext(connection) as caught:
        searching.payments("x@y.z")
        searching.members("x@y.z")
    assert len(caught) == 2
    for query in caught:
        steps = plan(query["sql"])
        assert not [
            step
            for step in steps
            if step.startswith(("SCAN billing", "SCAN auth")) or "Seq Scan" in step
        ], steps


@pytest.mark.money
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"status": "failed"},
        {"method": "phone"},
        {"pg": "kcp"},
        {"q": "10,000"},
        {"since": "2026-11-01"},
        {"status": "paid", "until": "2026-11-05"},
    ],
)
def test_each_filter_reads_its_index_in_order(support, known, chosen):
    """Newest first without sorting: a page costs what it shows."""
    with CaptureQueriesContext(connection) as caught:
        support.get(url("pointtransaction"), chosen)
    page = next(one["sql"] for one in caught if "LIMIT 51" in one["sql"])
    steps = plan(page)
    assert not [
        step
        for step in steps
        if "TEMP B-TREE" in step
        or "Seq Scan on billing" in step
        or step.strip().startswith("Sort ")
    ], steps


# -- filters ---------------------------------------------------------------------------------------
