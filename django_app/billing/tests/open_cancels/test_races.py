"""Whoever brings the proof of an open cancel, and all of them at the same time."""

from __future__ import annotations

import threading

import pytest
from django.db import transaction

from billing import signals
from billing.gateway.api import gateway as client
from billing.models import PointCancellation, PointEntry, PointTransaction
from billing.services import cancel as cancel_service
from billing.tests.support.aging import let_pass
from billing.tests.support.open_cancels import closed, deliver, done_there, the_cancel
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State


@pytest.fixture
def meanwhile(monkeypatch):
    """meanwhile("send_and_conclude", job) → `job` runs in a thread of its own before that step of the
    cancel's sender.
    """

    def plan(step, job):
        real, results = getattr(cancel_service, step), []

        def late(*args, **more):
            monkeypatch.setattr(cancel_service, step, real)
            results.extend(together([job] * 4))
            return real(*args, **more)

        monkeypatch.setattr(cancel_service, step, late)
        return results

    return plan


def test_a_webhook_that_is_faster_than_the_answer_leaves_the_close_to_the_sender(
    gateway, paid, user, ledger, told, meanwhile
):
    txn = paid()
    seen = meanwhile(
        "_conclude",
        lambda: (deliver(txn).status_code, the_cancel().state, rows.get().cancel_amount),
    )
    assert rows.cancel(txn, reason="x", by=user, amount=4_000).state == State.DONE
    assert seen == [(200, State.REQUESTED, 4_000)] * 4
    closed(txn, ledger, deltas=[10_000, -4_000], cancelled=4_000)
    assert told == [4_000]


def test_what_its_sender_has_not_sent_yet_is_not_closed_by_the_console(
    gateway, paid, user, ledger, told, meanwhile
):
    """Else it would be sent after it was closed, maybe beside the next one."""
    txn = paid()
    gateway.cancel(txn.imp_uid, 4_000)
    seen = meanwhile(
        "send_and_conclude", lambda: (rows.sync(txn.imp_uid).points, the_cancel().state)
    )
    # As much is back as was asked for.
    assert rows.cancel(txn, reason="x", by=user, amount=4_000).state == State.DONE
    assert seen == [(0, State.REQUESTED)] * 4
    row = rows.get()
    assert (row.cancel_amount, row.pending_cancel_total, ledger(txn)) == (
        4_000,
        0,
        (6_000, [10_000, -4_000]),
    )
    assert told == [4_000]


def test_a_sender_that_crashed_leaves_it_to_everybody(
    gateway, paid, user, ledger, told, monkeypatch
):
    """Sent, and the process died before it could close it."""
    txn = paid()

    def crash(*args, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cancel_service, "_conclude", crash)
        with pytest.raises(KeyboardInterrupt):
            rows.cancel(txn, reason="x", by=user)
    deliver(txn)
    assert (the_cancel().state, rows.get().pending_cancel_total) == (State.REQUESTED, 10_000)
    let_pass(minutes=2)
    deliver(txn)
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


def test_a_close_that_comes_second_only_takes_the_answer_over(
    gateway, accepted, ledger, told, meanwhile
):
    """finish() has asked and found it done; before it closes, four webhooks have."""
    txn = accepted()
    done_there(gateway)
    seen = meanwhile("close_cancel", lambda: (deliver(txn).status_code, the_cancel().state))
    assert rows.finish(the_cancel()).state == State.DONE
    assert seen == [(200, State.DONE)] * 4
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


@pytest.mark.parametrize("round_", range(4))
def test_everybody_brings_the_proof_at_once(gateway, accepted, ledger, told, payer, user, round_):
    txn = accepted()
    done_there(gateway)
    cancel = the_cancel()
    jobs = [
        lambda: rows.sync(txn.imp_uid).points,
        lambda: rows.finish(PointCancellation.objects.get(pk=cancel.pk)).state,
    ]
    results = together(jobs * 8)
    assert set(results) == {0, State.DONE}, results
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]
    assert PointEntry.objects.count() == 2


def test_closing_without_looking_whether_it_is_open_tells_it_twice(gateway, accepted, told):
    """The negative control: the same steps, but who comes second closes again."""
    txn = accepted()
    done_there(gateway)
    payment, cancel = client().payment(txn.imp_uid), the_cancel()
    everybody_has_read = threading.Barrier(2)

    def careless():
        row = rows.select_related("owner").get(pk=txn.pk)
        assert row.pending_cancel_total
        everybody_has_read.wait(30)
        with transaction.atomic():
            PointCancellation.objects.filter(pk=cancel.pk).update(state=State.DONE)
            signals.point_cancelled.send(
                sender=PointTransaction,
                txn=row,
                points=int(payment.cancel_amount) - int(cancel.base),
            )

    assert together([careless, careless]) == [None, None]
    assert told == [10_000, 10_000]
