"""Bounds of what waits, and pruning."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing.models import Point, PointTransaction, WebhookEvent
from billing.tests.support.counting import counted
from billing.webhooks import intake, retry

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

events = WebhookEvent.objects
LONG_AGO = timedelta(days=200)


@pytest.fixture
def txn(gateway, user):
    return PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")


def deliver(imp_uid, txn, status="paid"):
    notice = {"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, "status": status}
    return (
        Client()
        .post("/billing/webhook/", json.dumps(notice), content_type="application/json")
        .status_code
    )


def waiting(imp_uid, txn, **more):
    """A pending delivery whose time has come."""
    now = timezone.now()
    return events.create(
        imp_uid=imp_uid,
        merchant_uid=txn.merchant_uid,
        **{"next_try_at": now - timedelta(seconds=1), "tries": 1, **more},
    )


def balance():
    return Point.objects.get().balance


def test_invented_numbers_for_a_known_order_are_bounded_and_do_not_keep_it_from_its_money(
    gateway, txn, monkeypatch
):
    monkeypatch.setattr(intake, "MOST_WAITING", 3)
    assert [deliver(f"imp_00000000000{number}", txn) for number in range(8)] == [503] * 8
    outcomes = list(events.values_list("outcome", flat=True))
    assert (outcomes.count("pending"), outcomes.count("ignored")) == (3, 5)
    assert deliver(gateway.pay(txn.merchant_uid), txn) == 200
    assert balance() == 10_000


def test_a_flood_about_one_order_is_stored_in_part(gateway, txn, settings, monkeypatch):
    monkeypatch.setattr(intake, "MOST_WAITING", 2)
    monkeypatch.setattr(intake, "SPARE_PER_HOUR", 4)
    settings.BILLING_CALLS_PER_HOUR = 2
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready")
    # asked, asked, waiting, waiting, no room to wait, no room to wait, not stored at all
    assert [deliver(imp_uid, txn) for _ in range(8)] == [200, 200, 200, 200, 503, 503, 503, 503]
    assert (
        list(events.order_by("id").values_list("outcome", flat=True))
        == ["done"] * 2 + ["pending"] * 2 + ["ignored"] * 2
    )
    events.update(received_at=timezone.now() - timedelta(hours=1))
    gateway.control(f"payments/{imp_uid}/approve")
    assert deliver(imp_uid, txn) == 200
    assert balance() == 10_000
    # What can change nothing is welcome for ever, and stored in part.
    assert [deliver(imp_uid, txn) for _ in range(8)] == [200] * 8
    assert events.count() == 6 + 6


def test_due_reads_slice_by_slice(gateway, txn, django_assert_num_queries):
    now = timezone.now()
    times = [now - timedelta(minutes=number % 3) for number in range(25)]
    made = [waiting("imp_1", txn, next_try_at=time) for time in times]
    waiting("imp_2", txn, next_try_at=now + timedelta(hours=1))
    waiting("imp_3", txn, outcome="dead")
    right = [event.pk for event in sorted(made, key=lambda event: (event.next_try_at, event.pk))]
    with django_assert_num_queries(4):
        batches = list(retry.due_for_retry(at_once=10))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert [event.pk for batch in batches for event in batch] == right
    # Put off, closed and moved objects do not disturb the walk, and it ends.
    seen = []
    for batch in retry.due_for_retry(at_once=4):
        for event in batch:
            seen.append(event.pk)
            event.next_try_at = None if event.pk % 2 else timezone.now()
            event.outcome = "done" if event.pk % 2 else "pending"
            event.save()
    assert seen == right


def test_due_is_served_by_its_index(gateway, txn):
    rows = [
        WebhookEvent(imp_uid="imp_1", merchant_uid="m-1", outcome="done", body="x" * 100)
        for _ in range(3_000)
    ]
    events.bulk_create(rows)
    wanted = events.filter(outcome="pending", next_try_at__lte=timezone.now()).order_by(
        "next_try_at", "id"
    )[:100]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_webhookevent")
    plan = wanted.explain()
    assert "billing_event_" in plan, plan  # one of two indexes that know what is pending
    assert "Seq Scan" not in plan, plan


# -- pruning ---------------------------------------------------------------------------------------


@pytest.fixture
def old(txn):
    """One of each outcome, received and closed long ago."""
    made = {}
    for outcome in WebhookEvent.Outcome.values:
        closed = None if outcome == "pending" else timezone.now() - LONG_AGO
        made[outcome] = waiting("imp_1", txn, outcome=outcome, handled_at=closed)
    events.update(received_at=timezone.now() - LONG_AGO)
    return made


def test_old_closed_deliveries_are_deleted_and_pending_ones_never(old, txn):
    recent = waiting("imp_2", txn, outcome="done", handled_at=timezone.now())
    assert retry.prune(90) == 3
    assert set(events.values_list("pk", flat=True)) == {old["pending"].pk, recent.pk}
    assert retry.prune(90) == 0


def test_what_was_given_up_last_night_is_kept_however_old_it_is(old):
    events.filter(pk=old["dead"].pk).update(
        handled_at=timezone.now() - timedelta(days=8) + timedelta(minutes=1)
    )
    assert retry.prune(8) == 2
    assert set(events.values_list("outcome", flat=True)) == {"pending", "dead"}


def test_it_deletes_in_bounded_slices(old, txn, django_assert_max_num_queries):
    closed = timezone.now() - LONG_AGO
    events.bulk_create(
        WebhookEvent(imp_uid="imp_1", merchant_uid="m-1", outcome="ignored", handled_at=closed)
        for _ in range(22)
    )
    events.update(received_at=closed)
    with django_assert_max_num_queries(20) as captured:
        assert retry.prune(90, at_once=10) == 25
    statements = counted(captured)
    assert len(statements) == 4  # 10, 10, 5, none
    assert all(sql.startswith("DELETE") and "LIMIT 10" in sql for sql in statements)


def test_the_command(old, txn):
    def run(*arguments):
        out = StringIO()
        call_command("prune_webhooks", *arguments, stdout=out)
        return out.getvalue()

    assert run("--dry-run") == "3 deliveries closed more than 90 days ago would be deleted.\n"
    assert events.count() == 4
    assert run("--days", "300") == "0 deliveries closed more than 300 days ago deleted.\n"
    assert run("--days", "8") == "3 deliveries closed more than 8 days ago deleted.\n"
    assert run() == "0 deliveries closed more than 90 days ago deleted.\n"


@pytest.mark.parametrize("days", ["7", "0", "-1", "999999999999", "many"])
def test_days_that_it_refuses(old, days):
    for more in ([], ["--dry-run"]):
        with pytest.raises(CommandError):
            call_command("prune_webhooks", "--days", days, *more)
    assert events.count() == 4
