"""apply(): what an answer of the gateway does to row, points and ledger. Real transactions; no
network.
"""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from billing import signals
from billing.errors import InvalidGatewayResponse, UnmatchedPaymentError
from billing.models import PointCancellation, PointEntry, PointTransaction
from billing.services.apply import changes
from billing.states import Review, Status
from billing.tests.support.notes import notes_of

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True)]

apply = PointTransaction.objects.apply
EARLY, LATE = 1_795_400_000, 1_795_400_900


@pytest.fixture
def heard():
    """Every signal sent, as (name, points)."""
    told = []
    receivers = []
    for name in ("point_charged", "point_cancelled", "payment_failed", "payment_needs_review"):

        def receive(sender, name=name, **kwargs):
            told.append((name, kwargs.get("points") or kwargs.get("code")))

        getattr(signals, name).connect(receive, weak=False)
        receivers.append((name, receive))
    yield told
    for name, receive in receivers:
        getattr(signals, name).disconnect(receive)


def test_paid_is_credited_once(make_txn, answer, ledger, heard):
    txn = make_txn()
    first = apply(answer(txn))
    assert (first.points, first.txn.status, first.txn.credited, first.txn.owner.balance) == (
        10_000,
        Status.PAID,
        10_000,
        10_000,
    )
    again = apply(answer(txn))
    assert (again.points, again.txn.owner.balance) == (0, 10_000)
    assert ledger(txn) == (10_000, [10_000])
    entry = PointEntry.objects.get()
    assert (entry.kind, entry.version, entry.txn_id, entry.idempotency_key) == (
        "charge",
        1,
        txn.pk,
        None,
    )
    assert heard == [("point_charged", 10_000)]


def test_a_registered_card_is_never_credited_nor_sent_back_and_staff_are_told_once(
    make_txn, answer, ledger, heard
):
    txn = make_txn()
    registered = {
        "imp_uid": "imp_100000000009",
        "customer_uid": "member",
        "customer_uid_usage": "issue",
    }
    for status in ("ready", "paid", "paid"):
        applied = apply(answer(txn, status=status, **registered))
        assert (applied.points, applied.txn.status, applied.txn.imp_uid) == (0, Status.READY, None)
    row = PointTransaction.objects.get()
    assert row.review == Review.CARD_REGISTRATION
    assert notes_of(row) == [
        ("card_registration", {"imp_uid": "imp_100000000009", "status": "paid"}, "")
    ]
    assert (ledger(txn), PointCancellation.objects.count()) == ((0, []), 0)
    assert heard == [("payment_needs_review", "card_registration")]
    # Reconcile finds nothing to repair.
    assert changes(row, answer(txn, **registered)) == ()
    # The order itself can still be paid.
    assert apply(answer(txn)).points == 10_000


@pytest.mark.parametrize("usage", ["payment", "payment.scheduled", "", None])
def test_money_paid_with_a_registered_card_is_ordinary_money(make_txn, answer, usage):
    assert (
        apply(answer(make_txn(), customer_uid="member", customer_uid_usage=usage)).points == 10_000
    )


def test_the_facts_are_kept(make_txn, answer):
    txn = apply(answer(make_txn(), receipt_url="https://pay.example/r/1", pay_method="point")).txn
    fresh = PointTransaction.objects.get()
    assert fresh.imp_uid == "imp_100000000001"
    assert (fresh.pay_method, fresh.paid_method) == ("card", "point")
    assert fresh.card_name == "신한카드"
    assert fresh.receipt_url == "https://pay.example/r/1"
    assert fresh.paid_at == datetime.fromtimestamp(1795400100, UTC)
    assert fresh.credited_at is not None
    assert fresh.synced_at is not None
    assert fresh.next_check_at is None
    for field in fresh._meta.concrete_fields:
        assert getattr(fresh, field.attname) == getattr(txn, field.attname), field.name


@pytest.mark.parametrize("parts", [[4_000], [4_000, 10_000], [10_000], [1, 2, 3]])
def test_a_cancel_at_the_console_takes_points_back_once(make_txn, answer, ledger, heard, parts):
    txn = make_txn()
    apply(answer(txn))
    taken = []
    for total in parts:
        for _ in range(2):
            apply(answer(txn, status="cancelled", cancel_amount=total))
        taken.append(-(total - (sum(-t for t in taken))))
    assert ledger(txn) == (10_000 - parts[-1], [10_000, *taken])
    fresh = PointTransaction.objects.get()
    assert (fresh.status, fresh.cancel_amount) == (Status.CANCELLED, parts[-1])
    assert [name for name, _ in heard] == ["point_charged"] + ["point_cancelled"] * len(parts)


def test_first_seen_partly_cancelled_is_one_entry_of_the_rest(make_txn, answer, ledger):
    txn = make_txn()
    apply(answer(txn, status="cancelled", cancel_amount=4_000))
    assert ledger(txn) == (6_000, [6_000])


def test_first_seen_wholly_cancelled_binds_so_that_a_stale_paid_credits_nothing(
    make_txn, answer, ledger
):
    txn = make_txn()
    apply(answer(txn, status="cancelled"))
    apply(answer(txn))
    assert ledger(txn) == (0, [])
    fresh = PointTransaction.objects.get()
    assert fresh.credited_at is not None
    assert fresh.status == Status.CANCELLED


def test_a_stale_answer_never_undoes_a_newer_one(make_txn, answer, ledger):
    txn = make_txn()
    held_back = answer(txn)
    apply(answer(txn))
    apply(answer(txn, status="cancelled", cancel_amount=10_000))
    apply(held_back)
    apply(answer(txn, status="cancelled", cancel_amount=3_000))
    apply(answer(txn, status="failed"))
    apply(answer(txn, status="ready"))
    assert ledger(txn) == (0, [10_000, -10_000])
    assert PointTransaction.objects.get().status == Status.CANCELLED


def test_failed_may_turn_paid_and_never_back(make_txn, answer, ledger, heard):
    txn = make_txn()
    failed = apply(
        answer(txn, status="failed", fail_reason="한도초과", failed_at=EARLY, paid_at=0)
    ).txn
    assert (failed.status, failed.fail_reason) == (Status.FAILED, "한도초과")
    apply(answer(txn, status="failed", fail_reason="한도초과", failed_at=EARLY, paid_at=0))
    apply(answer(txn))
    apply(answer(txn, status="failed"))
    assert ledger(txn) == (10_000, [10_000])
    # Bound: this payment's own facts, whole.
    assert PointTransaction.objects.get().fail_reason == ""
    assert heard == [("payment_failed", None), ("point_charged", 10_000)]


def test_a_virtual_account_is_shown_kept_and_credited_at_the_deposit(make_txn, answer, ledger):
    txn = make_txn(pay_method="vbank")
    account = {
        "pay_method": "vbank",
        "vbank_num": "110-123",
        "vbank_name": "신한은행",
        "vbank_holder": "(주)가게",
        "vbank_date": LATE,
        "paid_at": 0,
    }
    apply(answer(txn, status="ready", **account))
    # Facts never go from filled to empty.
    apply(answer(txn, status="ready", vbank_num=None, vbank_date=0, paid_at=0))
    fresh = PointTransaction.objects.get()
    assert (fresh.status, fresh.vbank_num, fresh.vbank_holder) == (
        Status.READY,
        "110-123",
        "(주)가게",
    )
    assert fresh.vbank_date == datetime.fromtimestamp(LATE, UTC)
    apply(answer(txn, status="paid", **{**account, "paid_at": LATE}))
    assert ledger(txn) == (10_000, [10_000])


def test_a_later_attempt_takes_the_row_and_an_earlier_one_does_not(make_txn, answer):
    txn = make_txn()
    apply(
        answer(txn, "imp_1", status="failed", started_at=EARLY, fail_reason="한도초과", paid_at=0)
    )
    apply(answer(txn, "imp_2", status="ready", started_at=LATE, vbank_num="110-2", paid_at=0))
    fresh = PointTransaction.objects.get()
    assert (fresh.imp_uid, fresh.status, fresh.fail_reason, fresh.vbank_num) == (
        "imp_2",
        Status.READY,
        "",
        "110-2",
    )
    apply(
        answer(txn, "imp_1", status="failed", started_at=EARLY, fail_reason="한도초과", paid_at=0)
    )
    assert PointTransaction.objects.get().imp_uid == "imp_2"


def test_money_of_an_earlier_attempt_is_still_bound(make_txn, answer, ledger):
    txn = make_txn()
    apply(answer(txn, "imp_2", status="ready", started_at=LATE, paid_at=0))
    apply(answer(txn, "imp_1", started_at=EARLY))
    assert ledger(txn) == (10_000, [10_000])
    assert PointTransaction.objects.get().imp_uid == "imp_1"


def test_an_unknown_merchant_uid_is_touched_by_nothing(make_txn, answer):
    txn = make_txn()
    with pytest.raises(UnmatchedPaymentError):
        apply(answer(txn, merchant_uid="somebody-elses-order"))
    assert PointEntry.objects.count() == 0


def test_a_bound_payment_that_changes_is_nonsense_and_changes_nothing(make_txn, answer, ledger):
    txn = make_txn()
    apply(answer(txn))
    with pytest.raises(InvalidGatewayResponse):
        apply(answer(txn, amount=20_000))
    assert ledger(txn) == (10_000, [10_000])


def test_one_imp_uid_cannot_pay_two_rows(make_txn, answer, ledger):
    one, two = make_txn(), make_txn()
    apply(answer(one))
    with pytest.raises(InvalidGatewayResponse, match="another row"):
        apply(answer(two))
    assert ledger(two) == (10_000, [])


def test_apply_refuses_to_run_inside_a_callers_transaction(make_txn, answer):
    txn = make_txn()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        apply(answer(txn))
    assert PointEntry.objects.count() == 0


def test_a_receiver_that_raises_harms_nothing(make_txn, answer, ledger):
    def explode(**kwargs):
        raise ValueError("a receiver")

    signals.point_charged.connect(explode)
    try:
        apply(answer(make_txn()))
    finally:
        signals.point_charged.disconnect(explode)
    assert ledger(PointTransaction.objects.get()) == (10_000, [10_000])


def test_signals_come_after_the_commit(make_txn, answer):
    seen = []

    def look(**kwargs):
        seen.append((connection.in_atomic_block, PointEntry.objects.count()))

    signals.point_charged.connect(look)
    try:
        apply(answer(make_txn()))
    finally:
        signals.point_charged.disconnect(look)
    assert seen == [(False, 1)]


def statements(captured):
    return [
        query["sql"]
        for query in captured.captured_queries
        if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
    ]


def test_apply_costs_four_statements(make_txn, answer, django_assert_max_num_queries):
    txn = make_txn()
    with django_assert_max_num_queries(20) as captured:
        apply(answer(txn))
    assert len(statements(captured)) == 4
    with django_assert_max_num_queries(20) as captured:
        apply(answer(txn))
    assert len(statements(captured)) == 2


def test_a_return_costs_no_more_statements_than_a_credit(
    settings, make_txn, answer, django_assert_max_num_queries
):
    settings.BILLING_RETURN_WRONG_MONEY = False
    txn = make_txn()
    for number, most in ((1, 4), (2, 5)):  # the note; the second has to look for the first
        with django_assert_max_num_queries(20) as captured:
            apply(answer(txn, f"imp_{number}", amount=9_000))
        assert len(statements(captured)) == most
