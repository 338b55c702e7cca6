"""reconcile as a whole: the lease, trouble on the way, reports that write nothing, and the command
that cron runs.
"""

from __future__ import annotations

import io
import json
import signal
import threading
from datetime import timedelta

import pytest
import requests
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.db.database_state import describe, heading
from billing.models import Point, PointCancellation, PointTransaction, ReconcileRun, WebhookEvent
from billing.reconciliation import SWEEPS, reconcile, runs
from billing.services import apply as rules
from billing.tests.support.aging import let_pass
from billing.tests.support.payments import envelope
from billing.tests.support.threads import together
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
STATUS_LISTS = ("paid payments", "cancelled payments")


@pytest.fixture
def start(gateway, user):
    return lambda amount=10_000, **how: rows.start(
        user=user, amount=amount, pay_method=how.pop("pay_method", "card"), **how
    )


@pytest.fixture
def mess(gateway, start, make_user):
    """Something to do for every sweep. Afterwards the right balance is 10,000 + 4,000 + 5,000."""
    lost, console, part, ours, wrong, closing = (start() for _ in range(6))
    imp_uid = gateway.pay(lost.merchant_uid, webhook=True)
    gateway.fail_next(f"payments/{imp_uid}")
    gateway.deliver()
    for txn in (console, part, ours):
        rows.sync(gateway.pay(txn.merchant_uid))
    gateway.cancel(rows.get(pk=console.pk).imp_uid, 6_000)
    part_uid = rows.get(pk=part.pk).imp_uid
    gateway.cancel(part_uid, 3_000)
    rows.sync(part_uid)
    gateway.cancel(part_uid, 2_000)
    gateway.control("faults", path="payments/cancel", timeout=True, times=1)
    rows.cancel(rows.get(pk=ours.pk), reason="wrong order", by=make_user("staff"))
    gateway.fail_next("payments/cancel", requests.ConnectTimeout())
    rows.sync(gateway.pay(wrong.merchant_uid, amount=9_000))
    gateway.pay(closing.merchant_uid, outcome="failed")
    gateway.pay("a-shop-we-do-not-know", amount=5_000)
    let_pass(hours=25)
    return 19_000


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


def run(*arguments):
    """(exit code, stdout) of the command."""
    out, code = io.StringIO(), 0
    try:
        call_command("reconcile", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as stop:
        code = stop.code
    return code, out.getvalue()


def down(gateway, fragment="payments", times=100):
    for _ in range(times):
        gateway.fail_next(fragment)


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
    assert report.unknown_count == 1
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


def test_a_gateway_that_is_down(gateway, mess):
    down(gateway)
    before = rows.values("id", "next_check_at")
    before = list(before.order_by("id"))
    report = reconcile(repair=True)
    assert (report.exit_code, report.watermark) == (2, None)
    assert {name: (tally.calls, tally.finished) for name, tally in report.sweeps.items()} == {
        "open rows": (2, True),  # one question, repeated once
        "paid payments": (2, True), "cancelled payments": (2, True),
        "unsettled payments": (0, True),
        "unmatched payments of our orders": (0, True), "part-cancelled rows": (2, True),
        "pending deliveries": (1, True), "cancels and returns": (4, True),
    }  # fmt: skip
    # Asked again at the next run.
    assert list(rows.values("id", "next_check_at").order_by("id")) == before


def test_three_questions_without_an_answer_end_a_sweep_but_not_the_others(gateway, start, user):
    start()
    made = [
        rows.model(
            owner_id=user.pk,
            merchant_uid=f"m-{number}",
            amount=1_000,
            pay_method="card",
            next_check_at=timezone.now(),
        )
        for number in range(999)
    ]
    rows.bulk_create(made)
    gateway.pay("m-5", amount=1_000)
    let_pass(minutes=2)
    down(gateway, "payments?", times=6)
    report = reconcile(repair=True)
    open_rows = report.sweeps["open rows"]
    # Two addresses hold a hundred of these ids.
    assert (open_rows.rows, open_rows.calls, open_rows.finished) == (
        200,
        6,
        False,
    )
    assert report.sweeps["paid payments"].repaired == 1
    assert report.exit_code == 2
    assert reconcile(repair=True).exit_code == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, envelope(None, code=-1, message="Unauthorized")),
        (400, envelope(None, code=-1, message="no")),
        (200, {"code": 0}),
        (502, {}),
    ],
)
def test_answers_that_are_none(gateway, start, status, body):
    start()
    let_pass(minutes=2)
    for _ in range(20):
        gateway.answer_next("payments", status=status, json_body=body)
    report = reconcile(repair=True)
    assert report.exit_code == 2
    assert report.silent_calls == 3
    assert len(report.troubles) == 3


def test_one_payment_that_contradicts_itself_keeps_no_other_waiting(gateway, start):
    odd, good = start(), start()
    imp_uid = gateway.pay(odd.merchant_uid)
    rows.sync(imp_uid)
    Payment.objects.using("sandbox").filter(imp_uid=imp_uid).update(amount=12_000)
    gateway.pay(good.merchant_uid)
    for repair, remaining in ((False, 2), (True, 1), (True, 1)):
        report = reconcile(repair=repair)
        assert (report.exit_code, report.remaining) == (1, remaining)
        assert any(
            imp_uid in trouble and "InvalidGatewayResponse" in trouble
            for trouble in report.troubles
        )
    assert rows.get(pk=good.pk).credited == 10_000
    assert report.watermark == report.started


def test_payments_that_cannot_be_read(gateway, start):
    good = start()
    gateway.pay(good.merchant_uid)
    let_pass(minutes=2)
    broken = [
        {"imp_uid": uid, "merchant_uid": "x", "amount": "a lot"}
        for uid in ("imp_999999999999", "a\x00b\ud800")
    ] + [None]
    gateway.answer_next(
        "status/paid", json_body=envelope({"total": 3, "previous": 0, "next": 0, "list": broken})
    )
    report = reconcile(repair=True)
    # The one that is no payment at all: nobody knows whose it is.
    assert (report.exit_code, report.remaining) == (
        1,
        1,
    )
    assert "imp_999999999999" in report.notes[0]
    assert report.notes[1].startswith(
        "a payment that no transaction has cannot be read, and is left alone: ab?: "
    )
    # Also on a database that stores no NUL.
    assert ReconcileRun.objects.get().result["notes"] == report.notes
    assert rows.get().credited == 10_000


def test_a_broken_program_keeps_no_other_waiting(gateway, start, monkeypatch, caplog):
    odd, good = start(), start()
    for txn in (odd, good):
        gateway.pay(txn.merchant_uid)
    let_pass(minutes=2)
    real = rules._apply_once

    def apply(payment):
        if payment.merchant_uid == odd.merchant_uid:
            raise ZeroDivisionError
        return real(payment)

    monkeypatch.setattr(rules, "_apply_once", apply)
    report = reconcile(repair=True)
    assert report.exit_code == 1
    assert any("ZeroDivisionError" in trouble for trouble in report.troubles)
    assert "ZeroDivisionError" in caplog.text
    assert rows.get(pk=good.pk).credited == 10_000
    monkeypatch.undo()
    let_pass(minutes=2)
    assert reconcile(repair=True).exit_code == 0
    assert rows.get(pk=odd.pk).credited == 10_000


def test_named_troubles_are_bounded(gateway, start, monkeypatch):
    from billing.reconciliation import report as reports

    monkeypatch.setattr(reports, "MOST_NAMED", 2)
    for txn in [start() for _ in range(4)]:
        gateway.pay(txn.merchant_uid)
    found = reconcile(repair=False)
    assert (found.remaining, len(found.drift)) == (4, 2)


# -- the command -----------------------------------------------------------------------------------


def test_the_exit_codes_and_the_summary(gateway, mess):
    code, said = run()
    assert code == 1
    assert "Not as the gateway says: 5. To repair it: reconcile --repair" in said
    assert "Payments whose merchant_uid no transaction has, never touched (1):" in said
    code, said = run("--repair")
    assert code == 0
    assert "Everything agrees" not in said
    assert (
        "Every transaction agrees with the gateway. Undecided payments that no transaction has: 1."
        in said.splitlines()[-1]
    )
    assert said.splitlines()[0] == heading()
    table = said.splitlines()[1:8]
    assert table[0].split() == ["rows", "calls", "payments", "differ", "repaired", "failed"]
    assert len({len(line) for line in table}) == 1  # aligned
    down(gateway)
    code, said = run()
    assert code == 2
    assert "gave no answer" in said


def test_json_is_one_object_and_nothing_else(gateway, mess):
    for arguments, code in ((["--json"], 1), (["--json", "--repair"], 0)):
        found, said = run(*arguments)
        answer = json.loads(said)
        assert (found, answer["exit_code"]) == (code, code)
        assert (answer["iamport_mode"], answer["database"]) == ("sandbox", describe())
        assert answer["unknown"]["payments"][0]["merchant_uid"] == "a-shop-we-do-not-know"
        assert list(answer["sweeps"]["open rows"]) == [
            "rows",
            "calls",
            "payments",
            "differ",
            "repaired",
            "failed",
            "finished",
        ]
    ReconcileRun.objects.create(lease_until=timezone.now() + timedelta(minutes=1))
    found, said = run("--json", "--repair")
    assert found == 0
    assert json.loads(said)["skipped"]
    found, said = run("--repair")
    assert (found, said.startswith(f"{heading()}\nNothing was done: another run is at it")) == (
        0,
        True,
    )


def test_quiet_speaks_only_of_trouble(gateway, mess):
    assert run("--repair", "--quiet") == (0, "")
    down(gateway)
    assert run("--repair", "--quiet")[1].splitlines()[0] == heading()


@pytest.mark.parametrize(
    "day", ["yesterday", "2026-13-01", "20261124x", "1999-12-31", "9999-01-01", ""]
)
def test_days_that_are_none(day):
    with pytest.raises(CommandError, match="--since"):
        call_command("reconcile", f"--since={day}")


def test_since_a_day_in_seoul(gateway, start):
    start()
    let_pass(days=20)
    rows.update(next_check_at=None)
    day = timezone.localdate() - timedelta(days=30)
    _, said = run("--json", f"--since={day}")
    answer = json.loads(said)
    assert answer["windows_from"] == f"{day}T00:00:00+09:00"
    assert answer["sweeps"]["open rows"]["rows"] == 1


def test_progress_is_for_terminals(gateway, mess):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, out = Terminal(), io.StringIO()
    call_command("reconcile", "--repair", "--json", stdout=out, stderr=terminal)
    json.loads(out.getvalue())
    assert "open rows: " in terminal.getvalue()
    pipe = io.StringIO()
    call_command("reconcile", "--repair", stdout=io.StringIO(), stderr=pipe)
    assert pipe.getvalue() == ""


def test_a_supervisors_stop_closes_the_run(gateway, mess, capsys):
    gateway.before_answer = lambda call: signal.raise_signal(signal.SIGTERM)
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        call_command("reconcile", "--repair")
    assert stop.value.code == 130
    assert "Stopped. Nothing is half done" in capsys.readouterr().err
    assert ReconcileRun.objects.get().result["stopped"] == "interrupted: KeyboardInterrupt"
    assert signal.getsignal(signal.SIGTERM) == handler


def test_every_sweep_is_run(gateway, start):
    start()
    assert len(reconcile(repair=True).sweeps) == len(SWEEPS) + 1  # the windows are two
