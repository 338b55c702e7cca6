"""The statements of the road: as the ORM would have written and read, and kept prepared where the
server may.
"""

from datetime import UTC, datetime

import pytest
from django.db import connection, connections
from django.db.utils import IntegrityError

from billing.db.statements import table
from billing.models import Point, PointEntry, PointTransaction, WebhookEvent
from billing.services.locking import durable_transaction, lock_transaction

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True)]


def facts(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_what_is_inserted_is_what_the_orm_reads(make_txn):
    txn = make_txn()
    event = WebhookEvent(
        address="2001:db8::1", imp_uid="imp_1", merchant_uid=txn.merchant_uid, body="한글 ' \\ %s"
    )
    table(WebhookEvent).insert(event)
    assert event.pk
    assert facts(WebhookEvent.objects.get()) == facts(event)
    assert not event._state.adding


def test_what_is_locked_is_what_the_orm_reads(make_txn):
    txn = make_txn(pay_method="vbank")
    moment = datetime(2026, 11, 28, 10, 0, 0, 123456, tzinfo=UTC)
    PointTransaction.objects.filter(pk=txn.pk).update(
        vbank_date=moment, test_channel=True, receipt_url="https://e.example/?a=%s"
    )
    Point.objects.filter(pk=txn.owner_id).update(balance=-5, left_at=moment)
    with durable_transaction():
        by_order, by_key = (
            lock_transaction(merchant_uid=txn.merchant_uid),
            lock_transaction(pk=txn.pk),
        )
    expected = PointTransaction.objects.select_related("owner").get(pk=txn.pk)
    for found in (by_order, by_key):
        assert facts(found) == facts(expected)
        assert facts(found.owner) == facts(expected.owner)


def test_some_columns_in_any_order(make_txn):
    """Django takes them in the order of the model alone."""
    txn, rows = make_txn(amount=7_000), table(PointTransaction)
    names = ("merchant_uid", "amount", "id", "imp_uid")
    found = rows.row([txn.merchant_uid, 7_000, txn.pk, None], names)
    assert (found.pk, found.merchant_uid, found.amount) == (txn.pk, txn.merchant_uid, 7_000)
    assert found.get_deferred_fields() >= {"status", "credited_at"}


def test_an_update_touches_what_is_asked_for(make_txn):
    one, other, rows = make_txn(), make_txn(), table(PointTransaction)
    assert rows.update({"review": "test_channel"}, {"id": one.pk, "version": one.version}) == 1
    assert rows.update({"review": ""}, {"id": one.pk, "version": one.version + 1}) == 0
    other.refresh_from_db()
    one.refresh_from_db()
    assert (one.review, other.review) == ("test_channel", "")


def test_the_tables_rules_hold(make_txn):
    txn = make_txn()
    entry = PointEntry(owner_id=txn.owner_id, txn_id=txn.pk, version=1, kind="charge", delta=0)
    with pytest.raises(IntegrityError):
        table(PointEntry).insert(entry)
    with pytest.raises(IntegrityError):
        table(PointTransaction).update({"credited": 5}, {"id": txn.pk})


def prepared():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("pooled", [False, True])
def test_the_server_keeps_them(make_txn, monkeypatch, pooled):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's driver keeps statements by itself")
    connection.close()
    connections["default"].__dict__.pop("billing_tables", None)
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", pooled)
    for _ in range(3):
        make_txn()
    assert (prepared() > 0) is not pooled
    assert connection.connection.prepare_threshold is None  # the project's own are as before
    connections["default"].__dict__.pop("billing_tables", None)
