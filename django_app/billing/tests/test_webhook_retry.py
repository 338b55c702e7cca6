"""Deliveries that could not be finished at the door: tried again, later and later, given up after a
week, deleted long after that.
"""

import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from billing import signals
from billing.errors import NetworkInTransaction
from billing.models import Point, PointEntry, PointTransaction, WebhookEvent
from billing.tests.support.counting import counted
from billing.tests.support.threads import together
from billing.webhooks import deliveries, intake, retry

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


@pytest.mark.parametrize("when", ["before the question", "after the answer"])
def test_a_process_that_dies_in_the_middle(gateway, txn, monkeypatch, when):
    imp_uid = gateway.pay(txn.merchant_uid)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        if when == "before the question":
            patch.setattr(intake, "ask_gateway", die)
        else:
            patch.setattr(gateway, "before_answer", die)
        with pytest.raises(Killed):
            deliver(imp_uid, txn)
    event = events.get()
    assert (event.outcome, event.tries, balance()) == ("pending", 1, 0)
    events.update(next_try_at=timezone.now())
    assert [retry.try_again(event) for event in due()] == [True]
    assert (events.get().outcome, balance(), PointEntry.objects.count()) == ("done", 10_000, 1)


def test_the_credit_and_the_end_of_its_delivery_are_one(gateway, txn, monkeypatch):
    """A process that dies between them leaves neither."""
    imp_uid = gateway.pay(txn.merchant_uid)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "_store_done", die)
        with pytest.raises(Killed):
            deliver(imp_uid, txn)
    assert (events.get().outcome, balance(), PointEntry.objects.count()) == ("pending", 0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(intake, "store_result", die)
        with pytest.raises(Killed):
            deliver(imp_uid, txn)  # later: both stand already
    assert sorted(events.values_list("outcome", flat=True)) == ["done", "pending"]
    assert (balance(), PointEntry.objects.count()) == (10_000, 1)


def test_a_try_that_dies_is_tried_once_more(gateway, txn, monkeypatch):
    event = waiting(gateway.pay(txn.merchant_uid), txn)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(retry, "ask_gateway", die)
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
