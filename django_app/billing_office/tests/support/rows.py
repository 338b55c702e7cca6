"""Rows for the lists, and how the database reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from billing.models import (
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    WebhookEvent,
)
from billing.states import Status

LISTS = [
    "pointtransaction",
    "pointentry",
    "pointcancellation",
    "webhookevent",
    "point",
    "reconcilerun",
]


def match(txn: PointTransaction, imp_uid: str, **more: Any) -> None:
    values = {
        "imp_uid": imp_uid,
        "status": Status.PAID,
        "credited": txn.amount,
        "credited_at": timezone.now(),
        **more,
    }
    PointTransaction.objects.filter(pk=txn.pk).update(**values)


def many_rows(user: Any, number: int, start: int = 0) -> list[PointTransaction]:
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


def listed_orders(response: Any) -> list[str]:
    """The merchant_uids of a list's rows, as they stand."""
    return [row.merchant_uid for row in response.context["listing"].page]


def query_plan(sql: str) -> list[str]:
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
