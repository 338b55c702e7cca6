"""reconcile as a whole: the lease, trouble on the way, reports that write nothing, and the command
that cron runs.
"""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from billing.models import Point, PointCancellation, PointTransaction, ReconcileRun, WebhookEvent
from billing.reconciliation import SWEEPS, reconcile, runs
from billing.tests.support.aging import let_pass
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


def dump(*but):
    """Every row of every table of ours."""
    tables = [
        model
        for model in apps.get_models()
        if model._meta.app_label != "sandbox" and model.__name__ not in but
    ]
    return {
        model.__name__: list(model._default_manager.order_by("pk").values()) for model in tables
    }


# -- the whole -------------------------------------------------------------------------------------


def test_a_report_writes_nothing_and_a_repair_once_is_enough(gateway, mess):
    before, calls = dump(), len(gateway.calls)
    report = reconcile(repair=False)
    assert dump() == before
    assert {call.method for call in gateway.calls[calls:]} == {"GET"}
    assert (report.exit_code, report.repair, report.remaining) == (1, False, 5)
    # lost (by its row and by the list), console, part (list; its row was synced 25 h ago), ours
    # (list, and its open cancel), failed
    assert {name: tally.differ for name, tally in report.sweeps.items()} == {
        "open rows": 2, "paid payments": 1, "cancelled payments": 3, "unsettled payments": 0,
        "unmatched payments of our orders": 0,
        "part-cancelled rows": 1, "pending deliveries": 1, "cancels and returns": 1,
    }  # fmt: skip

    report = reconcile(repair=True)
    assert report.exit_code == 0, report.troubles
    assert Point.objects.get(user__username="payer").balance == mess
    assert {cancellation.state for cancellation in PointCancellation.objects.all()} == {"done"}
    assert WebhookEvent.objects.get().outcome == "done"
    assert report.unmatched_count == 1
    assert all(tally.finished for tally in report.sweeps.values())

    settled = dump("ReconcileRun", "UnmatchedPayment")
    again = reconcile(repair=True)
    assert dump("ReconcileRun", "UnmatchedPayment") == settled
    assert [tally.differ + tally.failed for tally in again.sweeps.values()] == [0] * (
        len(SWEEPS) + 1
    )
    let_pass(hours=25)
    later = reconcile(repair=True)
    assert [tally.differ + tally.failed for tally in later.sweeps.values()] == [0] * (
        len(SWEEPS) + 1
    )
    assert Point.objects.get(user__username="payer").balance == mess


def test_the_run_is_kept(gateway, mess):
    report = reconcile(repair=True)
    kept = ReconcileRun.objects.get()
    assert (kept.finished is not None, kept.lease_until, kept.watermark) == (
        True,
        None,
        report.started,
    )
    assert kept.result == json.loads(json.dumps(report.as_json()))
    assert kept.result["sweeps"]["cancelled payments"]["repaired"] == 3


def test_several_at_once_do_it_once(gateway, mess):
    results = together([lambda: reconcile(repair=True)] * 6 + [lambda: reconcile(repair=False)] * 2)
    assert all(report.exit_code == 0 for report in results[:6]), results
    assert [report for report in results[:6] if not report.skipped]
    assert Point.objects.get(user__username="payer").balance == mess
    assert not ReconcileRun.objects.filter(finished__isnull=True).exists()


# -- the lease -------------------------------------------------------------------------------------


def test_a_second_run_leaves_it_to_the_first(gateway, start):
    txn = start()
    gateway.pay(txn.merchant_uid)
    let_pass(minutes=2)
    first_is_at_it, second_is_done = threading.Event(), threading.Event()

    def hold(call):
        if not first_is_at_it.is_set():
            first_is_at_it.set()
            assert second_is_done.wait(30)

    def second():
        assert first_is_at_it.wait(30)
        try:
            before = len(gateway.calls)
            return reconcile(repair=True), reconcile(repair=False).exit_code, before
        finally:
            second_is_done.set()

    gateway.before_answer = hold
    first, (skipped, code_of_report, _) = together([lambda: reconcile(repair=True), second])
    assert (first.skipped, first.exit_code, first.sweeps["open rows"].repaired) == ("", 0, 1)
    assert skipped.skipped.startswith("another run is at it, its lease lasts until ")
    assert (skipped.exit_code, skipped.sweeps) == (0, {})
    assert code_of_report == 1  # a report needs no lease, and at that moment the row did differ
    assert ReconcileRun.objects.count() == 1


def test_a_run_that_was_killed_holds_up_the_others_for_its_lease_only(gateway, mess, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(call):
        if "status/paid" in call.path:
            raise Killed

    gateway.before_answer = kill
    with monkeypatch.context() as patch:
        patch.setattr(runs.Run, "end", lambda *args: None)  # a killed process closes nothing
        with pytest.raises(Killed):
            reconcile(repair=True)
    gateway.before_answer = None
    assert reconcile(repair=True).skipped
    ReconcileRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    report = reconcile(repair=True)
    assert (report.skipped, report.exit_code) == ("", 0)
    assert Point.objects.get(user__username="payer").balance == mess
    killed, done = ReconcileRun.objects.order_by("id")
    assert killed.result == {"stopped": "killed: its lease ran out"}
    assert (killed.watermark, done.watermark) == (None, report.started)


@pytest.mark.parametrize("number", range(1, 6))
def test_killed_at_any_answer_the_next_run_ends_it(gateway, mess, number):
    """Ctrl-C and SIGTERM end it between two steps; the run is closed, and what was done is done."""
    answers = iter(range(1, 1_000))

    def stop(call):
        if next(answers) == number:
            raise KeyboardInterrupt

    gateway.before_answer = stop
    with pytest.raises(KeyboardInterrupt):
        reconcile(repair=True)
    gateway.before_answer = None
    interrupted = ReconcileRun.objects.get()
    assert (interrupted.finished is not None, interrupted.result["stopped"]) == (
        True,
        "interrupted: KeyboardInterrupt",
    )
    let_pass(minutes=20)  # a cancel or return whose sending was cut off is looked at after a while
    assert reconcile(repair=True).exit_code == 0
    assert Point.objects.get(user__username="payer").balance == mess
    assert {cancellation.state for cancellation in PointCancellation.objects.all()} == {"done"}


def test_a_run_that_lost_its_lease_stops(gateway, mess, monkeypatch):
    monkeypatch.setattr(runs, "PROLONG_AFTER", timedelta(0))
    ends = []

    def take_over(call):
        if "status/paid" in call.path and not ends:
            ends.append(timezone.now())
            ReconcileRun.objects.update(
                finished=ends[0], result={"stopped": "killed: its lease ran out"}
            )

    gateway.before_answer = take_over
    report = reconcile(repair=True)
    assert "taken over" in report.stopped
    assert "cancelled payments" not in report.sweeps
    lost = ReconcileRun.objects.get()
    assert (lost.finished, lost.result, lost.watermark) == (
        ends[0],
        {"stopped": "killed: its lease ran out"},
        None,
    )


def test_a_long_run_prolongs_its_lease(gateway, mess, monkeypatch):
    # Leases are by name.
    ReconcileRun.objects.create(name="another job", lease_until=timezone.now())
    monkeypatch.setattr(runs, "PROLONG_AFTER", timedelta(0))
    leases = []
    gateway.before_answer = lambda call: leases.append(
        ReconcileRun.objects.get(name="reconcile").lease_until
    )
    reconcile(repair=True)
    assert leases == sorted(leases)
    assert len(set(leases)) >= 4


def test_old_runs_are_deleted(gateway, start):
    start()
    gateway.pay("a-shop", amount=5_000)
    for _ in range(4):
        reconcile(repair=True)
    _, naming, third, last = ReconcileRun.objects.order_by("id")
    naming.result["unknown"]["payments"] = [{"imp_uid": "imp_1"}]
    naming.save()
    third.result = {"stopped": "killed: its lease ran out"}
    third.save()
    ReconcileRun.objects.update(finished=timezone.now() - timedelta(days=100))
    assert runs.prune(101) == 0
    assert runs.prune(90) == 2
    assert list(ReconcileRun.objects.order_by("id")) == [naming, last]
    assert runs.last_watermark() == last.watermark


# -- trouble ---------------------------------------------------------------------------------------
