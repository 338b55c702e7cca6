"""Run by test_plugin.py in a project that is not this site: what the fixtures do."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta

import pytest
import requests
from django.core import signing
from django.core.cache import caches
from django.db import connection, models
from django.utils import timezone
from django.utils.timezone import now as imported_now

from billing.models import PointTransaction, WebhookEvent
from billing.testing import create_member
from billing_sandbox.models import Payment

# -- the fixtures --


def test_a_member_of_this_projects_model(member):
    assert member.check_password("a-long-passphrase-for-tests")
    assert len(member.nickname) <= 8
    assert isinstance(member.joined, date)
    assert create_member(email="minji@example.com", password="x").check_password("x")


@pytest.mark.parametrize("method", ["card", "trans", "phone"])
def test_a_charge_by_any_method(charge, member, method):
    txn = charge(5_000, method)
    assert (txn.status, txn.pay_method, txn.owner.user) == ("paid", method, member)


def test_a_charge_for_somebody_else(charge, request):
    other = create_member()
    assert charge(member=other).owner_id == other.pk
    assert "member" not in request.fixturenames


def test_a_closed_window(charge):
    assert charge(outcome="ready").status == "ready"


def test_a_deposit_of_another_amount_and_a_late_one_go_back(charge, deposit, clock):
    txn = charge(30_000, "vbank")
    with pytest.raises(AssertionError, match="wrong_state"):
        deposit(txn, 29_000)
    clock.advance(days=40)
    with pytest.raises(AssertionError, match="deadline"):
        deposit(txn)


def test_a_deposit_nobody_saw_the_account_of(charge, deposit):
    assert deposit(charge(30_000, "vbank", sync=False)).status == "paid"


def test_deposit_and_console_deliver_their_own_webhook_alone(charge, deposit, console_cancel):
    charge()  # whose webhook goes on waiting
    txn = deposit(charge(30_000, "vbank"))
    console_cancel(txn, 1_000)
    console_cancel(txn)
    claimed = WebhookEvent.objects.order_by("pk").values_list("claimed_status", flat=True)
    assert list(claimed) == ["paid", "cancelled", "cancelled"]
    with pytest.raises(AssertionError):
        console_cancel(txn)


def test_webhooks_in_any_number_and_order(charge, webhooks, gateway):
    first, second = charge(sync=False), charge(sync=False)
    assert len(gateway.queued()) == 2
    assert [answer.content for answer in webhooks(times=2, order="reversed")] == [b"ok\n"] * 4
    told = WebhookEvent.objects.order_by("pk").values_list("merchant_uid", flat=True)
    assert list(told) == [second.merchant_uid, first.merchant_uid] * 2
    assert webhooks() == []
    for wrong in ({"times": 0}, {"order": "random"}):
        with pytest.raises(ValueError, match="times is 1 or more"):
            webhooks(**wrong)


@pytest.mark.parametrize(
    ("how", "done"),
    [
        ({}, False),
        ({"trouble": requests.ConnectTimeout()}, False),
        ({"http": 503}, False),
        ({"method": "POST"}, False),
        ({"done": True}, True),
        ({"done": True, "http": 500, "method": "POST"}, True),
    ],
)
def test_one_call_fails(charge, fail_next, member, how, done):
    txn = charge()
    fail_next("payments/cancel", **how)
    cancellation = PointTransaction.objects.cancel(txn, reason="r", by=member)
    assert Payment.objects.get().cancel_amount == (10_000 if done else 0)
    assert cancellation.state == ("refused" if "trouble" in how else "unknown")
    charge()


def test_another_method_does_not_fail(charge, fail_next):
    fail_next("payments/", method="DELETE")
    charge()


@pytest.mark.django_db(transaction=True)
def test_the_gateway_does_one_thing_at_a_time(charge, gateway):
    """Also where its tables lie in PostgreSQL, which does not wait by itself."""
    if connection.vendor != "postgresql":
        pytest.skip("threads have a database each where it lies in memory")
    imp_uids = [charge().imp_uid for _ in range(5)]
    outcomes: list[bool] = []

    def cancel() -> None:
        for imp_uid in imp_uids:
            barrier.wait(30)
            try:
                gateway.cancel(imp_uid, 6_000)
                outcomes.append(True)
            except AssertionError:
                outcomes.append(False)
        connection.close()

    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=cancel) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == [False] * 15 + [True] * 5
    assert {payment.cancel_amount for payment in Payment.objects.all()} == {6_000}


# -- time --


class Stamped(models.Model):
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "shop"

    def __str__(self):
        return str(self.at)


def test_the_clock_moves_everything_that_asks_django(clock, charge, gateway):
    before, real = imported_now(), datetime.now().astimezone()
    caches["default"].set("short", 1, 60)
    charge()
    assert clock.advance(days=3, hours=2, minutes=1) - before >= timedelta(days=3, hours=2)
    assert clock.advance(seconds=59) - timezone.now() < timedelta(seconds=5)
    ahead = timedelta(days=3, hours=2, minutes=1, seconds=59)
    for moved in (timezone.now(), imported_now(), Stamped().at, clock.now()):
        assert ahead <= moved - before < ahead + timedelta(seconds=30)
    assert caches["default"].get("short") is None
    paid_at = charge().paid_at
    assert ahead - timedelta(seconds=5) <= paid_at - before < ahead + timedelta(seconds=30)
    assert gateway.token_calls == 2  # a token lives for half an hour
    assert datetime.now().astimezone() - real < timedelta(seconds=30)
    assert signing.TimestampSigner().unsign(signing.TimestampSigner().sign("x"), max_age=5) == "x"
    assert timezone.template_localtime(real).tzname() == "UTC"
    assert isinstance(real, timezone.datetime)
    with pytest.raises(ValueError, match="forward only"):
        clock.advance(days=-1)


def test_afterwards_time_is_as_it_was():
    assert timezone.now() - datetime.now().astimezone() < timedelta(seconds=5)
    assert timezone.datetime is datetime
