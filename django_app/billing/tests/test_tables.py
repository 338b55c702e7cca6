"""What the database itself refuses, on both databases."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, models, transaction
from django.utils import timezone

from billing.db import environment_stamp, triggers
from billing.errors import LedgerIsAppendOnly
from billing.models import (
    DailyFigures,
    Installation,
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
)

pytestmark = [pytest.mark.money, pytest.mark.django_db]
NOW = timezone.now()


@pytest.fixture
def account(user):
    return Point.objects.create(user=user)


@pytest.fixture
def txn(account):
    return PointTransaction.objects.create(
        owner=account, merchant_uid="m-1", amount=10_000, pay_method="card"
    )


@pytest.fixture
def entry(account):
    return PointEntry.objects.create(owner=account, kind="adjust", idempotency_key="a", delta=5)


def refused(change):
    with pytest.raises(IntegrityError), transaction.atomic():
        change()


PAID = {"status": "paid", "imp_uid": "imp_1", "credited": 10_000, "credited_at": NOW}


@pytest.mark.parametrize(
    "values",
    [
        {"amount": 0}, {"amount": -1}, {"status": "refunded"}, {"imp_uid": ""},
        {"cancel_amount": -1}, {"cancel_amount": 10_001}, {"pending_cancel_total": 10_001},
        {"credited": 10_000}, {"credited": 1}, {"pending_cancel_total": 1}, {"status": "paid"},
        {**PAID, "credited": 9_999}, {**PAID, "credited": 0}, {**PAID, "imp_uid": None},
        {**PAID, "status": "ready"},
        {**PAID, "status": "failed"}, {**PAID, "cancel_amount": 1_000, "credited": 9_000},
        {**PAID, "status": "cancelled", "cancel_amount": 4_000, "credited": 10_000},
        {**PAID, "status": "cancelled", "cancel_amount": 4_000, "pending_cancel_total": 7_000,
            "credited": 6_000},
    ],
)  # fmt: skip
def test_a_row_that_lies_about_money(txn, values):
    refused(lambda: PointTransaction.objects.filter(pk=txn.pk).update(**values))


@pytest.mark.parametrize(
    "values",
    [
        PAID, {**PAID, "status": "cancelled", "cancel_amount": 4_000, "credited": 6_000},
        {**PAID, "pending_cancel_total": 4_000, "credited": 6_000}, {**PAID, "status": "cancelled",
            "cancel_amount": 4_000, "pending_cancel_total": 7_000, "credited": 3_000},
        {**PAID, "status": "cancelled", "cancel_amount": 10_000, "credited": 0},
        {"status": "failed", "imp_uid": "imp_1"}, {"status": "cancelled", "imp_uid": "imp_1"},
    ],
)  # fmt: skip
def test_a_row_that_is_true(txn, values):
    assert PointTransaction.objects.filter(pk=txn.pk).update(**values) == 1


def test_ids_are_unique(txn, account):
    PointTransaction.objects.filter(pk=txn.pk).update(imp_uid="imp_1")
    refused(
        lambda: PointTransaction.objects.create(
            owner=account, merchant_uid="m-1", amount=1, pay_method="card"
        )
    )
    refused(
        lambda: PointTransaction.objects.create(
            owner=account, merchant_uid="m-2", imp_uid="imp_1", amount=1, pay_method="card"
        )
    )
    for merchant_uid in ("m-3", "m-4"):  # and any number of rows may have none
        PointTransaction.objects.create(
            owner=account, merchant_uid=merchant_uid, amount=1, pay_method="card"
        )


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "spend", "idempotency_key": "k", "delta": 0},
        {"kind": "spend", "delta": -1},
        {"kind": "charge", "delta": 1},
        {"kind": "charge", "idempotency_key": "k", "delta": 1},
        {"kind": "gift", "idempotency_key": "k", "delta": 1},
    ],
)
def test_an_entry_without_an_origin(account, values):
    refused(lambda: PointEntry.objects.create(owner=account, **values))


def test_an_entry_happens_once(txn, account, make_user):
    PointEntry.objects.create(owner=account, txn=txn, version=1, kind="charge", delta=1)
    refused(
        lambda: PointEntry.objects.create(
            owner=account, txn=txn, version=1, kind="cancel", delta=-1
        )
    )
    PointEntry.objects.create(owner=account, kind="spend", idempotency_key="order-1", delta=-1)
    refused(
        lambda: PointEntry.objects.create(
            owner=account, kind="spend", idempotency_key="order-1", delta=-1
        )
    )
    PointEntry.objects.create(owner=account, kind="give_back", idempotency_key="order-1", delta=1)
    other = Point.objects.create(user=make_user("other"))
    # Keys are a member's own.
    PointEntry.objects.create(owner=other, kind="spend", idempotency_key="order-1", delta=-1)


def test_one_open_cancel_and_one_return_per_payment(txn):
    def make(kind, state, imp_uid="imp_1", amount=1):
        return PointCancellation.objects.create(
            txn=txn,
            kind=kind,
            state=state,
            imp_uid=imp_uid,
            amount=amount,
            base=0,
            checksum=10_000,
            reason="r",
        )

    make("cancel", "done")
    make("cancel", "unknown")
    refused(lambda: make("cancel", "requested"))
    make("return", "done", "imp_2")
    refused(lambda: make("return", "requested", "imp_2"))
    refused(lambda: make("return", "requested", "imp_3", amount=0))


def test_attempts_are_never_negative(account):
    refused(lambda: Point.objects.filter(pk=account.pk).update(point=-1))


def test_one_installation(db):
    Installation.objects.all().delete()
    Installation.objects.create(pk=1, mode="sandbox")
    refused(lambda: Installation.objects.create(pk=2, mode="live"))


def test_one_figure_per_day_and_method(db):
    DailyFigures.objects.create(day=NOW.date(), pay_method="card")
    refused(lambda: DailyFigures.objects.create(day=NOW.date(), pay_method="card"))


# -- the ledger is append-only ---------------------------------------------------------------------


def test_the_model_refuses_changes(entry):
    for change in (
        entry.save,
        entry.delete,
        PointEntry.objects.all().delete,
        lambda: PointEntry.objects.update(delta=9),
    ):
        with pytest.raises(LedgerIsAppendOnly):
            change()
    with pytest.raises(LedgerIsAppendOnly):
        PointEntry.objects.bulk_update([entry], ["delta"])
    assert PointEntry.objects.get().delta == 5


def test_the_database_refuses_changes(entry):
    for sql in ("UPDATE billing_pointentry SET delta = 9", "DELETE FROM billing_pointentry"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.QuerySet(PointEntry).filter(pk=entry.pk).update(delta=9)
    assert PointEntry.objects.get().delta == 5


@pytest.mark.skipif(connection.vendor != "sqlite", reason="INSERT OR REPLACE is SQLite's")
def test_sqlite_cannot_replace_an_entry(entry):
    columns = "owner_id, kind, key, delta, memo, by_name, created_at"
    for first, value in (("id, ", f"{entry.pk}, "), ("", "")):
        with (
            pytest.raises(IntegrityError, match="this entry exists"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                f"INSERT OR REPLACE INTO billing_pointentry ({first}{columns}) VALUES "
                f"({value}{entry.owner_id}, 'adjust', 'a', 9, '', '', '2026-01-01')"
            )
    assert PointEntry.objects.get().delta == 5


def test_members_with_money_rows_cannot_be_deleted(txn, entry, user):
    for row in (user, txn.owner):
        with pytest.raises(models.ProtectedError):
            row.delete()


def test_triggers_are_there_and_can_be_made_again():
    assert triggers.missing_triggers("default") == []
    with triggers.without_triggers("default"):
        assert len(triggers.missing_triggers("default")) == (
            3 if connection.vendor == "sqlite" else 2
        )
    assert triggers.missing_triggers("default") == []
    triggers.create_triggers("default")
    assert triggers.missing_triggers("default") == []


@pytest.mark.django_db(databases=["default", "sandbox"])
def test_a_database_without_the_table_is_left_alone():
    triggers.create_triggers("sandbox")
    triggers.drop_triggers("sandbox")
    environment_stamp.write_stamp("sandbox")
    with connections["sandbox"].cursor() as cursor:
        tables = connections["sandbox"].introspection.table_names(cursor)
    assert [name for name in tables if name.startswith("billing")] == []


def test_migrate_stamped_this_database():
    assert Installation.objects.get().mode == "sandbox"
    environment_stamp.write_stamp("default")
    assert Installation.objects.count() == 1


def test_another_modes_database_is_refused(settings, monkeypatch):
    monkeypatch.setattr(environment_stamp, "_verified", set())  # what other tests have seen
    settings.IAMPORT_MODE = "live"
    refusal = "made for sandbox mode and IAMPORT_MODE is live"
    with pytest.raises(environment_stamp.WrongDatabase, match=refusal):
        environment_stamp.on_connection(None, _Unclosable(connection))
    with pytest.raises(environment_stamp.WrongDatabase, match=refusal):
        environment_stamp.require_mode()
    settings.IAMPORT_MODE = "sandbox"
    environment_stamp.on_connection(None, connection)
    environment_stamp.require_mode()


class _Unclosable:
    """The test's own connection, which must survive being closed."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        return getattr(self._real, name)

    def close(self):
        pass
