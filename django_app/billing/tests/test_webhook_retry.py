"""Deliveries that could not be finished at the door: tried again, later and later, given up after a
week, deleted long after that.
"""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from billing import signals
from billing.errors import NetworkInTransaction
from billing.models import Point, PointEntry, PointTransaction, WebhookEvent
from billing.tests.support.counting import counted
from billing.tests.support.threads import together
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


class Killed(BaseException):
    """The process ends here."""


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


def due():
    return [event for batch in retry.due_for_retry() for event in batch]


def age(event, by):
    events.filter(pk=event.pk).update(received_at=timezone.now() - by)
    event.refresh_from_db()


def balance():
    return Point.objects.get().balance


# -- trying again ----------------------------------------------------------------------------------


def test_what_failed_at_the_door_is_finished_later(gateway, txn, django_assert_max_num_queries):
    imp_uid = gateway.pay(txn.merchant_uid)
    gateway.fail_next(f"payments/{imp_uid}")
    assert deliver(imp_uid, txn) == 503
    assert due() == []
    events.update(next_try_at=timezone.now())
    [event] = due()
    asked = len(gateway.calls)
    with django_assert_max_num_queries(20) as captured:
        assert retry.try_again(event) is True
    assert (len(counted(captured)), len(gateway.calls) - asked) == (7, 1)
    stored = events.get()
    assert (stored.outcome, stored.tries, stored.error, stored.next_try_at) == ("done", 2, "", None)
    assert stored.handled_at is not None
    assert (balance(), due()) == (10_000, [])
    assert retry.try_again(stored) is True
    assert len(gateway.calls) - asked == 1


@pytest.mark.parametrize("when", ["before the question", "after the answer", "after the credit"])
def test_a_process_that_dies_in_the_middle(gateway, txn, monkeypatch, when):
    imp_uid = gateway.pay(txn.merchant_uid)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        if when == "before the question":
            patch.setattr(intake, "ask", die)
        elif when == "after the answer":
            patch.setattr(gateway, "before_answer", die)
        else:
            patch.setattr(intake, "store_result", die)
        with pytest.raises(Killed):
            deliver(imp_uid, txn)
    event = events.get()
    assert (event.outcome, event.tries, balance()) == (
        "pending",
        1,
        10_000 if when == "after the credit" else 0,
    )
    events.update(next_try_at=timezone.now())
    assert [retry.try_again(event) for event in due()] == [True]
    assert (events.get().outcome, balance(), PointEntry.objects.count()) == ("done", 10_000, 1)


def test_a_try_that_dies_is_tried_once_more(gateway, txn, monkeypatch):
    event = waiting(gateway.pay(txn.merchant_uid), txn)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(retry, "ask", die)
        with pytest.raises(Killed):
            retry.try_again(event)
    stored = events.get()
    assert (stored.outcome, stored.tries) == ("pending", 2)
    assert stored.next_try_at > timezone.now() + timedelta(minutes=9)
    assert retry.try_again(stored) is True
    assert balance() == 10_000


def test_it_waits_twice_as_long_each_time(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    event = waiting(imp_uid, txn, tries=0)
    minutes = []
    for _ in range(9):
        gateway.fail_next(f"payments/{imp_uid}")
        before = timezone.now()
        assert retry.try_again(event) is False
        assert retry.gateway_failed(event)
        minutes.append((event.next_try_at - before).total_seconds() // 60)
        assert events.get().next_try_at == event.next_try_at
    assert minutes == [5, 10, 20, 40, 80, 160, 320, 360, 360]
    events.update(tries=40)
    gateway.fail_next(f"payments/{imp_uid}")
    assert retry.try_again(events.get()) is False
    assert retry.try_again(events.get()) is True


def test_after_a_week_it_is_given_up_and_kept(gateway, txn, caplog):
    imp_uid = gateway.pay(txn.merchant_uid)
    event = waiting(imp_uid, txn)
    age(event, timedelta(days=7) - timedelta(minutes=1))
    gateway.answer_next(f"payments/{imp_uid}", status=500)
    assert retry.try_again(event) is False
    age(event, timedelta(days=7))
    gateway.answer_next(f"payments/{imp_uid}", status=500)
    assert retry.try_again(event) is True
    stored = events.get()
    assert (stored.outcome, stored.tries, stored.next_try_at) == ("dead", 3, None)
    assert (stored.error_code, stored.error) == ("gateway_unreachable", "HTTP 500")
    assert [
        record.levelname for record in caplog.records if record.name == "billing.webhooks.retry"
    ] == ["WARNING"]
    assert (due(), balance()) == ([], 0)


def test_a_late_answer_is_still_an_answer(gateway, txn):
    """Nobody ran reconcile for weeks: nothing dies without having been asked about."""
    event = waiting(gateway.pay(txn.merchant_uid), txn)
    age(event, timedelta(days=30))
    assert retry.try_again(event) is True
    assert (events.get().outcome, balance()) == ("done", 10_000)


def test_a_payment_that_the_gateway_learns_of_later(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    gateway.answer_next(f"payments/{imp_uid}", status=404)
    assert deliver(imp_uid, txn) == 503
    event = events.get()
    assert not retry.gateway_failed(event)
    gateway.answer_next(f"payments/{imp_uid}", body="<html>")
    assert (retry.try_again(event), event.error_code, retry.gateway_failed(event)) == (
        False,
        "invalid_gateway_response",
        False,
    )
    assert retry.try_again(event) is True
    assert balance() == 10_000


def test_a_payment_of_nobody_here(gateway, txn):
    event = waiting(gateway.pay("somebody-elses-order", amount=10_000), txn)
    assert retry.try_again(event) is True
    assert (events.get().outcome, balance()) == ("ignored", 0)


def test_those_over_the_cap_are_finished_too_and_many_of_one_payment_cost_one_call(
    gateway, txn, settings
):
    settings.BILLING_CALLS_PER_HOUR = 2
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready")
    assert [deliver(imp_uid, txn) for _ in range(2)] == [200] * 2
    gateway.control(f"payments/{imp_uid}/approve")
    asked = len(gateway.calls)
    assert [deliver(imp_uid, txn) for _ in range(5)] == [200] * 5
    assert (len(gateway.calls) - asked, balance()) == (0, 0)
    events.filter(outcome="pending").update(next_try_at=timezone.now())
    assert [retry.try_again(event) for event in due()] == [True] * 5
    assert (len(gateway.calls) - asked, balance()) == (1, 10_000)
    assert set(events.values_list("outcome", flat=True)) == {"done"}


def test_a_cancel_among_them_is_asked_for(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    PointTransaction.objects.sync(imp_uid)
    gateway.cancel(imp_uid, 4_000)
    asked = len(gateway.calls)
    for status in ("paid", "cancelled"):
        assert retry.try_again(waiting(imp_uid, txn, claimed_status=status)) is True
    assert (len(gateway.calls) - asked, balance()) == (1, 6_000)


def test_of_several_that_try_at_once_one_asks(gateway, txn, monkeypatch):
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready")

    def calls_of_six():
        event = waiting(imp_uid, txn)
        copies = [events.get(pk=event.pk) for _ in range(6)]
        asked = len(gateway.calls)
        together([lambda copy=copy: retry.try_again(copy) for copy in copies])
        assert events.get(pk=event.pk).outcome == "done"
        return len(gateway.calls) - asked

    assert calls_of_six() == 1
    # The negative control: without the claim all of them ask.
    monkeypatch.setattr(retry, "still_pending", lambda event: events.filter(pk=event.pk))
    assert calls_of_six() == 6


def test_a_slow_try_does_not_open_again_what_a_later_one_closed(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    event = waiting(imp_uid, txn)

    def overtaken(call):
        gateway.before_answer = None
        assert retry.try_again(events.get()) is True
        raise ConnectionError("the slow one hears nothing")

    gateway.before_answer = overtaken
    assert retry.try_again(event) is False
    stored = events.get()
    assert (stored.outcome, stored.tries, stored.error) == ("done", 3, "")
    assert (balance(), PointEntry.objects.count()) == (10_000, 1)


def test_never_inside_a_transaction(gateway, txn):
    event = waiting(gateway.pay(txn.merchant_uid), txn)
    with pytest.raises(NetworkInTransaction), transaction.atomic():
        retry.try_again(event)
    assert (events.get().outcome, events.get().tries) == ("pending", 1)


def test_a_receiver_that_raises_harms_no_delivery(gateway, txn):
    def broken(**kwargs):
        raise RuntimeError("somebody's code")

    signals.point_charged.connect(broken)
    try:
        assert retry.try_again(waiting(gateway.pay(txn.merchant_uid), txn)) is True
    finally:
        signals.point_charged.disconnect(broken)
    assert (events.get().outcome, balance()) == ("done", 10_000)


# -- bounds ----------------------------------------------------------------------------------------


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
