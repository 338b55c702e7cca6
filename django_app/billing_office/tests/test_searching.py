"""What staff type into a search field: recognised, and found exactly. Searches and filters read
indexes.
"""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.db import extra_indexes
from billing.models import (
    PointCancellation,
    PointEntry,
    PointTransaction,
    WebhookEvent,
)
from billing_office import searching
from billing_office.tests.conftest import url
from billing_office.tests.support.rows import listed_orders, match, query_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(make_txn, make_user):
    """One row with every number that can be searched, among others."""
    owner = make_user("minji", email="minji@example.com")
    for _ in range(3):
        make_txn(amount=7_000)
    txn = make_txn(amount=12_300, owner=owner)
    match(txn, "imp_100000000001", pg_tid="StdpayCARD1", apply_num="30001234")
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
    assert listed_orders(response) == [known.merchant_uid]
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
    assert listed_orders(response) == []
    assert "Nothing here" in response.text


def test_digits_that_may_be_two_things_offer_the_other(support, known, make_txn):
    PointTransaction.objects.filter(pk=known.pk).update(apply_num="7000")
    response = support.get(url("pointtransaction"), {"q": "7000"})
    assert listed_orders(response) == [known.merchant_uid]
    address = re.search(r'href="(\?[^"]*as=amount[^"]*)"', response.text)[1].replace("&amp;", "&")
    assert len(listed_orders(support.get(url("pointtransaction") + address))) == 3


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


@pytest.mark.money
def test_each_search_uses_an_index(known):
    """With `billing_indexes`, made here without CONCURRENTLY: that is refused in a transaction."""
    with connection.cursor() as cursor:
        for index in extra_indexes.missing_indexes("default"):
            for statement in extra_indexes.statements("default", index):
                cursor.execute(statement.replace(" CONCURRENTLY", ""))
    with CaptureQueriesContext(connection) as caught:
        searching.payments("x@y.z")
        searching.members("x@y.z")
    assert len(caught) == 2
    for query in caught:
        steps = query_plan(query["sql"])
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
    steps = query_plan(page)
    assert not [
        step
        for step in steps
        if "TEMP B-TREE" in step
        or "Seq Scan on billing" in step
        or step.strip().startswith("Sort ")
    ], steps
