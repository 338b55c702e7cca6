"""Payments that one run of reconcile could not deal with: none is forgotten once its window is
over, and none hides behind others.
"""

from __future__ import annotations

import pytest
from django.db.models import F

from billing.gateway import batches, transport
from billing.models import PointTransaction, ReconcileRun
from billing.reconciliation import reconcile, report, runs
from billing.services import apply as rules
from billing.states import Review
from billing.tests.support.aging import let_pass
from billing.tests.support.payments import envelope
from billing.tests.support.reconcile import credited, payments

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


@pytest.fixture
def paid(gateway, user):
    """paid() → a row whose money is credited."""

    def make():
        txn = rows.start(user=user, amount=10_000, pay_method="card")
        rows.sync(gateway.pay(txn.merchant_uid))
        return rows.get(pk=txn.pk)

    return make


@pytest.fixture
def broken(monkeypatch):
    """broken(row) → while it is not mended, this row's answers cannot be applied; broken.mend()."""
    real = rules._apply_once

    def break_it(txn):
        def apply(payment):
            if payment.merchant_uid == txn.merchant_uid:
                raise ZeroDivisionError
            return real(payment)

        monkeypatch.setattr(rules, "_apply_once", apply)

    break_it.mend = lambda: monkeypatch.setattr(rules, "_apply_once", real)
    return break_it


def days_ago(days):
    """Every time of the gateway moves into the past: what it lists falls out of the next window."""
    for time in ("started_at", "paid_at", "cancelled_at"):
        payments.filter(**{f"{time}__gt": 0}).update(**{time: F(time) - days * 86_400})


def test_a_console_cancel_that_could_not_be_applied_for_days(gateway, paid, broken, ledger):
    txn = paid()
    assert reconcile(repair=True).exit_code == 0
    gateway.cancel(txn.imp_uid)
    broken(txn)
    assert reconcile(repair=True).exit_code == 1
    assert runs.last_unresolved() == [txn.imp_uid]
    days_ago(5)
    assert reconcile(repair=True).exit_code == 1  # no window shows it any more
    assert reconcile(repair=False).exit_code == 1
    assert ledger(txn) == (10_000, [10_000])
    broken.mend()
    done = reconcile(repair=True)
    assert (done.exit_code, done.sweeps["unsettled payments"].repaired) == (0, 1)
    assert ledger(txn) == (0, [10_000, -10_000])
    assert runs.last_unresolved() == []
    assert reconcile(repair=True).sweeps["unsettled payments"].calls == 0


def test_a_run_that_was_killed_takes_none_away(gateway, paid, broken):
    txn = paid()
    gateway.cancel(txn.imp_uid)
    broken(txn)
    reconcile(repair=True)
    ReconcileRun.objects.create(
        name=runs.NAME, finished=ReconcileRun.objects.get().finished, result={"stopped": "killed"}
    )
    assert runs.last_unresolved() == [txn.imp_uid]


def test_a_silent_gateway_takes_none_away(gateway, paid, broken):
    txn = paid()
    gateway.cancel(txn.imp_uid)
    broken(txn)
    reconcile(repair=True)
    days_ago(5)
    broken.mend()
    for _ in range(2):  # asked, and asked once more
        gateway.fail_next("payments?imp_uid")
    assert reconcile(repair=True).exit_code == 2
    assert runs.last_unresolved() == [txn.imp_uid]
    assert reconcile(repair=True).exit_code == 0


def test_one_that_the_gateway_does_not_know_any_more_is_named(gateway, paid, broken):
    txn = paid()
    gateway.cancel(txn.imp_uid)
    broken(txn)
    reconcile(repair=True)
    broken.mend()
    payments.all().delete()
    found = reconcile(repair=True)
    assert found.exit_code == 1
    assert any(
        txn.imp_uid in trouble and "does not know it any more" in trouble
        for trouble in found.troubles
    )


def test_more_than_are_kept_hold_the_watermark(gateway, paid, broken, monkeypatch):
    monkeypatch.setattr(report, "MOST_UNRESOLVED", 0)
    txn = paid()
    gateway.cancel(txn.imp_uid)
    broken(txn)
    assert reconcile(repair=True).watermark is None


def test_a_page_with_a_gap_is_read_again(gateway, paid):
    paid()
    gateway.answer_next(
        "status/paid", json_body=envelope({"total": 5, "previous": 0, "next": 0, "list": []})
    )
    assert reconcile(repair=True).watermark is None
    assert reconcile(repair=True).watermark is not None


def test_a_payment_that_cannot_be_read_is_asked_about_until_it_can(gateway, paid, ledger):
    txn = paid()
    gateway.cancel(txn.imp_uid)
    broken = {"imp_uid": txn.imp_uid, "merchant_uid": txn.merchant_uid, "amount": "a lot"}
    gateway.answer_next(
        "status/cancelled",
        json_body=envelope({"total": 1, "previous": 0, "next": 0, "list": [broken]}),
    )
    found = reconcile(repair=True)
    assert (found.exit_code, found.watermark) == (1, found.started)
    days_ago(5)
    assert reconcile(repair=True).exit_code == 0
    assert ledger(txn) == (0, [10_000, -10_000])


def test_what_shows_as_cancelled_without_money_is_flagged(gateway, paid, ledger):
    """A bound row: the money is not touched, and staff see it."""
    txn = paid()
    payments.update(status="cancelled", cancel_amount=0, cancelled_at=F("paid_at"))
    found = reconcile(repair=True)
    assert (found.exit_code, found.drift[0]["columns"]) == (0, ["review"])
    assert (rows.get().review, ledger(txn)) == (Review.CLOSED_ACCOUNT, (10_000, [10_000]))
    rows.resolve(txn, by=txn.owner.user, note="seen at the console")
    assert reconcile(repair=True).drift_count == 0
    assert rows.get().review == ""


# -- answers that are too long ---------------------------------------------------------------------


@pytest.fixture
def lost(gateway, user):
    """lost(3) → rows whose payments nobody reported, begun a minute apart."""

    def make(number):
        made = []
        for _ in range(number):
            made.append(rows.start(user=user, amount=10_000, pay_method="card"))
            gateway.pay(made[-1].merchant_uid)
            payments.update(started_at=F("started_at") - 60, paid_at=F("paid_at") - 60)
        return made

    return make


def test_a_batch_that_is_too_long_is_asked_for_in_halves(gateway, lost, monkeypatch):
    lost(3)
    let_pass(minutes=5)
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 2_000)
    found = reconcile(repair=True)
    assert (found.exit_code, credited()) == (0, 30_000)
    assert found.sweeps["open rows"].calls > 3


def test_a_window_that_is_too_long_is_halved(gateway, lost, monkeypatch):
    lost(3)
    rows.update(next_check_at=None)
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 2_000)
    found = reconcile(repair=True)
    assert (found.exit_code, credited()) == (0, 30_000)
    assert found.sweeps["paid payments"].calls > 3


def test_one_that_is_too_long_alone_keeps_no_other_waiting(gateway, lost, monkeypatch):
    """Nothing can be split any more: the run says that it could not ask."""
    lost(2)
    let_pass(minutes=5)
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 10)
    assert reconcile(repair=True).exit_code == 2
    assert batches.BATCH == 100


def test_one_more_than_are_kept_is_still_in_a_window(gateway, paid, monkeypatch):
    """What was carried keeps its places, so that the windows know whether anything will be
    forgotten.
    """
    monkeypatch.setattr(report, "MOST_UNRESOLVED", 1)
    old, new = paid(), paid()

    def apply(payment):
        raise ZeroDivisionError

    gateway.cancel(old.imp_uid)
    with monkeypatch.context() as patch:
        patch.setattr(rules, "_apply_once", apply)
        known_to = reconcile(repair=True).watermark
        assert known_to is not None
        days_ago(5)
        gateway.cancel(new.imp_uid)
        found = reconcile(repair=True)
    assert (found.has_overflowed, found.watermark) == (True, None)
    assert runs.last_watermark() == known_to
