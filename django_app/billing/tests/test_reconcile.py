"""reconcile: what each sweep finds alone, with callback, return and webhook all lost."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
import requests
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import reconciliation
from billing.gateway import api
from billing.models import Point, PointCancellation, PointTransaction, ReconcileRun, WebhookEvent
from billing.reconciliation import open_transactions as row_sweeps
from billing.reconciliation import pending_work, status_lists
from billing.reconciliation.open_transactions import next_check
from billing.states import Review, Status
from billing.tests.support.aging import let_pass
from billing.tests.support.payments import envelope
from billing.tests.support.threads import together
from billing_sandbox import serializer
from billing_sandbox.models import ApiCall, Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
NOW = timezone.now()


@pytest.fixture
def start(gateway, user):
    return lambda amount=10_000, **how: rows.start(
        user=user, amount=amount, pay_method=how.pop("pay_method", "card"), **how
    )


@pytest.fixture
def paid(gateway, start):
    """A credited row."""

    def make(**how):
        return rows.sync(gateway.pay(start(**how).merchant_uid, **how)).txn

    return make


@pytest.fixture
def only(monkeypatch):
    """only(sweep) → the report of a repair with that sweep alone; repair=False only reports."""

    def run(sweep, *, repair=True, **how):
        with monkeypatch.context() as patch:
            patch.setattr(reconciliation, "SWEEPS", (sweep,))
            return reconciliation.reconcile(repair=repair, **how)

    return run


def asked(gateway, fragment=""):
    return [call.path for call in gateway.calls if fragment in call.path]


def tally(report, name):
    found = report.sweeps[name]
    return found.rows, found.calls, found.payments, found.differ, found.repaired, found.failed


def hide_all_but(gateway, imp_uid):
    """A gateway that knows only the newest payment of a merchant_uid when it is asked for
    several.
    """
    newest = serializer.payment(Payment.objects.using("sandbox").get(imp_uid=imp_uid))
    gateway.answer_next("payments?merchant_uid", json_body=envelope([newest]))


# -- open rows -------------------------------------------------------------------------------------


def test_an_attempt_that_nobody_reported(gateway, start, only, ledger):
    txn = start()
    gateway.pay(txn.merchant_uid)
    # Its first minute is not over.
    assert tally(only(row_sweeps.open_rows), "open rows") == (
        0,
        0,
        0,
        0,
        0,
        0,
    )
    let_pass(minutes=2)
    report = only(row_sweeps.open_rows)
    assert tally(report, "open rows") == (1, 1, 1, 1, 1, 0)
    assert report.exit_code == 0
    assert ledger(txn) == (10_000, [10_000])
    assert rows.get().next_check_at is None


def test_a_deposit_that_nobody_reported(gateway, start, only, ledger):
    txn = start(pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    rows.sync(imp_uid)
    gateway.control(f"payments/{imp_uid}/deposit")
    let_pass(minutes=2)
    # By imp_uid, and by merchant_uid.
    assert tally(only(row_sweeps.open_rows), "open rows") == (
        1,
        2,
        2,
        1,
        1,
        0,
    )
    assert ledger(txn) == (10_000, [10_000])


def test_an_account_that_nobody_reported_is_shown(gateway, start, only):
    """No money column changes, and yet the payer must learn where to pay."""
    txn = start(pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready", pay_method="vbank")
    rows.sync(imp_uid)
    gateway.control(f"payments/{imp_uid}/account")
    let_pass(minutes=2)
    assert only(row_sweeps.open_rows).remaining == 0
    assert rows.get().vbank_num


def test_a_payment_hidden_behind_its_own_rows_later_one(gateway, start, only, ledger):
    """Known is the second tab's payment, paid was the first's: asked by merchant_uid too, the
    gateway names both.
    """
    txn = start()
    gateway.pay(txn.merchant_uid)
    rows.sync(gateway.pay(txn.merchant_uid, outcome="ready"))
    let_pass(minutes=2)
    only(row_sweeps.open_rows)
    assert ledger(txn) == (10_000, [10_000])


def test_no_answer_or_an_unpaid_one_proves_nothing(gateway, start, only):
    nothing, unpaid = start(), start()
    gateway.pay(unpaid.merchant_uid, outcome="ready")
    let_pass(minutes=2)
    report = only(row_sweeps.open_rows)
    assert tally(report, "open rows") == (2, 1, 1, 1, 1, 0)  # a payment became known
    assert [txn.status for txn in rows.order_by("id")] == [Status.READY] * 2
    assert [bool(txn.imp_uid) for txn in rows.order_by("id")] == [False, True]
    assert all(txn.next_check_at > timezone.now() for txn in rows.all())
    gateway.control("payments/" + rows.get(pk=unpaid.pk).imp_uid + "/approve")
    gateway.pay(nothing.merchant_uid)
    let_pass(minutes=2)
    assert tally(only(row_sweeps.open_rows), "open rows")[3:] == (2, 2, 0)
    assert Point.objects.get().balance == 20_000


def test_what_the_gateway_does_not_know_is_404_and_207(gateway, start, only, ledger):
    txns = [start() for _ in range(3)]
    let_pass(minutes=2)
    only(row_sweeps.open_rows)
    gateway.pay(txns[1].merchant_uid)
    let_pass(minutes=2)
    only(row_sweeps.open_rows)
    answers = (
        ApiCall.objects.using("sandbox")
        .filter(path__endswith="/payments")
        .order_by("id")
        .values_list("http_status", flat=True)
    )
    assert list(answers) == [404, 207]
    assert ledger(txns[1]) == (10_000, [10_000])


@pytest.mark.parametrize("code", [0, -1])
def test_207_is_an_answer_whatever_its_code(gateway, start, only, ledger, code):
    """Which code it carries is not documented."""
    txn, _ = start(), start()
    imp_uid = gateway.pay(txn.merchant_uid)
    found = serializer.payment(Payment.objects.using("sandbox").get(imp_uid=imp_uid))
    let_pass(minutes=2)
    gateway.answer_next("payments?", status=207, json_body=envelope([found], code=code))
    assert only(row_sweeps.open_rows).exit_code == 0
    assert ledger(txn) == (10_000, [10_000])


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        ({"seconds": 0}, {"minutes": 1}), ({"minutes": 9, "seconds": 59}, {"minutes": 1}),
        ({"minutes": 10}, {"minutes": 5}),
        ({"minutes": 59}, {"minutes": 5}), ({"hours": 1}, {"minutes": 30}),
        ({"hours": 5, "minutes": 59}, {"minutes": 30}),
        ({"hours": 6}, {"hours": 2}), ({"hours": 23}, {"hours": 2}), ({"days": 1}, {"hours": 6}),
        ({"days": 6, "hours": 23}, {"hours": 6}), ({"days": 7}, None), ({"days": 400}, None),
    ],
)  # fmt: skip
def test_when_to_look_again(age, wait):
    created_at = NOW - timedelta(**age)
    assert next_check(created_at, None, NOW) == (NOW + timedelta(**wait) if wait else None)


@pytest.mark.parametrize(
    ("deadline", "looks"), [(-1, False), (2.9, True), (3.1, False), (-3.5, False)]
)
def test_an_account_is_looked_at_until_3_days_after_its_deadline(deadline, looks):
    """Whichever is later: the attempt is 8 days old here, and the account's deadline was so many
    days ago (but for -1: in a day).
    """
    vbank_date = NOW - timedelta(days=deadline) if deadline != -1 else NOW - timedelta(days=6)
    if deadline == -3.5:
        vbank_date = NOW - timedelta(days=30)
    assert (next_check(NOW - timedelta(days=8), vbank_date, NOW) is not None) == looks
    assert next_check(NOW - timedelta(days=6), vbank_date, NOW) is not None


def test_rows_are_looked_at_less_and_less_and_then_no_more(gateway, start, only):
    txn = start()
    for period, wait in (
        ({"minutes": 2}, 1),
        ({"minutes": 20}, 5),
        ({"hours": 2}, 30),
        ({"hours": 10}, 120),
        ({"days": 2}, 360),
    ):
        let_pass(**period)
        only(row_sweeps.open_rows)
        left = rows.get(pk=txn.pk).next_check_at - timezone.now()
        assert timedelta(minutes=wait) - timedelta(seconds=30) < left <= timedelta(minutes=wait)
    let_pass(days=7)
    only(row_sweeps.open_rows)
    assert rows.get(pk=txn.pk).next_check_at is None
    gateway.pay(txn.merchant_uid)
    assert tally(only(row_sweeps.open_rows), "open rows")[:2] == (0, 0)
    only(status_lists.status_windows)  # and a late payment is found by the windows
    assert rows.get(pk=txn.pk).credited == 10_000


def test_rows_bound_while_the_gateway_was_asked_keep_their_null(gateway, start, only):
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid)
    let_pass(minutes=2)
    gateway.answer_next("payments?", status=404, json_body=envelope(None, code=-1, message="none"))
    told = []

    def meanwhile(call):
        told.append(rows.sync(imp_uid).points)

    original = row_sweeps._reschedule
    row_sweeps._reschedule = lambda batch: (meanwhile(None), original(batch))
    try:
        only(row_sweeps.open_rows)
    finally:
        row_sweeps._reschedule = original
    assert told == [10_000]
    assert rows.get().next_check_at is None


def test_given_up_rows_are_asked_since_a_day(gateway, start, only, ledger):
    old, txn = start(), start()
    let_pass(days=9)
    rows.filter(pk=txn.pk).update(created_at=timezone.now() - timedelta(days=8))
    rows.update(next_check_at=None)
    for one in (old, txn):
        gateway.pay(one.merchant_uid)
    report = only(row_sweeps.open_rows, since=timezone.now() - timedelta(days=8, hours=1))
    assert tally(report, "open rows") == (1, 1, 1, 1, 1, 0)
    assert ledger(txn) == (10_000, [10_000])
    assert not rows.get(pk=old.pk).is_matched


def test_a_merchant_uid_that_cannot_be_asked_for_keeps_no_other_waiting(gateway, start, only):
    """A row adopted for a payment of another shop's numbering, whose apply never came."""
    odd, txn = start(), start()
    rows.filter(pk=odd.pk).update(merchant_uid="주문 1/2")
    gateway.pay("주문 1/2", amount=10_000)
    gateway.pay(txn.merchant_uid)
    let_pass(minutes=2)
    report = only(row_sweeps.open_rows)
    assert (report.exit_code, rows.get(pk=txn.pk).credited) == (0, 10_000)
    only(status_lists.status_windows)
    assert rows.get(pk=odd.pk).credited == 10_000


@pytest.mark.parametrize(
    ("number_of_rows", "calls"),
    [(1_000, 30), pytest.param(10_000, 300, marks=pytest.mark.thorough)],
)
def test_a_thousand_rows_are_30_calls(gateway, user, start, only, number_of_rows, calls):
    start()
    made = [
        rows.model(
            owner_id=user.pk,
            merchant_uid=f"20261123-{number:026}",
            amount=1_000,
            pay_method="card",
            next_check_at=NOW,
        )
        for number in range(number_of_rows - 1)
    ]
    rows.bulk_create(made, batch_size=1_000)
    let_pass(minutes=2)
    report = only(row_sweeps.open_rows)
    assert tally(report, "open rows") == (number_of_rows, calls, 0, 0, 0, 0)
    assert len(asked(gateway, "payments?")) == calls
    assert max(len(f"/sandbox/api/{path}") for path in asked(gateway)) <= 2_000
    assert rows.filter(next_check_at__gt=timezone.now()).count() == number_of_rows


# -- windows ---------------------------------------------------------------------------------------


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
    only(row_sweeps.open_rows)
    assert ledger(txn) == (0, [])
    report = only(status_lists.status_windows)
    assert tally(report, "paid payments") == (0, 1, 1, 1, 1, 0)
    assert ledger(txn) == (10_000, [10_000])


@pytest.mark.parametrize("part", [None, 4_000])
def test_a_cancel_at_the_console(gateway, paid, only, ledger, part):
    txn = paid()
    gateway.cancel(txn.imp_uid, part)
    report = only(status_lists.status_windows)
    assert tally(report, "cancelled payments") == (0, 1, 1, 1, 1, 0)
    taken = part or 10_000
    assert ledger(txn) == (10_000 - taken, [10_000, -taken])


def test_first_seen_partly_cancelled(gateway, start, only, ledger):
    txn = start()
    gateway.cancel(gateway.pay(txn.merchant_uid), 4_000)
    only(status_lists.status_windows)
    assert ledger(txn) == (6_000, [6_000])


def test_payments_of_nobody_are_named_and_never_touched(gateway, paid):
    txn = paid()
    foreign = [gateway.pay(f"shop-{number}", amount=5_000 + number) for number in range(3)]
    gateway.cancel(foreign[2])
    before = len(asked(gateway, "payments/cancel"))
    report = reconciliation.reconcile(repair=True)
    assert (report.exit_code, report.unknown_count) == (0, 3)
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
    monkeypatch.setattr(reconciliation.report, "MOST_UNKNOWN", 2)
    start()
    for number in range(3):
        gateway.pay(f"shop-{number}", amount=5_000)
    report = reconciliation.reconcile(repair=True)
    assert (report.unknown_count, len(report.unknown)) == (3, 2)


def test_wrong_money_is_sent_back(gateway, paid, start, only, ledger):
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    report = only(status_lists.status_windows)
    assert (report.drift[0]["columns"], report.exit_code) == (["return"], 0)
    assert PointCancellation.objects.get().state == State.DONE
    assert Payment.objects.using("sandbox").get(imp_uid=imp_uid).cancel_amount == 9_000
    assert ledger(txn) == (0, [])
    assert rows.get().review == Review.WRONG_AMOUNT
    report = only(status_lists.status_windows)
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
    report = only(status_lists.status_windows)
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
    report = only(status_lists.status_windows)
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
    report = only(status_lists.status_windows)
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
    again = only(status_lists.status_windows)
    assert again.windows_from == report.started - timedelta(hours=48)
    since = timezone.now() - timedelta(days=30)
    assert only(status_lists.status_windows, since=since).windows_from == since
    assert only(
        status_lists.status_windows, since=timezone.now()
    ).windows_from < timezone.now() - timedelta(hours=48)  # never narrower


def test_a_clock_that_was_put_back(gateway, start, only):
    start()
    ReconcileRun.objects.create(
        watermark=timezone.now() + timedelta(days=30), finished=timezone.now()
    )
    report = only(status_lists.status_windows)
    assert report.windows_from == report.started - timedelta(hours=48)
    assert ReconcileRun.objects.latest("id").watermark == report.started


def test_the_watermark_waits_for_a_window_that_could_not_be_read(gateway, paid, only):
    paid()
    for _ in range(2):
        gateway.fail_next("status/cancelled")
    report = only(status_lists.status_windows)
    assert (report.watermark, report.exit_code) == (None, 2)
    assert ReconcileRun.objects.get().watermark is None
    complete = only(status_lists.status_windows)
    assert ReconcileRun.objects.latest("id").watermark == complete.started
    for _ in range(2):
        gateway.fail_next("status/paid")
    only(status_lists.status_windows)
    assert ReconcileRun.objects.latest("id").watermark == complete.started  # carried on


def test_one_lost_answer_is_asked_again_at_once(gateway, paid, only):
    paid()
    gateway.fail_next("status/paid")
    report = only(status_lists.status_windows)
    assert (report.exit_code, report.sweeps["paid payments"].calls, report.troubles) == (0, 2, [])


def test_a_page_that_holds_less_than_it_says(gateway, paid, only):
    paid()
    gateway.answer_next(
        "status/paid", json_body=envelope({"total": 5, "previous": 0, "next": 0, "list": []})
    )
    report = only(status_lists.status_windows)
    assert (report.exit_code, report.remaining) == (1, 5)
    assert "5 of 5 are not in the list" in report.troubles[0]


def test_what_agrees_costs_no_statement_of_its_own(gateway, paid, only):
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            only(status_lists.status_windows, repair=False)
        counts.append(len(captured))
        for _ in range(6):
            paid(amount=1_000)
    with CaptureQueriesContext(connection) as captured:
        only(status_lists.status_windows, repair=False)
    counts.append(len(captured))
    assert counts[1] == counts[2]


# -- part-cancelled rows ---------------------------------------------------------------------------


def test_a_second_part_cancel_that_no_window_shows(gateway, paid, only, ledger):
    txn = paid()
    gateway.cancel(txn.imp_uid, 3_000)
    rows.sync(txn.imp_uid)
    gateway.cancel(txn.imp_uid, 2_000)
    let_pass(hours=23)
    assert tally(only(row_sweeps.part_cancelled_rows), "part-cancelled rows")[:2] == (0, 0)
    let_pass(hours=2)
    assert tally(only(row_sweeps.part_cancelled_rows), "part-cancelled rows") == (1, 1, 1, 1, 1, 0)
    assert ledger(txn) == (5_000, [10_000, -3_000, -2_000])
    let_pass(hours=25)
    seen = rows.get().synced_at
    assert tally(only(row_sweeps.part_cancelled_rows), "part-cancelled rows") == (1, 1, 1, 0, 0, 0)
    assert rows.get().synced_at > seen  # nothing changed, and it has been looked at for today
    assert tally(only(row_sweeps.part_cancelled_rows), "part-cancelled rows")[:2] == (0, 0)


# -- pending deliveries ----------------------------------------------------------------------------


def test_a_webhook_that_came_while_the_gateway_was_silent(gateway, start, only, ledger):
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid, webhook=True)
    gateway.fail_next(f"payments/{imp_uid}")
    gateway.deliver()
    # It is tried again after a while.
    assert tally(only(pending_work.pending_deliveries), "pending deliveries") == (
        0,
        0,
        0,
        0,
        0,
        0,
    )
    let_pass(minutes=6)
    report = only(pending_work.pending_deliveries, repair=False)
    assert tally(report, "pending deliveries") == (1, 1, 1, 1, 0, 0)
    assert (WebhookEvent.objects.get().outcome, report.exit_code) == ("pending", 1)
    gateway.fail_next(f"payments/{imp_uid}")
    report = only(pending_work.pending_deliveries)
    # Its own wait, no repeat.
    assert (report.exit_code, report.silent_calls, report.sweeps["pending deliveries"].calls) == (
        2,
        1,
        1,
    )
    let_pass(minutes=30)
    assert tally(only(pending_work.pending_deliveries), "pending deliveries") == (1, 1, 0, 0, 0, 0)
    assert WebhookEvent.objects.get().outcome == "done"
    assert ledger(txn) == (10_000, [10_000])


def test_three_deliveries_that_cannot_be_asked_about_end_the_sweep(gateway, start, only):
    for txn in [start() for _ in range(5)]:
        WebhookEvent.objects.create(
            imp_uid="imp_123456789012", merchant_uid=txn.merchant_uid, next_try_at=NOW, tries=1
        )
    for _ in range(3):
        gateway.fail_next("payments/imp_")
    report = only(pending_work.pending_deliveries)
    assert (report.exit_code, report.silent_calls) == (2, 3)
    assert sorted(WebhookEvent.objects.values_list("tries", flat=True)) == [1, 1, 2, 2, 2]
    # "I do not know this payment" is an answer.
    assert only(pending_work.pending_deliveries).exit_code == 0
    assert sorted(WebhookEvent.objects.values_list("tries", flat=True)) == [2, 2, 2, 2, 2]


# -- cancels and returns ---------------------------------------------------------------------------


def test_a_cancel_whose_answer_was_lost(gateway, paid, only, ledger, make_user):
    txn = paid()
    gateway.control("faults", path="payments/cancel", timeout=True, times=1)
    cancellation = rows.cancel(txn, reason="wrong order", by=make_user("staff"))
    assert cancellation.state == State.UNKNOWN
    let_pass(minutes=3)
    # Done, and we do not know.
    assert tally(only(pending_work.open_cancellations, repair=False), "cancels and returns") == (
        1,
        1,
        1,
        1,
        0,
        0,
    )
    assert tally(only(pending_work.open_cancellations), "cancels and returns") == (1, 1, 0, 1, 1, 0)
    cancellation.refresh_from_db()
    assert (cancellation.state, rows.get().pending_cancel_total) == (State.DONE, 0)
    assert ledger(txn) == (0, [10_000, -10_000])


def test_a_return_that_was_never_sent(gateway, start, only):
    txn = start()
    gateway.fail_next("payments/cancel", requests.ConnectTimeout())
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000))
    assert PointCancellation.objects.get().state == State.REQUESTED
    let_pass(minutes=3)
    only(pending_work.open_cancellations)
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
