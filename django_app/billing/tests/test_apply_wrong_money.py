"""Answers with wrong money, closed accounts, points that were spent: flagged, never credited."""

from decimal import Decimal

import pytest
from django.db import transaction

from billing import signals
from billing.errors import InvalidGatewayResponse
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
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


WRONG = [
    ({"amount": 9_000}, Review.WRONG_AMOUNT, Decimal(9_000), "KRW"),
    ({"amount": 20_000}, Review.WRONG_AMOUNT, Decimal(20_000), "KRW"),
    ({"amount": 10_000, "currency": "USD"}, Review.WRONG_CURRENCY, Decimal(10_000), "USD"),
    ({"amount": Decimal("14.2"), "currency": "USD"}, Review.WRONG_CURRENCY, Decimal("14.2"), "USD"),
    ({"sandbox": True}, Review.TEST_CHANNEL, Decimal(10_000), "KRW"),
    (
        {"amount": 9_000, "status": "cancelled", "cancel_amount": 4_000},
        Review.WRONG_AMOUNT,
        Decimal(5_000),
        "KRW",
    ),
]


@pytest.mark.parametrize(("changes", "code", "left", "currency"), WRONG)
def test_wrong_money_is_flagged_and_waits_to_be_returned(
    settings, make_txn, answer, ledger, heard, changes, code, left, currency
):
    settings.BILLING_RETURN_WRONG_MONEY = False
    txn = make_txn()
    for _ in range(3):
        apply(answer(txn, **changes))
    assert ledger(txn) == (0, [])
    fresh = PointTransaction.objects.get()
    assert (fresh.status, fresh.imp_uid, fresh.credited_at, fresh.review) == (
        Status.READY,
        None,
        None,
        code,
    )
    told, by_staff = notes_of(fresh)
    assert (told[0], told[1]["imp_uid"], told[1]["asked"]) == (code, "imp_100000000001", 10_000)
    assert by_staff == ("refund_by_staff", {"imp_uid": "imp_100000000001", "why": "setting"}, "")
    back = PointCancellation.objects.get()
    assert (back.kind, back.state, back.amount, back.checksum, back.currency, back.tries) == (
        "return",
        "requested",
        left,
        left,
        currency,
        0,
    )
    assert heard == [("payment_needs_review", code)]


def test_right_money_after_wrong_money_is_credited(make_txn, answer, ledger):
    txn = make_txn()
    apply(answer(txn, "imp_1", amount=9_000))
    apply(answer(txn, "imp_2"))
    assert ledger(txn) == (10_000, [10_000])
    # Staff decide when a flag goes.
    assert PointTransaction.objects.get().review == Review.WRONG_AMOUNT
    assert PointCancellation.objects.get().imp_uid == "imp_1"


def test_a_second_payment_is_returned_and_the_first_stays(make_txn, answer, ledger):
    txn = make_txn()
    apply(answer(txn, "imp_1"))
    for _ in range(2):
        apply(answer(txn, "imp_2"))
    assert ledger(txn) == (10_000, [10_000])
    fresh = PointTransaction.objects.get()
    assert (fresh.imp_uid, fresh.review) == ("imp_1", Review.SECOND_PAYMENT)
    assert PointCancellation.objects.get().imp_uid == "imp_2"


def test_a_return_remembers_what_had_been_cancelled_before(make_txn, answer):
    txn = make_txn()
    apply(answer(txn, amount=9_000, status="cancelled", cancel_amount=4_000))
    back = PointCancellation.objects.get()
    assert (back.base, back.amount, back.checksum) == (4_000, 5_000, 5_000)


def test_the_first_flag_stays_and_every_reason_is_noted(make_txn, answer):
    txn = make_txn()
    apply(answer(txn, "imp_1", status="cancelled", cancel_amount=0, paid_at=0))
    apply(answer(txn, "imp_2", amount=9_000))
    fresh = PointTransaction.objects.get()
    assert fresh.review == Review.CLOSED_ACCOUNT
    assert [params["imp_uid"] for _, params, _ in notes_of(fresh)] == ["imp_1", "imp_2"]


def test_money_that_is_to_be_returned_is_never_credited_later(make_txn, answer, ledger, settings):
    txn = make_txn()
    apply(answer(txn, sandbox=True))
    settings.BILLING_ACCEPT_TEST_CHANNEL = True
    apply(answer(txn, sandbox=True))
    assert ledger(txn) == (0, [])


def test_a_return_that_turns_up_under_another_row_is_nonsense(make_txn, answer):
    one, two = make_txn(), make_txn()
    apply(answer(one, amount=9_000))
    with pytest.raises(InvalidGatewayResponse, match="another row"):
        apply(answer(two, amount=9_000))


def test_money_after_a_whole_cancel_is_returned(make_txn, answer, ledger):
    txn = make_txn()
    apply(answer(txn, "imp_1", status="cancelled"))
    apply(answer(txn, "imp_2"))
    assert ledger(txn) == (0, [])
    assert PointTransaction.objects.get().review == Review.MONEY_AFTER_CANCEL
    assert PointCancellation.objects.get().imp_uid == "imp_2"


def test_a_closed_account_is_flagged_and_its_late_deposit_is_ordinary_money(
    make_txn, answer, ledger
):
    txn = make_txn(pay_method="vbank")
    closed = {"status": "cancelled", "cancel_amount": 0, "paid_at": 0}
    apply(answer(txn, **closed))
    apply(answer(txn, **closed))
    fresh = PointTransaction.objects.get()
    assert (fresh.status, fresh.review, fresh.credited_at) == (
        Status.CANCELLED,
        Review.CLOSED_ACCOUNT,
        None,
    )
    assert PointCancellation.objects.count() == 0
    apply(answer(txn))
    assert ledger(txn) == (10_000, [10_000])


def test_points_that_were_spent_are_taken_all_the_same_and_flagged(make_txn, answer, ledger, heard):
    txn = make_txn()
    apply(answer(txn))
    with transaction.atomic():
        Point.objects.update(balance=2_000)
        PointEntry.objects.create(
            owner_id=txn.owner_id, kind="spend", idempotency_key="order-1", delta=-8_000
        )
    apply(answer(txn, status="cancelled", cancel_amount=5_000))
    assert ledger(txn) == (-3_000, [10_000, -5_000])
    fresh = PointTransaction.objects.get()
    assert fresh.review == Review.NEGATIVE_BALANCE
    assert notes_of(fresh)[0][1]["balance"] == -3_000
    assert heard[1:] == [
        ("point_cancelled", 5_000),
        ("payment_needs_review", Review.NEGATIVE_BALANCE),
    ]


def test_an_open_cancel_of_ours_is_not_taken_twice_and_not_given_back(make_txn, answer, ledger):
    """Rule A1: while pending_cancel_total holds points, `paid` changes nothing and our cancel at
    the gateway takes nothing more.
    """
    txn = make_txn()
    apply(answer(txn))
    with transaction.atomic():  # what step C1 of a cancel writes
        PointTransaction.objects.update(pending_cancel_total=4_000, credited=6_000, version=2)
        Point.objects.update(balance=6_000)
        PointEntry.objects.create(
            owner_id=txn.owner_id, txn_id=txn.pk, version=2, kind="cancel", delta=-4_000
        )
    apply(answer(txn))
    assert ledger(txn) == (6_000, [10_000, -4_000])
    apply(answer(txn, status="cancelled", cancel_amount=4_000))
    assert ledger(txn) == (6_000, [10_000, -4_000])
    apply(answer(txn, status="cancelled", cancel_amount=5_000))
    assert ledger(txn) == (5_000, [10_000, -4_000, -1_000])
