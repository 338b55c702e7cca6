"""A run that meets trouble, and the command."""

from __future__ import annotations

import io
import json
import signal
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.db.database_state import database_heading, describe_database
from billing.models import PointTransaction, ReconcileRun
from billing.reconciliation import SWEEPS, reconcile
from billing.services import apply as rules
from billing.tests.support.aging import let_pass
from billing.tests.support.payments import envelope
from billing.tests.support.reconcile import down, run
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


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
    assert report.unreachable_calls == 3
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

    def apply(payment, in_transaction):
        if payment.merchant_uid == odd.merchant_uid:
            raise ZeroDivisionError
        return real(payment, in_transaction)

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
    assert said.splitlines()[0] == database_heading()
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
        assert (answer["iamport_mode"], answer["database"]) == ("sandbox", describe_database())
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
    assert (
        found,
        said.startswith(f"{database_heading()}\nNothing was done: another run is at it"),
    ) == (
        0,
        True,
    )


def test_quiet_speaks_only_of_trouble(gateway, mess):
    assert run("--repair", "--quiet") == (0, "")
    down(gateway)
    assert run("--repair", "--quiet")[1].splitlines()[0] == database_heading()


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
