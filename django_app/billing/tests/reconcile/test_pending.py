"""What reconcile finishes: part-cancelled rows, pending deliveries, open cancels and refunds."""

from __future__ import annotations

import pytest
import requests
from django.utils import timezone

from billing import reconciliation
from billing.models import PointCancellation, PointTransaction, WebhookEvent
from billing.reconciliation import open_transactions, pending_work
from billing.tests.support.aging import let_pass
from billing.tests.support.reconcile import tally
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
NOW = timezone.now()


def test_a_second_part_cancel_that_no_window_shows(gateway, paid, only, ledger):
    txn = paid()
    gateway.cancel(txn.imp_uid, 3_000)
    rows.sync(txn.imp_uid)
    gateway.cancel(txn.imp_uid, 2_000)
    let_pass(hours=23)
    assert tally(only(open_transactions.sweep_part_cancelled), "part-cancelled rows")[:2] == (0, 0)
    let_pass(hours=2)
    assert tally(only(open_transactions.sweep_part_cancelled), "part-cancelled rows") == (
        1,
        1,
        1,
        1,
        1,
        0,
    )
    assert ledger(txn) == (5_000, [10_000, -3_000, -2_000])
    let_pass(hours=25)
    seen = rows.get().synced_at
    assert tally(only(open_transactions.sweep_part_cancelled), "part-cancelled rows") == (
        1,
        1,
        1,
        0,
        0,
        0,
    )
    assert rows.get().synced_at > seen  # nothing changed, and it has been looked at for today
    assert tally(only(open_transactions.sweep_part_cancelled), "part-cancelled rows")[:2] == (0, 0)


# -- pending deliveries ----------------------------------------------------------------------------


def test_a_webhook_that_came_while_the_gateway_was_silent(gateway, start, only, ledger):
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid, webhook=True)
    gateway.fail_next(f"payments/{imp_uid}")
    gateway.deliver()
    # It is tried again after a while.
    assert tally(only(pending_work.sweep_pending_deliveries), "pending deliveries") == (
        0,
        0,
        0,
        0,
        0,
        0,
    )
    let_pass(minutes=6)
    report = only(pending_work.sweep_pending_deliveries, repair=False)
    assert tally(report, "pending deliveries") == (1, 1, 1, 1, 0, 0)
    assert (WebhookEvent.objects.get().outcome, report.exit_code) == ("pending", 1)
    gateway.fail_next(f"payments/{imp_uid}")
    report = only(pending_work.sweep_pending_deliveries)
    # Its own wait, no repeat.
    assert (
        report.exit_code,
        report.unreachable_calls,
        report.sweeps["pending deliveries"].calls,
    ) == (
        2,
        1,
        1,
    )
    let_pass(minutes=30)
    assert tally(only(pending_work.sweep_pending_deliveries), "pending deliveries") == (
        1,
        1,
        0,
        0,
        0,
        0,
    )
    assert WebhookEvent.objects.get().outcome == "done"
    assert ledger(txn) == (10_000, [10_000])


def test_three_deliveries_that_cannot_be_asked_about_end_the_sweep(gateway, start, only):
    for txn in [start() for _ in range(5)]:
        WebhookEvent.objects.create(
            imp_uid="imp_123456789012", merchant_uid=txn.merchant_uid, next_try_at=NOW, tries=1
        )
    for _ in range(3):
        gateway.fail_next("payments/imp_")
    report = only(pending_work.sweep_pending_deliveries)
    assert (report.exit_code, report.unreachable_calls) == (2, 3)
    assert sorted(WebhookEvent.objects.values_list("tries", flat=True)) == [1, 1, 2, 2, 2]
    # "I do not know this payment" is an answer.
    assert only(pending_work.sweep_pending_deliveries).exit_code == 0
    assert sorted(WebhookEvent.objects.values_list("tries", flat=True)) == [2, 2, 2, 2, 2]


# -- cancels and returns ---------------------------------------------------------------------------


def test_a_cancel_whose_answer_was_lost(gateway, paid, only, ledger, make_user):
    txn = paid()
    gateway.control("faults", path="payments/cancel", timeout=True, times=1)
    cancellation = rows.cancel(txn, reason="wrong order", by=make_user("staff"))
    assert cancellation.state == State.UNKNOWN
    let_pass(minutes=3)
    # Done, and we do not know.
    assert tally(
        only(pending_work.sweep_open_cancellations, repair=False), "cancels and returns"
    ) == (
        1,
        1,
        1,
        1,
        0,
        0,
    )
    assert tally(only(pending_work.sweep_open_cancellations), "cancels and returns") == (
        1,
        1,
        0,
        1,
        1,
        0,
    )
    cancellation.refresh_from_db()
    assert (cancellation.state, rows.get().pending_cancel_total) == (State.DONE, 0)
    assert ledger(txn) == (0, [10_000, -10_000])


def test_a_return_that_was_never_sent(gateway, start, only):
    txn = start()
    gateway.fail_next("payments/cancel", requests.ConnectTimeout())
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000))
    assert PointCancellation.objects.get().state == State.REQUESTED
    let_pass(minutes=3)
    only(pending_work.sweep_open_cancellations)
    assert PointCancellation.objects.get().state == State.DONE


def test_what_waits_for_staff_is_no_drift(gateway, start):
    txn = start(pay_method="vbank")
    # Somebody must name an account.
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000, pay_method="vbank"))
    assert PointCancellation.objects.get().needs_staff
    for repair in (False, True):
        assert reconciliation.reconcile(repair=repair).exit_code == 0
    assert rows.get().review


# -- in threads with the other doors ---------------------------------------------------------------


@pytest.mark.parametrize("round_", range(3))
def test_with_sync_at_the_same_time_one_credit(gateway, start, ledger, round_):
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid)
    let_pass(minutes=2)
    results = together(
        [lambda: reconciliation.reconcile(repair=True).exit_code] * 3
        + [lambda: rows.sync(imp_uid).points] * 5
    )
    assert results[:3] == [0, 0, 0]
    assert sorted(results[3:]) in ([0] * 5, [0, 0, 0, 0, 10_000])
    assert ledger(txn) == (10_000, [10_000])
