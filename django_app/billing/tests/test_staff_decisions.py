"""What staff decide: settle, close_account, adopt, resolve."""

from __future__ import annotations

import pytest

from billing.errors import GatewayPaymentNotFound, GatewayRejected, GatewayUnreachable, NotAllowed
from billing.gateway.api import RefundAccount
from billing.models import Point, PointCancellation, PointTransaction
from billing.states import RefundChoice, Review, Status
from billing.tests.support.aging import let_pass
from billing.tests.support.gateway import sent
from billing.tests.support.notes import notes_of
from billing.tests.support.threads import together
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
ACCOUNT = RefundAccount(bank="88", account="110123456789", holder="홍길동")


@pytest.fixture
def stuck(gateway, user, staff):
    """A cancel of a deposit whose call was cut off: nobody but staff can tell what became of it."""
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    gateway.control("faults", path="payments/cancel", drop=True, times=1)
    cancellation = rows.cancel(txn, reason="wrong", by=staff, refund_account=ACCOUNT)
    let_pass(minutes=16)
    assert rows.finish(cancellation).needs_staff
    return cancellation


def gone(cancellation):
    return int(Payment.objects.using("sandbox").get(imp_uid=cancellation.imp_uid).cancel_amount)


def test_send_again(gateway, stuck, staff, ledger):
    with pytest.raises(NotAllowed, match="account"):
        rows.decide_refund(stuck, choice=RefundChoice.SEND_AGAIN, by=staff)
    assert (
        rows.decide_refund(
            stuck, choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=ACCOUNT
        ).state
        == State.DONE
    )
    assert [(body["amount"], body["checksum"]) for body in sent(gateway)] == [(10_000, 10_000)] * 2
    assert (gone(stuck), ledger(stuck.txn)) == (10_000, (0, [10_000, -10_000]))
    about = {"imp_uid": stuck.imp_uid, "kind": "cancel", "number": stuck.pk}
    assert ("sent_again", about, "staff") in notes_of()
    with pytest.raises(NotAllowed, match="closed"):
        rows.decide_refund(stuck, choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=ACCOUNT)


def test_a_refusal_of_what_was_sent_again_proves_nothing_for_accounts(
    gateway, stuck, staff, ledger
):
    gateway.control("faults", path="payments/cancel", code=-1, message="이미 접수", times=1)
    assert (
        rows.decide_refund(
            stuck, choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=ACCOUNT
        ).state
        == State.UNKNOWN
    )
    assert ledger(stuck.txn) == (0, [10_000, -10_000])


def test_give_up_gives_the_points_back(gateway, stuck, staff, ledger):
    closed = rows.decide_refund(stuck, choice=RefundChoice.GIVE_UP, by=staff)
    assert (closed.state, closed.needs_staff) == (State.REFUSED, False)
    assert (closed.error_code, closed.error) == ("given_up", "staff")
    assert ledger(stuck.txn) == (10_000, [10_000, -10_000, 10_000])
    gateway.cancel(stuck.imp_uid)  # and should it come after all, it is taken back again (I3)
    assert rows.sync(stuck.imp_uid).points == -10_000


def test_wait(gateway, stuck, staff):
    waiting = rows.decide_refund(stuck, choice=RefundChoice.WAIT, by=staff)
    assert (waiting.state, waiting.needs_staff) == (State.ACCEPTED, False)
    let_pass(days=6)
    assert not rows.finish(waiting).needs_staff
    let_pass(days=2)
    assert rows.finish(waiting).needs_staff
    with pytest.raises(NotAllowed, match="accepted"):
        rows.decide_refund(
            waiting, choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=ACCOUNT
        )
    assert rows.decide_refund(waiting, choice=RefundChoice.WAIT, by=staff).state == State.ACCEPTED


@pytest.mark.parametrize("choice", RefundChoice.values)
def test_what_the_gateway_has_done_counts_whatever_is_chosen(gateway, stuck, staff, ledger, choice):
    gateway.cancel(stuck.imp_uid)
    assert rows.decide_refund(stuck, choice=choice, by=staff).state == State.DONE
    assert (len(sent(gateway)), ledger(stuck.txn)) == (1, (0, [10_000, -10_000]))


def test_what_still_clears_itself_is_not_theirs(gateway, user, staff):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    rows.sync(gateway.pay(txn.merchant_uid))
    gateway.control("faults", path="payments/cancel", drop=True, times=1)
    unclear = rows.cancel(txn, reason="wrong", by=staff)
    for choice in RefundChoice.values:
        with pytest.raises(NotAllowed, match="by itself"):
            rows.decide_refund(unclear, choice=choice, by=staff)


def test_two_staff_decide_at_once(gateway, stuck, staff, ledger):
    def seen() -> PointCancellation:  # each has read it for himself, as two requests do
        return PointCancellation.objects.get(pk=stuck.pk)

    decide = [
        lambda: rows.decide_refund(seen(), choice=RefundChoice.GIVE_UP, by=staff),
        lambda: rows.decide_refund(
            seen(), choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=ACCOUNT
        ),
    ]
    results = together(decide * 3)
    assert all(isinstance(result, PointCancellation | NotAllowed) for result in results), results
    let_pass(minutes=16)
    open_one = PointCancellation.objects.filter(state__in=PointCancellation.OPEN).first()
    if open_one:
        rows.finish(open_one)
    rows.sync(stuck.imp_uid)
    assert len(sent(gateway)) <= 2
    assert ledger(stuck.txn)[0] == 10_000 - gone(stuck)


# -- accounts, adoption, reviews -------------------------------------------------------------------


@pytest.fixture
def waiting(gateway, user):
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    rows.sync(gateway.pay(txn.merchant_uid, outcome="vbank", pg_provider="tosspayments"))
    return rows.get()


def test_close_account(gateway, waiting, staff):
    rows.close_account(waiting, by=staff)
    fresh = rows.get()
    assert fresh.account_closed_at is not None
    assert fresh.review == ""
    assert notes_of(fresh) == [
        (code, {"imp_uid": fresh.imp_uid}, "staff")
        for code in ("account_close_requested", "account_closed")
    ]
    assert gateway.calls[-1].method == "DELETE"
    with pytest.raises(NotAllowed):
        rows.close_account(waiting, by=staff)


def test_a_deposit_that_was_faster_is_credited(gateway, waiting, staff, ledger):
    gateway.control(f"payments/{waiting.imp_uid}/deposit")
    with pytest.raises(GatewayRejected):
        rows.close_account(waiting, by=staff)
    assert rows.get().account_closed_at is None
    assert ledger(waiting) == (10_000, [10_000])
    with pytest.raises(NotAllowed):
        rows.close_account(waiting, by=staff)


def test_an_answer_that_was_lost_leaves_an_account_that_can_be_finished(gateway, waiting, staff):
    """The gateway closed it and said nothing; a second time it refuses, because there is nothing to
    close.
    """
    gateway.control("faults", path=f"vbanks/{waiting.imp_uid}", timeout=True, times=1)
    with pytest.raises(GatewayUnreachable):
        rows.close_account(waiting, by=staff)
    assert rows.get().account_closed_at is None
    rows.close_account(waiting, by=staff)
    assert rows.get().account_closed_at is not None
    with pytest.raises(NotAllowed):
        rows.close_account(waiting, by=staff)


def test_a_refusal_alone_closes_no_account(gateway, waiting, staff):
    """Nothing was asked before, so that the account may still take a deposit."""
    gateway.control("faults", path=f"vbanks/{waiting.imp_uid}", code=-1, message="no", times=1)
    with pytest.raises(GatewayRejected):
        rows.close_account(waiting, by=staff)
    assert rows.get().account_closed_at is None


def test_a_deposit_after_a_lost_answer_is_credited(gateway, waiting, staff, ledger):
    gateway.control("faults", path=f"vbanks/{waiting.imp_uid}", drop=True, times=1)
    with pytest.raises(GatewayUnreachable):
        rows.close_account(waiting, by=staff)
    gateway.control(f"payments/{waiting.imp_uid}/deposit")
    with pytest.raises(GatewayRejected):
        rows.close_account(waiting, by=staff)
    assert rows.get().account_closed_at is None
    assert ledger(waiting) == (10_000, [10_000])


def test_a_new_account_opens_the_row_again(gateway, waiting, staff):
    rows.close_account(waiting, by=staff)
    gateway.control("clock", advance_s=5)
    rows.sync(gateway.pay(waiting.merchant_uid, outcome="vbank", pg_provider="tosspayments"))
    assert rows.get().account_closed_at is None


def test_a_closed_account_that_shows_as_cancelled_is_nothing_to_review(
    gateway, waiting, staff, answer
):
    rows.close_account(waiting, by=staff)
    rows.apply(answer(waiting, waiting.imp_uid, status="cancelled", cancel_amount=0))
    assert (rows.get().status, rows.get().review) == (Status.CANCELLED, "")


def test_adopt(gateway, user, staff, ledger):
    imp_uid = gateway.pay("another-shop-1", amount=7_000)
    claimed = rows.claim_unmatched_payment(imp_uid, user=user, by=staff)
    assert (claimed.points, claimed.txn.merchant_uid, claimed.txn.amount, claimed.txn.status) == (
        7_000,
        "another-shop-1",
        7_000,
        "paid",
    )
    assert Point.objects.get().point == 0  # no attempt
    assert notes_of() == [("claimed", {"member": "payer"}, "staff")]
    assert ledger(claimed.txn) == (7_000, [7_000])
    with pytest.raises(NotAllowed, match="already"):
        rows.claim_unmatched_payment(imp_uid, user=user, by=staff)


def test_adopt_partly_cancelled(gateway, user, staff, ledger):
    imp_uid = gateway.pay("another-shop-1", amount=7_000)
    gateway.cancel(imp_uid, 2_000)
    assert rows.claim_unmatched_payment(imp_uid, user=user, by=staff).points == 5_000


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"outcome": "failed"}, "no money"),
        ({"sandbox": True}, "test channel"),
        ({"currency": "USD"}, "won"),
        ({"outcome": "vbank"}, "no money"),
    ],
    ids=lambda value: str(value),
)
def test_what_cannot_be_adopted(gateway, user, staff, how, why):
    imp_uid = gateway.pay("another-shop-1", amount=7_000, **how)
    with pytest.raises(NotAllowed, match=why):
        rows.claim_unmatched_payment(imp_uid, user=user, by=staff)
    assert rows.count() == 0
    with pytest.raises(GatewayPaymentNotFound):
        rows.claim_unmatched_payment("imp_000000000000", user=user, by=staff)


def test_a_registered_card_cannot_be_adopted(gateway, user, staff):
    imp_uid = gateway.pay("another-shop-1", amount=7_000)
    Payment.objects.filter(imp_uid=imp_uid).update(customer_uid_usage="issue")
    with pytest.raises(NotAllowed, match="registered a card"):
        rows.claim_unmatched_payment(imp_uid, user=user, by=staff)
    assert rows.count() == 0


def test_eight_adopt_at_once(gateway, user, staff, ledger):
    imp_uid = gateway.pay("another-shop-1", amount=7_000)
    results = together(
        [lambda: rows.claim_unmatched_payment(imp_uid, user=user, by=staff).points] * 8
    )
    assert sorted(str(type(result).__name__) for result in results) == ["NotAllowed"] * 7 + ["int"]
    assert ledger(rows.get()) == (7_000, [7_000])


def test_resolve(gateway, user, staff):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000))
    assert rows.get().review == Review.WRONG_AMOUNT
    with pytest.raises(NotAllowed):
        rows.resolve(txn, by=staff, note="  ")
    row = rows.resolve(txn, by=staff, note="called the\nmember")
    resolved = ("resolved", {"reason": "called the member"}, "staff")
    assert (row.review, notes_of(row)[-1]) == ("", resolved)
    with pytest.raises(NotAllowed):
        rows.resolve(txn, by=staff, note="again")
    assert rows.sync(gateway.pay(txn.merchant_uid)).points == 10_000
