"""Wrong money goes back by itself, once, whatever the gateway answers; and right money is never
touched by it.
"""

from __future__ import annotations

import pytest
import requests

from billing import signals
from billing.errors import GatewayPaymentNotFound
from billing.gateway.api import RefundAccount
from billing.gateway.api import gateway as client
from billing.models import Point, PointCancellation, PointTransaction, TransactionNote
from billing.note_codes import Note, Trouble
from billing.services.mismatch_refund import close_mismatch_refund
from billing.services.sending import CancelResult, claim_try
from billing.states import RefundChoice, Review, Status
from billing.tests.support.aging import let_pass
from billing.tests.support.gateway import fault, sent
from billing.tests.support.notes import codes_of, notes_of
from billing.tests.support.threads import together
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State


@pytest.fixture
def txn(gateway, user):
    return rows.start(user=user, amount=10_000, pay_method="card")


def test_an_old_refusal_does_not_undo_a_newer_try(gateway, txn):
    """V2: the first try's "no" arrives after the second try was claimed."""
    fault(gateway, times=1, drop=True)
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    rows.sync(imp_uid)
    old_try, newer = PointCancellation.objects.get(), PointCancellation.objects.get()
    payment = client().payment(imp_uid)
    assert claim_try(newer, state=State.UNKNOWN, payment=payment)
    close_mismatch_refund(old_try, CancelResult("refused", payment, Trouble("legacy", "late")))
    assert (PointCancellation.objects.get().state, PointCancellation.objects.get().tries) == (
        State.UNKNOWN,
        2,
    )


def test_one_that_the_gateway_cannot_tell_about_is_handed_to_staff(gateway, txn, staff):
    fault(gateway, times=1, code=-1, message="no")
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000))
    Payment.objects.using("sandbox").all().delete()
    back = PointCancellation.objects.get()
    let_pass(minutes=5)
    with pytest.raises(GatewayPaymentNotFound):
        rows.finish(back)
    assert not PointCancellation.objects.get().needs_staff
    let_pass(minutes=11)
    for _ in range(2):
        with pytest.raises(GatewayPaymentNotFound):
            rows.finish(back)
    assert PointCancellation.objects.get().needs_staff
    assert codes_of().count("return_stuck") == 1
    with pytest.raises(GatewayPaymentNotFound):
        rows.decide_refund(back, choice=RefundChoice.SEND_AGAIN, by=staff)
    assert rows.decide_refund(back, choice=RefundChoice.GIVE_UP, by=staff).state == State.REFUSED


def left(imp_uid):
    payment = Payment.objects.using("sandbox").get(imp_uid=imp_uid)
    return int(payment.amount - payment.cancel_amount)


def back():
    return PointCancellation.objects.get(kind="return")


WRONG = {
    "another amount": ({"amount": 9_000}, Review.WRONG_AMOUNT, 9_000),
    "a test channel": ({"sandbox": True}, Review.TEST_CHANNEL, 10_000),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_goes_back_at_once(gateway, txn, ledger, name):
    what, code, amount = WRONG[name]
    imp_uid = gateway.pay(txn.merchant_uid, **what)
    told = []

    def hear(sender, **kwargs):
        told.append(
            (kwargs["txn"].pk, kwargs["imp_uid"], int(kwargs["amount"]), kwargs["currency"])
        )

    signals.mismatch_refunded.connect(hear)
    try:
        for _ in range(3):
            rows.sync(imp_uid)
    finally:
        signals.mismatch_refunded.disconnect(hear)
    done = back()
    assert (done.state, done.tries, done.gateway_id != "", left(imp_uid)) == (
        State.DONE,
        1,
        True,
        0,
    )
    assert [(body["amount"], body["checksum"]) for body in sent(gateway)] == [(amount, amount)]
    fresh = rows.get()
    assert (fresh.status, fresh.imp_uid, fresh.review, fresh.version) == (
        Status.READY,
        None,
        code,
        1,
    )
    assert ledger(txn) == (0, [])
    assert told == [(txn.pk, imp_uid, amount, "KRW")]
    # and the row can still be paid
    assert rows.sync(gateway.pay(txn.merchant_uid)).points == 10_000


def test_staff_are_told_by_signal_and_log(gateway, txn, caplog):
    heard = []

    def hear(sender, **kwargs):
        heard.append((kwargs["code"], kwargs["note"]))

    signals.payment_needs_review.connect(hear)
    try:
        imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
        rows.sync(imp_uid)
    finally:
        signals.payment_needs_review.disconnect(hear)
    params = {
        "imp_uid": imp_uid, "paid": "9000", "currency": "KRW", "test": False, "asked": 10_000,
    }  # fmt: skip
    assert heard == [("wrong_amount", Note("wrong_amount", params))]
    assert [
        record.getMessage() for record in caplog.records if record.name == "billing.review"
    ] == [f"{txn.merchant_uid} wrong_amount {params}"]


def test_a_second_payment_and_money_after_a_cancel(gateway, txn, ledger, staff):
    first, second = gateway.pay(txn.merchant_uid), gateway.pay(txn.merchant_uid)
    rows.sync(first)
    rows.sync(second)
    assert (left(first), left(second), rows.get().review) == (10_000, 0, Review.SECOND_PAYMENT)
    rows.cancel(txn, reason="all", by=staff)
    third = gateway.pay(txn.merchant_uid)
    rows.sync(third)
    assert left(third) == 0
    assert codes_of() == ["second_payment", "money_after_cancel"]
    assert ledger(txn) == (0, [10_000, -10_000])


def test_what_waits_for_staff(gateway, txn, settings, staff):
    """Dollars, and accounts that somebody has to name."""
    dollars = gateway.pay(txn.merchant_uid, amount=10_000, currency="USD")
    rows.sync(dollars)
    assert (back().needs_staff, back().tries, sent(gateway)) == (True, 0, [])
    let_pass(days=2)
    assert rows.finish(back()).needs_staff
    assert sent(gateway) == []
    assert rows.decide_refund(back(), choice=RefundChoice.SEND_AGAIN, by=staff).state == State.DONE
    assert left(dollars) == 0


def test_a_second_deposit_is_sent_back_by_staff(gateway, user, staff):
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    accounts = [gateway.pay(txn.merchant_uid, outcome="vbank") for _ in range(2)]
    for imp_uid in accounts:
        gateway.control(f"payments/{imp_uid}/deposit")
        rows.sync(imp_uid)
    assert Point.objects.get().balance == 10_000
    waiting = back()
    assert (waiting.needs_staff, waiting.imp_uid) == (True, accounts[1])
    account = RefundAccount(bank="88", account="110123456789", holder="홍길동")
    assert (
        rows.decide_refund(
            waiting, choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=account
        ).state
        == State.DONE
    )
    assert (left(accounts[0]), left(accounts[1])) == (10_000, 0)


def test_what_staff_sent_and_nobody_saw_the_end_of_waits_for_staff_again(
    gateway, txn, staff, monkeypatch
):
    """The account they named is not kept: sent again by itself, it could only be refused."""
    rows.sync(gateway.pay(txn.merchant_uid))
    second = gateway.pay(txn.merchant_uid, outcome="vbank")
    gateway.control(f"payments/{second}/deposit")
    rows.sync(second)
    gateway.fail_next("payments/cancel", requests.ConnectTimeout("no road"))
    account = RefundAccount(bank="88", account="110123456789", holder="홍길동")
    assert (
        rows.decide_refund(
            back(), choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=account
        ).state
        == State.REQUESTED
    )
    calls = len(sent(gateway))
    let_pass(minutes=3)
    assert rows.finish(back()).needs_staff
    assert len(sent(gateway)) == calls
    assert (
        rows.decide_refund(
            back(), choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=account
        ).state
        == State.DONE
    )


def test_returns_left_to_staff_by_a_setting(gateway, txn, settings):
    settings.BILLING_RETURN_WRONG_MONEY = False
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000))
    assert (back().needs_staff, sent(gateway)) == (True, [])


def test_refused_is_tried_again_with_the_newest_amount(gateway, txn):
    """V3: the refusal of a return is never its end while money is left."""
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    fault(gateway, code=-1, message="한도초과", times=1)
    rows.sync(imp_uid)
    assert (back().state, back().tries, back().error) == (State.REQUESTED, 1, "한도초과")
    gateway.cancel(imp_uid, 2_000)
    calls = len(gateway.calls)
    rows.finish(back())
    assert len(gateway.calls) == calls  # too soon
    let_pass(minutes=3)
    assert rows.finish(back()).state == State.DONE
    assert [(body["amount"], body["checksum"]) for body in sent(gateway)] == [
        (9_000, 9_000),
        (7_000, 7_000),
    ]
    assert left(imp_uid) == 0


@pytest.mark.parametrize("trouble", ["refused", "not sent"])
def test_what_may_be_registered_is_never_sent_again_by_itself(gateway, txn, staff, trouble):
    """V4: the first try may be done tomorrow; what became of a later one says nothing about it."""
    rows.sync(gateway.pay(txn.merchant_uid))
    fault(gateway, times=1, cancel_later_s=86_400, timeout=True)
    rows.sync(gateway.pay(txn.merchant_uid, pay_method="naverpay"))
    let_pass(minutes=16)
    assert rows.finish(back()).needs_staff
    if trouble == "not sent":
        gateway.fail_next("payments/cancel", requests.ConnectTimeout("no road"))
    # The gateway refuses it: the first one is registered.
    again = rows.decide_refund(back(), choice=RefundChoice.SEND_AGAIN, by=staff)
    assert (again.state, again.tries) == (State.UNKNOWN, 2)
    calls = len(sent(gateway))
    for _ in range(3):
        let_pass(hours=3)
        assert rows.finish(back()).needs_staff
    assert len(sent(gateway)) == calls
    gateway.control("clock", advance_s=86_401)
    assert rows.finish(back()).state == State.DONE


def test_after_five_refusals_staff_look(gateway, txn, staff):
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    fault(gateway, code=-1, message="한도초과", times=5)
    rows.sync(imp_uid)
    for _ in range(8):
        let_pass(hours=4)
        rows.finish(back())
    assert (back().state, back().tries, back().needs_staff) == (State.REQUESTED, 5, True)
    assert notes_of()[-1] == (
        "return_stuck",
        {"imp_uid": imp_uid, "why": "rejected", "tries": 5, "detail": "한도초과"},
        "",
    )
    assert rows.decide_refund(back(), choice=RefundChoice.SEND_AGAIN, by=staff).state == State.DONE


def test_a_test_channel_is_tried_once(gateway, txn, staff):
    imp_uid = gateway.pay(txn.merchant_uid, sandbox=True)
    fault(gateway, code=-1, message="no", times=1)
    rows.sync(imp_uid)
    assert (back().tries, back().needs_staff) == (1, True)
    assert rows.decide_refund(back(), choice=RefundChoice.GIVE_UP, by=staff).state == State.REFUSED
    rows.sync(imp_uid)
    assert PointCancellation.objects.count() == 1


@pytest.mark.parametrize(
    "what", [{"timeout": True}, {"drop": True}, {"http": 500}, {"invalid_json": True}], ids=str
)
def test_unknown_asks_before_it_sends_again(gateway, txn, what):
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    fault(gateway, times=1, **what)
    rows.sync(imp_uid)
    assert back().state == State.UNKNOWN
    rows.finish(back())
    assert len(sent(gateway)) == 1
    let_pass(minutes=16)
    assert rows.finish(back()).state == State.DONE
    assert left(imp_uid) == 0
    assert len(sent(gateway)) == (1 if "timeout" in what or "invalid_json" in what else 2)


def test_surely_not_sent_is_requested_again(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    gateway.fail_next("payments/cancel", requests.ConnectTimeout("no road"))
    rows.sync(imp_uid)
    assert (back().state, back().tries) == (State.REQUESTED, 1)
    let_pass(minutes=3)
    assert rows.finish(back()).state == State.DONE


def test_a_door_that_must_answer_leaves_it_to_reconcile(gateway, txn):
    from billing.gateway.api import Deadline

    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    rows.sync(imp_uid, deadline=Deadline(2.5))
    assert (back().state, back().tries, sent(gateway)) == (State.REQUESTED, 0, [])
    assert rows.finish(back()).state == State.DONE


def test_accepted_and_done_later(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    fault(gateway, times=1, cancel_later_s=600)
    rows.sync(imp_uid)
    assert back().state == State.ACCEPTED
    let_pass(days=8)
    assert rows.finish(back()).needs_staff
    gateway.control("clock", advance_s=601)
    assert rows.finish(back()).state == State.DONE
    assert len(sent(gateway)) == 1


def test_eight_doors_at_once_send_once(gateway, txn, ledger):
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    results = together([lambda: rows.sync(imp_uid)] * 8)
    assert not [result for result in results if isinstance(result, Exception)], results
    assert (len(sent(gateway)), back().state, left(imp_uid)) == (1, State.DONE, 0)
    assert ledger(txn) == (0, [])


def test_the_return_of_wrong_money_costs_three_statements_and_one_call(
    gateway, txn, settings, django_assert_max_num_queries
):
    def cost(imp_uid):
        before = len(gateway.calls)
        with django_assert_max_num_queries(30) as captured:
            rows.sync(imp_uid)
        return len(
            [
                query
                for query in captured
                if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVE", "REL"))
            ]
        ), len(gateway.calls) - before

    settings.BILLING_RETURN_WRONG_MONEY = False
    flagged, asked = cost(gateway.pay(txn.merchant_uid, amount=9_000))
    settings.BILLING_RETURN_WRONG_MONEY = True
    txn.cancellations.all().delete()
    TransactionNote.objects.all().delete()
    rows.update(review="", has_notes=False)
    sent_back, calls = cost(gateway.pay(txn.merchant_uid, amount=9_000))
    assert (flagged, asked, calls) == (4, 1, 2)  # the note is one of them
    assert sent_back - flagged <= 3


def test_crash_between_commit_and_sending(gateway, txn, monkeypatch, ledger):
    class Killed(BaseException):
        pass

    def stop(*args):
        raise Killed

    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    with monkeypatch.context() as patch:
        patch.setattr("billing.services.apply.send_mismatch_refund_now", stop)
        with pytest.raises(Killed):
            rows.sync(imp_uid)
    assert (back().state, back().tries) == (State.REQUESTED, 0)
    assert rows.finish(back()).state == State.DONE
    assert (left(imp_uid), ledger(txn)) == (0, (0, []))
