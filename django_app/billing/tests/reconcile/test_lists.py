"""The status lists of the gateway: windows, pages, what no row knows."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import reconciliation
from billing.gateway import api
from billing.models import Point, PointCancellation, PointTransaction, ReconcileRun
from billing.reconciliation import open_transactions, status_lists
from billing.states import Review
from billing.tests.support.aging import let_pass
from billing.tests.support.payments import envelope
from billing.tests.support.reconcile import asked, hide_all_but, tally
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
NOW = timezone.now()


def test_two_tabs_only_the_window_finds_the_paid_one(gateway, start, only, ledger):
    """The paid one is hidden behind a later `ready`, callback and webhook are lost, and the gateway
    names the newest only.
    """
    txn = start()
    gateway.pay(txn.merchant_uid)
    later = gateway.pay(txn.merchant_uid, outcome="ready")
    rows.sync(later)
    let_pass(minutes=2)
    hide_all_but(gateway, later)
    only(open_transactions.sweep_open_transactions)
    assert ledger(txn) == (0, [])
    report = only(status_lists.sweep_status_lists)
    assert tally(report, "paid payments") == (0, 1, 1, 1, 1, 0)
    assert ledger(txn) == (10_000, [10_000])


@pytest.mark.parametrize("part", [None, 4_000])
def test_a_cancel_at_the_console(gateway, paid, only, ledger, part):
    txn = paid()
    gateway.cancel(txn.imp_uid, part)
    report = only(status_lists.sweep_status_lists)
    assert tally(report, "cancelled payments") == (0, 1, 1, 1, 1, 0)
    taken = part or 10_000
    assert ledger(txn) == (10_000 - taken, [10_000, -taken])


def test_first_seen_partly_cancelled(gateway, start, only, ledger):
    txn = start()
    gateway.cancel(gateway.pay(txn.merchant_uid), 4_000)
    only(status_lists.sweep_status_lists)
    assert ledger(txn) == (6_000, [6_000])


def test_payments_of_nobody_are_named_and_never_touched(gateway, paid):
    txn = paid()
    foreign = [gateway.pay(f"shop-{number}", amount=5_000 + number) for number in range(3)]
    gateway.cancel(foreign[2])
    before = len(asked(gateway, "payments/cancel"))
    report = reconciliation.reconcile(repair=True)
    assert (report.exit_code, report.unmatched_count) == (0, 3)
    kept = ReconcileRun.objects.get().result["unknown"]
    assert kept["count"] == 3
    assert {
        "imp_uid": foreign[1],
        "merchant_uid": "shop-1",
        "amount": "5001",
        "currency": "KRW",
        "status": "paid",
    } in kept["payments"]
    assert len(asked(gateway, "payments/cancel")) == before
    assert rows.get() == txn
    assert [Payment.objects.using("sandbox").get(imp_uid=uid).status for uid in foreign] == [
        "paid",
        "paid",
        "cancelled",
    ]


def test_payments_of_nobody_stay_with_the_last_run_that_saw_them(gateway, start, monkeypatch):
    start()
    first = gateway.pay("shop-1", amount=5_000)
    reconciliation.reconcile(repair=True)
    second = gateway.pay("shop-2", amount=5_000)
    # It has left the window.
    Payment.objects.using("sandbox").filter(imp_uid=first).update(paid_at=1_500_000_000)
    reconciliation.reconcile(repair=True)
    reconciliation.reconcile(repair=True)
    named = [
        [item["imp_uid"] for item in run.result["unknown"]["payments"]]
        for run in ReconcileRun.objects.order_by("id")
    ]
    assert named == [[first], [], [second]]


def test_only_the_first_thousand_of_nobody_are_kept(gateway, start, monkeypatch):
    monkeypatch.setattr(reconciliation.report, "MOST_UNMATCHED", 2)
    start()
    for number in range(3):
        gateway.pay(f"shop-{number}", amount=5_000)
    report = reconciliation.reconcile(repair=True)
    assert (report.unmatched_count, len(report.unmatched)) == (3, 2)


def test_wrong_money_is_sent_back(gateway, paid, start, only, ledger):
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    report = only(status_lists.sweep_status_lists)
    assert (report.drift[0]["columns"], report.exit_code) == (["return"], 0)
    assert PointCancellation.objects.get().state == State.DONE
    assert Payment.objects.using("sandbox").get(imp_uid=imp_uid).cancel_amount == 9_000
    assert ledger(txn) == (0, [])
    assert rows.get().review == Review.WRONG_AMOUNT
    report = only(status_lists.sweep_status_lists)
    assert [tally.differ for tally in report.sweeps.values()] == [0, 0]


def test_a_window_is_halved_until_it_fits_on_one_page(gateway, start, only, monkeypatch):
    monkeypatch.setattr(api, "LARGEST_PAGE", 3)
    txns = [start() for _ in range(14)]
    now = int(timezone.now().timestamp())
    for number, txn in enumerate(txns):
        imp_uid = gateway.pay(txn.merchant_uid)
        Payment.objects.using("sandbox").filter(imp_uid=imp_uid).update(
            paid_at=now - number * 3_000
        )
    report = only(status_lists.sweep_status_lists)
    assert Point.objects.get().balance == 140_000
    found = report.sweeps["paid payments"]
    assert (found.payments, found.repaired, report.notes) == (14, 14, [])
    assert found.calls > 5  # at least five pages hold fourteen, and each half is another question
    assert all("page=1&" in path for path in asked(gateway, "status/"))
    assert report.watermark == report.started


def test_a_second_with_more_than_a_page_is_read_by_page(gateway, start, only, monkeypatch):
    monkeypatch.setattr(api, "LARGEST_PAGE", 3)
    second = int(timezone.now().timestamp()) - 100
    for txn in [start() for _ in range(8)]:
        Payment.objects.using("sandbox").filter(imp_uid=gateway.pay(txn.merchant_uid)).update(
            paid_at=second
        )
    report = only(status_lists.sweep_status_lists)
    assert Point.objects.get().balance == 80_000
    assert len(report.notes) == 1
    assert "8 payments became paid" in report.notes[0]
    assert [
        path.partition("page=")[2][0] for path in asked(gateway, f"from={second}&to={second}")
    ] == ["1", "2", "3"]
    assert report.watermark == report.started


def test_windows_reach_back_48_hours_before_the_last_complete_reading(gateway, start, only):
    start()
    let_pass(days=200)
    first = rows.get().created_at
    report = only(status_lists.sweep_status_lists)
    assert report.windows_from == first - timedelta(hours=48)
    spans = []
    for path in asked(gateway, "status/paid"):
        begin, end = (int(path.partition(f"{name}=")[2].split("&")[0]) for name in ("from", "to"))
        assert end - begin <= 90 * 86_400
        spans.append((begin, end))
    # Three windows, without a gap.
    assert [later[0] - earlier[1] for earlier, later in pairwise(spans)] == [
        1,
        1,
    ]
    assert spans[0][0] == int(report.windows_from.timestamp())
    assert spans[-1][1] == int(report.started.timestamp())
    again = only(status_lists.sweep_status_lists)
    assert again.windows_from == report.started - timedelta(hours=48)
    since = timezone.now() - timedelta(days=30)
    assert only(status_lists.sweep_status_lists, since=since).windows_from == since
    assert only(
        status_lists.sweep_status_lists, since=timezone.now()
    ).windows_from < timezone.now() - timedelta(hours=48)  # never narrower


def test_a_clock_that_was_put_back(gateway, start, only):
    start()
    ReconcileRun.objects.create(
        watermark=timezone.now() + timedelta(days=30), finished=timezone.now()
    )
    report = only(status_lists.sweep_status_lists)
    assert report.windows_from == report.started - timedelta(hours=48)
    assert ReconcileRun.objects.latest("id").watermark == report.started


def test_the_watermark_waits_for_a_window_that_could_not_be_read(gateway, paid, only):
    paid()
    for _ in range(2):
        gateway.fail_next("status/cancelled")
    report = only(status_lists.sweep_status_lists)
    assert (report.watermark, report.exit_code) == (None, 2)
    assert ReconcileRun.objects.get().watermark is None
    complete = only(status_lists.sweep_status_lists)
    assert ReconcileRun.objects.latest("id").watermark == complete.started
    for _ in range(2):
        gateway.fail_next("status/paid")
    only(status_lists.sweep_status_lists)
    assert ReconcileRun.objects.latest("id").watermark == complete.started  # carried on


def test_one_lost_answer_is_asked_again_at_once(gateway, paid, only):
    paid()
    gateway.fail_next("status/paid")
    report = only(status_lists.sweep_status_lists)
    assert (report.exit_code, report.sweeps["paid payments"].calls, report.troubles) == (0, 2, [])


def test_a_page_that_holds_less_than_it_says(gateway, paid, only):
    paid()
    gateway.answer_next(
        "status/paid", json_body=envelope({"total": 5, "previous": 0, "next": 0, "list": []})
    )
    report = only(status_lists.sweep_status_lists)
    assert (report.exit_code, report.remaining) == (1, 5)
    assert "5 of 5 are not in the list" in report.troubles[0]


def test_what_agrees_costs_no_statement_of_its_own(gateway, paid, only):
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            only(status_lists.sweep_status_lists, repair=False)
        counts.append(len(captured))
        for _ in range(6):
            paid(amount=1_000)
    with CaptureQueriesContext(connection) as captured:
        only(status_lists.sweep_status_lists, repair=False)
    counts.append(len(captured))
    assert counts[1] == counts[2]


# -- part-cancelled rows ---------------------------------------------------------------------------
