"""audit_points: each kind of drift is planted and seen, and nothing else is; nightly runs every
step.
"""

from __future__ import annotations

import io
import json
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.db import triggers
from billing.management.commands import nightly
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.reports.integrity_checks import CHECKS, check_integrity

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

BALANCE, CREDIT, LEDGER, OWNER, GOAL, GIVE_BACK, SIGN, TRIGGERS, FIGURES = CHECKS
rows = PointTransaction.objects


@pytest.fixture
def life(gateway, user, make_user):
    """A member with every kind of entry: charge, cancel, release, spend, give_back, adjust; and a
    cancel that is open.
    """
    staff = make_user("staff")
    first, second = (rows.start(user=user, amount=10_000, pay_method="card") for _ in range(2))
    for txn in (first, second):
        rows.sync(gateway.pay(txn.merchant_uid))
    rows.cancel(first, amount=3_000, reason="r", by=staff)
    gateway.control("faults", path="payments/cancel", code=-1, message="거절", times=1)
    rows.cancel(first, amount=1_000, reason="r", by=staff)
    gateway.control("faults", path="payments/cancel", timeout=True, times=1)
    rows.cancel(second, amount=4_000, reason="r", by=staff)
    Point.objects.spend(user=user, amount=500, idempotency_key="order-1")
    Point.objects.spend(user=user, amount=200, idempotency_key="order-2")
    Point.objects.refund_spend(user=user, idempotency_key="order-1")
    Point.objects.adjust(user=user, delta=-50, idempotency_key="fix-1", reason="r", by=staff)
    assert set(PointEntry.objects.values_list("kind", flat=True)) == set(PointEntry.Kind.values)
    return rows.get(pk=second.pk)


@pytest.fixture
def unchecked():
    """unchecked("a_constraint"): a context without what makes the planted drift impossible: the
    triggers, and that constraint.
    """
    dropped = []

    @contextmanager
    def without(name=""):
        with triggers.without_triggers("default"), connection.cursor() as cursor:
            if name and connection.vendor == "sqlite":
                cursor.execute("PRAGMA ignore_check_constraints = ON")
            elif name:
                dropped.append(
                    next(
                        constraint
                        for constraint in PointTransaction._meta.constraints
                        if constraint.name == name
                    )
                )
                with connection.schema_editor() as editor:
                    editor.remove_constraint(PointTransaction, dropped[-1])
            yield
            if name and connection.vendor == "sqlite":
                cursor.execute("PRAGMA ignore_check_constraints = OFF")

    yield without
    if dropped:  # the rows that contradict it must go first
        with triggers.without_triggers("default"):
            for model in (PointEntry, PointCancellation, PointTransaction):
                models.QuerySet(model).all()._raw_delete("default")
        with connection.schema_editor() as editor:
            for constraint in dropped:
                editor.add_constraint(PointTransaction, constraint)


def entries():
    """The plain query set: the model's own refuses."""
    return models.QuerySet(PointEntry)


def found():
    return {finding.check: finding.count for finding in check_integrity() if finding.count}


def run(*arguments):
    out, code = io.StringIO(), 0
    try:
        call_command("audit_points", *arguments, stdout=out)
    except SystemExit as stop:
        code = stop.code
    return code, out.getvalue()


def test_a_whole_life_is_clean(life):
    assert found() == {}
    code, said = run()
    assert (code, said.splitlines()[-1]) == (0, "Clean.")
    assert said.startswith("Mode: sandbox · database: ")
    assert all(line.startswith("ok ") for line in said.splitlines()[1:-1])
    code, said = run("--json")
    answer = json.loads(said)
    assert (code, answer["clean"], len(answer["checks"])) == (0, True, len(CHECKS))


def test_nothing_at_all_is_clean(db):
    assert found() == {}


def test_each_check_is_one_statement(life):
    """Two would show false drift while money moves."""
    for check in CHECKS.values():
        with CaptureQueriesContext(connection) as captured:
            assert list(check()) == []
        assert len(captured) == 1


def test_a_balance_that_is_not_the_sum(life, make_user):
    Point.objects.filter(pk=life.owner_id).update(balance=models.F("balance") + 1)
    Point.objects.create(user=make_user("rich"), balance=5)
    assert found() == {BALANCE: 2}
    code, said = run()
    assert code == 1
    assert f"WRONG  {BALANCE}: 2" in said
    assert "the balance is 5, the entries add up to 0" in said
    assert said.splitlines()[-1] == "2 contradictions."


def test_a_credit_that_does_not_follow_from_the_facts(life, unchecked):
    with unchecked("billing_txn_bound"):
        rows.filter(pk=life.pk).update(cancel_amount=5_000, status="cancelled")
    assert found() == {CREDIT: 1}
    assert f"{life.merchant_uid}: 6000 points are credited, its facts say 5000" in run()[1]


def test_a_credit_without_money(life, unchecked, make_txn):
    with unchecked("billing_txn_unbound"):
        txn = make_txn()
        rows.filter(pk=txn.pk).update(credited=10_000)
    assert found() == {CREDIT: 1, LEDGER: 1}


def test_a_credit_that_the_ledger_does_not_know(life):
    owner, amount = life.owner_id, 7_000
    rows.create(
        owner_id=owner,
        merchant_uid="m-1",
        amount=amount,
        imp_uid="imp_1",
        status="paid",
        credited=amount,
        credited_at=timezone.now(),
    )
    Point.objects.filter(pk=owner).update(balance=models.F("balance") + amount)
    PointEntry.objects.create(
        owner_id=owner, kind="adjust", idempotency_key="wrong kind", delta=amount
    )
    assert found() == {LEDGER: 1}
    assert "m-1: 7000 points are credited, its entries add up to 0" in run()[1]


def test_an_entry_that_was_changed(life, unchecked):
    entry = PointEntry.objects.filter(kind="charge").first()
    with unchecked():
        entries().filter(pk=entry.pk).update(delta=9_999)
    assert found() == {BALANCE: 1, LEDGER: 1}


def test_a_rows_entry_with_another_member(life, unchecked, make_user):
    thief = Point.objects.create(user=make_user("thief"), balance=10_000)
    entry = PointEntry.objects.filter(kind="charge").first()
    with unchecked():
        entries().filter(pk=entry.pk).update(owner=thief)
    Point.objects.filter(pk=life.owner_id).update(balance=models.F("balance") - 10_000)
    assert found() == {OWNER: 1}
    assert f"entry {entry.pk}: belongs to member {thief.pk}, its transaction" in run()[1]


def test_a_cancel_goal_without_its_cancel(life):
    PointCancellation.objects.filter(state="unknown").update(state="done")
    assert found() == {GOAL: 1}
    assert f"{life.merchant_uid}: its cancel goal is 4000 won, and 0 cancels are open" in run()[1]


def test_a_cancel_to_another_goal(life):
    PointCancellation.objects.filter(state="unknown").update(amount=4_001)
    assert found() == {GOAL: 1}


def test_an_open_cancel_without_a_goal(life):
    done = PointCancellation.objects.get(state="done")
    PointCancellation.objects.filter(pk=done.pk).update(state="accepted")
    assert found() == {GOAL: 1}
    PointCancellation.objects.filter(pk=done.pk).update(kind="return")  # returns have no goal
    assert found() == {}


@pytest.mark.parametrize(
    "values",
    [
        {"idempotency_key": "order-2", "delta": 201},
        {"idempotency_key": "order-9", "delta": 1},
        {"idempotency_key": "order-2", "delta": 200, "other": True},
    ],
)
def test_points_given_back_that_were_not_spent(life, make_user, values):
    owner = (
        Point.objects.create(user=make_user("other")) if values.pop("other", False) else life.owner
    )
    PointEntry.objects.create(owner=owner, kind="give_back", **values)
    Point.objects.filter(pk=owner.pk).update(balance=models.F("balance") + values["delta"])
    assert found() == {GIVE_BACK: 1}


@pytest.mark.parametrize(
    ("kind", "idempotency_key"),
    [
        ("spend", "k"),
        ("give_back", "order-2"),
        ("charge", None),
        ("cancel", None),
        ("release", None),
    ],
)
def test_an_entry_with_the_wrong_sign(life, unchecked, kind, idempotency_key):
    """Balance and sums agree; the direction alone is impossible."""
    delta = 10 if kind in ("spend", "cancel") else -200
    origin = (
        {"idempotency_key": idempotency_key} if idempotency_key else {"txn": life, "version": 99}
    )
    PointEntry.objects.create(owner=life.owner, kind=kind, delta=delta, **origin)
    assert SIGN in found()
    assert f"{kind} of {delta:+} points" in run()[1]


def test_a_missing_trigger(life):
    with triggers.without_triggers("default"):
        assert found() == {TRIGGERS: len(triggers.trigger_names(connection.vendor))}
        assert "billing_pointentry_no_update is missing: run migrate" in run()[1]
    assert found() == {}


def test_the_first_twenty_are_named_and_all_are_counted(life, make_user):
    for number in range(23):
        Point.objects.create(user=make_user(f"rich-{number}"), balance=1)
    code, said = run("--json")
    check = json.loads(said)["checks"][0]
    assert (code, check["count"], len(check["named"])) == (1, 23, 20)
    assert "… and 3 more" in run()[1]


# -- nightly ---------------------------------------------------------------------------------------


@pytest.fixture
def steps(monkeypatch):
    """steps(reconcile=…, …): what each command does instead; the names that were called, in
    order.
    """
    called = []

    def plan(**outcomes):
        def call(name, **options):
            called.append((name, {key: value for key, value in options.items() if key == "repair"}))
            if outcomes.get(name):
                raise outcomes[name]

        monkeypatch.setattr(nightly, "call_command", call)
        return called

    return plan


def night():
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("nightly", stdout=out, stderr=err)
    except SystemExit as stop:
        code = stop.code
    return code, out.getvalue(), err.getvalue()


ALL = [
    ("reconcile", {"repair": True}),
    ("roll_up", {}),
    ("audit_points", {}),
    ("prune_webhooks", {}),
    ("clearsessions", {}),
    ("prune_attempts", {}),
]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ({}, 0),
        ({"reconcile": SystemExit(2)}, 2),
        ({"reconcile": SystemExit(1), "audit_points": SystemExit(1)}, 1),
        ({"audit_points": RuntimeError("broken")}, 2),
        ({"reconcile": SystemExit(1), "prune_webhooks": CommandError("no")}, 2),
        ({"clearsessions": OSError("disk")}, 2),
    ],
)
def test_every_step_of_a_night_runs_and_the_worst_code_counts(db, steps, outcomes, code):
    called = steps(**outcomes)
    found_code, said, errors = night()
    assert called == ALL
    assert found_code == code
    assert ("Not well: " in said) == bool(code)
    for name in outcomes:
        assert name in said.partition("Not well: ")[2]
    assert ("RuntimeError: broken" in errors) == ("audit_points" in outcomes and code == 2)


def test_ctrl_c_ends_the_night(db, steps):
    called = steps(reconcile=SystemExit(130))
    assert night()[0] == 130
    assert called == ALL[:1]


def test_a_real_night(life):
    Point.objects.filter(pk=life.owner_id).update(balance=models.F("balance") + 1)
    code, said, _ = night()
    assert code == 1
    assert "-- reconcile --repair" in said
    assert f"WRONG  {BALANCE}: 1" in said
    assert "Not well: audit_points (1)." in said
