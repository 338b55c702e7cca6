"""Reconcile where a clock was wrong once: no lease and no start in the future keeps the next run
from its work, or says that all is well.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from billing.models import PointTransaction, ReconcileRun
from billing.reconciliation import reconcile, runs
from billing.reports.open_work import open_work

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
NINE_HOURS = timedelta(hours=9)
real_now = timezone.now


@pytest.fixture
def lost(gateway, user):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    gateway.pay(txn.merchant_uid)
    return txn


@contextmanager
def clock(*, ahead):
    """This machine's clock is wrong meanwhile."""
    with patch.object(timezone, "now", lambda: real_now() + ahead):
        yield


def test_a_run_that_was_killed_while_the_clock_was_ahead_holds_nobody_up(gateway, lost):
    known_to = reconcile(repair=True).watermark
    with clock(ahead=NINE_HOURS):  # local time before NTP; the process is killed
        assert runs.Run.begin() is not None
    killed = ReconcileRun.objects.order_by("id").last()
    told = open_work().reconcile
    assert (told.verdict, told.is_late) == ("stopped", True)
    rows.update(next_check_at=real_now())
    gateway.pay(rows.start(user=lost.owner.user, amount=5_000, pay_method="card").merchant_uid)
    found = reconcile(repair=True)
    assert (found.skipped, found.exit_code, found.watermark) == ("", 0, found.started)
    assert sum(rows.values_list("credited", flat=True)) == 15_000
    killed.refresh_from_db()
    assert abs(killed.finished - found.started) < timedelta(minutes=1)
    assert (killed.result, killed.watermark) == (
        {"stopped": "its lease lay too far in the future: a clock was wrong"},
        known_to,
    )
    told = open_work().reconcile
    assert (told.verdict, told.is_late) == ("clean", False)


def test_the_run_of_a_wrong_clock_stops_if_it_still_lives(gateway, lost):
    with clock(ahead=NINE_HOURS):
        old = runs.Run.begin()
    new = runs.Run.begin()
    assert new is not None
    with pytest.raises(runs.LeaseLost):
        old.renew_lease()
    old.end({"exit_code": 2, "unknown": {"payments": []}}, real_now() + NINE_HOURS)
    assert runs.last_watermark() is None
    assert ReconcileRun.objects.get(finished__isnull=True).lease_until <= real_now() + runs.LEASE


def test_a_clock_that_is_put_right_meanwhile_is_no_takeover(gateway, lost):
    """The run that lives corrects its own lease at its next step."""
    with clock(ahead=NINE_HOURS):
        run = runs.Run.begin()
    run.renew_lease()
    assert ReconcileRun.objects.get().lease_until <= real_now() + runs.LEASE
    assert runs.Run.begin() is None


@pytest.mark.parametrize("period", [timedelta(seconds=-30), timedelta(0), timedelta(seconds=30)])
def test_clocks_of_two_machines_may_differ_a_little(gateway, lost, period):
    with clock(ahead=period):
        assert runs.Run.begin() is not None
    assert reconcile(repair=True).skipped.startswith("another run is at it")
    told = open_work().reconcile
    assert (told.verdict, told.is_late) == ("running", False)


def test_a_run_that_ended_in_the_future_is_late(gateway, lost):
    """When the last one really was nobody knows; the next one ends it."""
    with clock(ahead=NINE_HOURS):
        assert reconcile(repair=True).exit_code == 0
    assert (open_work().reconcile.verdict, open_work().reconcile.is_late) == ("clean", True)
    found = reconcile(repair=True)
    assert (found.exit_code, found.windows_from <= real_now() - timedelta(hours=48)) == (0, True)
    assert not open_work().reconcile.is_late
