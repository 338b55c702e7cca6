"""Rare turns of cancels, returns and staff's decisions: somebody else is faster, an answer is old,
a process dies, a processor is odd.
"""

from __future__ import annotations

import contextlib

import pytest

from billing.errors import GatewayError, InsufficientPoints, NotAllowed
from billing.gateway.api import RefundAccount
from billing.gateway.transport import Client as HttpClient
from billing.models import Point, PointCancellation, PointTransaction
from billing.services import mismatch_refund
from billing.states import RefundChoice
from billing.tests.support.aging import let_pass
from billing.tests.support.gateway import fault, sent
from billing.tests.support.notes import codes_of
from billing.tests.support.payments import envelope, payment_json
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
ACCOUNT = RefundAccount(bank="88", account="110123456789", holder="홍길동", tel="01012345678")


def gone(imp_uid):
    return int(Payment.objects.using("sandbox").get(imp_uid=imp_uid).cancel_amount)


def only(kind="cancel"):
    return PointCancellation.objects.get(kind=kind)


def test_give_up_does_not_close_what_another_is_sending(gateway, paid, staff, ledger, user):
    """B looks, A sends again (accepted for later), B's "give up" must not hand the points out."""
    txn = paid(pay_method="vbank")
    fault(gateway, drop=True, times=1)
    stuck = rows.cancel(txn, reason="x", by=staff, refund_account=ACCOUNT)
    let_pass(minutes=16)
    assert rows.finish(stuck).needs_staff
    fault(gateway, cancel_later_s=3600, times=1)

    def meanwhile(call):
        gateway.before_answer = None
        again = rows.decide_refund(
            PointCancellation.objects.get(),
            choice=RefundChoice.SEND_AGAIN,
            by=staff,
            refund_account=ACCOUNT,
        )
        assert again.state == State.ACCEPTED

    gateway.before_answer = meanwhile
    with contextlib.suppress(NotAllowed):
        rows.decide_refund(PointCancellation.objects.get(), choice=RefundChoice.GIVE_UP, by=staff)
    assert (only().state, ledger(txn)[0]) == (State.ACCEPTED, 0)


def test_give_up_race_ends_below_zero(gateway, paid, staff, ledger, user):
    """The same, followed to its end: the money is paid out and the points were spent."""
    txn = paid(pay_method="vbank")
    fault(gateway, drop=True, times=1)
    rows.cancel(txn, reason="x", by=staff, refund_account=ACCOUNT)
    let_pass(minutes=16)
    rows.finish(only())
    fault(gateway, cancel_later_s=3600, times=1)

    def meanwhile(call):
        gateway.before_answer = None
        rows.decide_refund(only(), choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=ACCOUNT)

    gateway.before_answer = meanwhile
    with contextlib.suppress(NotAllowed):
        rows.decide_refund(only(), choice=RefundChoice.GIVE_UP, by=staff)
    with contextlib.suppress(InsufficientPoints):
        Point.objects.spend(user=user, amount=10_000, idempotency_key="k")
    gateway.control("clock", advance_s=3601)
    rows.sync(txn.imp_uid)
    assert gone(txn.imp_uid) == 10_000
    assert Point.objects.get(pk=user.pk).balance >= 0


class Killed(BaseException):
    pass


def kill_after_post(monkeypatch):
    step = HttpClient._send

    def act(self, method, url, **kwargs):
        answer = step(self, method, url, **kwargs)
        if "payments/cancel" in url:
            monkeypatch.setattr(HttpClient, "_send", step)
            raise Killed
        return answer

    monkeypatch.setattr(HttpClient, "_send", act)


def test_a_return_whose_sender_died_is_not_sent_again_where_it_may_be_registered(
    gateway, user, monkeypatch
):
    """V4 for returns: the machine stopped after the POST; the processor has registered it and pays
    later.
    """
    txn = rows.start(user=user, amount=10_000, pay_method="payco")
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000, pay_method="payco")
    fault(gateway, cancel_later_s=86_400, times=2)
    kill_after_post(monkeypatch)
    with pytest.raises(Killed):
        rows.sync(imp_uid)
    assert (only("return").tries, len(sent(gateway))) == (1, 1)
    let_pass(minutes=3)
    rows.finish(only("return"))
    let_pass(minutes=16)
    rows.finish(only("return"))
    assert len(sent(gateway)) == 1
    assert only("return").needs_staff


def test_a_return_whose_sender_died_waits_15_minutes(gateway, user, monkeypatch):
    """The call may still be working at the gateway (UNKNOWN_WAIT), also for cards."""
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    fault(gateway, drop=True, times=1)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(mismatch_refund, "close_mismatch_refund", die)
        with pytest.raises(Killed):
            rows.sync(imp_uid)
    let_pass(minutes=3)
    rows.finish(only("return"))
    assert len(sent(gateway)) == 1


def test_a_cancel_with_an_account_is_not_resent_without_it(gateway, paid, staff, ledger):
    """smartro_v2 refunds transfers to an account, later; the resend has no account, is refused for
    that, and the points are handed out.
    """
    txn = paid(pay_method="trans", pg_provider="smartro_v2")
    fault(gateway, cancel_later_s=3600, timeout=True, times=1)  # registered, and nobody heard of it
    assert rows.cancel(txn, reason="x", by=staff, refund_account=ACCOUNT).state == State.UNKNOWN
    let_pass(minutes=16)
    rows.finish(only())
    assert [body.get("refund_account") for body in sent(gateway)] == ["110123456789"]
    assert (only().state, only().needs_staff, ledger(txn)[0]) == (State.UNKNOWN, True, 0)


@pytest.mark.parametrize("status", ["failed", "ready"])
def test_done_is_never_a_release(gateway, paid, staff, ledger, status):
    """An answer says that all came back, under a status that money cannot have."""
    txn = paid()
    odd = payment_json(
        imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid, status=status, cancel_amount=10_000
    )
    gateway.answer_next("payments/cancel", json_body=envelope(odd))
    cancelled = rows.cancel(txn, reason="x", by=staff)
    assert not (cancelled.state == State.DONE and ledger(txn)[0] == 10_000)


def test_an_answer_older_than_the_row_closes_nothing(gateway, paid, staff, ledger):
    """base = 3,000; our 2,000 were given back, the answer was lost, and a lagging answer says 0."""
    txn = paid()
    lagging = payment_json(
        imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid, status="paid", cancel_amount=0
    )
    rows.cancel(txn, reason="x", by=staff, amount=3_000)
    fault(gateway, timeout=True, times=1)
    second = rows.cancel(txn, reason="x", by=staff, amount=2_000)
    assert second.state == State.UNKNOWN
    gateway.answer_next(f"payments/{txn.imp_uid}", json_body=envelope(lagging))
    rows.finish(second)
    assert gone(txn.imp_uid) == 5_000
    second.refresh_from_db()
    assert (second.state, ledger(txn)[0]) == (State.UNKNOWN, 5_000)


def test_the_refund_account_is_not_kept_because_the_processor_quotes_it(gateway, paid, staff):
    txn = paid(pay_method="vbank")
    fault(gateway, code=-1, message="환불계좌 110123456789 (홍길동) 예금주 불일치", times=1)
    rows.cancel(txn, reason="x", by=staff, refund_account=ACCOUNT)
    kept = str(list(PointCancellation.objects.values())) + str(list(rows.values()))
    assert "110123456789" not in kept


def test_nor_because_an_answer_that_is_none_quotes_it(gateway, paid, staff):
    txn = paid(pay_method="vbank")
    gateway.answer_next(
        "payments/cancel",
        status=202,
        json_body={"code": 0, "message": "계좌 110123456789", "response": None},
    )
    one = rows.cancel(txn, reason="x", by=staff, refund_account=ACCOUNT)
    assert (one.state, one.error_code) == ("unknown", "invalid_gateway_response")
    assert "110123456789" not in str(list(PointCancellation.objects.values()))


def test_what_is_shown_as_cancelled_without_money_is_flagged_at_a_close_too(
    gateway, paid, staff, ledger
):
    txn = paid()
    odd = payment_json(
        imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid, status="cancelled", cancel_amount=0
    )
    fault(gateway, code=1, message="이미 전액취소된 주문입니다.", times=1)
    gateway.answer_next(f"payments/{txn.imp_uid}", json_body=envelope(odd))
    rows.cancel(txn, reason="x", by=staff)
    assert (rows.get().review, only().state) == ("closed_account", State.REFUSED)


def test_staff_hear_of_a_cancel_that_can_never_be_asked_about(gateway, paid, staff):
    txn = paid()
    odd = envelope(
        payment_json(
            imp_uid=txn.imp_uid,
            merchant_uid=txn.merchant_uid,
            amount=12_000,
            status="cancelled",
            cancel_amount=12_000,
        )
    )
    gateway.answer_next("payments/cancel", json_body=odd)
    rows.cancel(txn, reason="x", by=staff)
    for _ in range(10):
        let_pass(days=1)
        gateway.answer_next(f"payments/{txn.imp_uid}", json_body=odd)
        with contextlib.suppress(GatewayError):
            rows.finish(only())
    assert only().needs_staff or rows.get().review


def test_an_answer_of_another_order_is_nonsense_not_a_crash(gateway, paid, staff):
    txn = paid()
    odd = envelope(payment_json(imp_uid=txn.imp_uid, merchant_uid="another-shop", status="paid"))
    gateway.answer_next("payments/cancel", json_body=odd)
    assert rows.cancel(txn, reason="x", by=staff).state in (State.UNKNOWN, State.ACCEPTED)


@pytest.mark.parametrize("merchant_uid", ["shop/7", "주문 7"])
def test_an_adopted_payment_does_not_break_the_member_s_history(
    gateway, user, staff, client, merchant_uid
):
    imp_uid = gateway.pay(merchant_uid, amount=7_000)
    with contextlib.suppress(NotAllowed):
        rows.claim_unmatched_payment(imp_uid, user=user, by=staff)
    client.force_login(user)
    client.raise_request_exception = False
    assert client.get("/billing/payments/").status_code == 200


def test_missing_points_are_never_less_than_one(make_txn, answer, user, monkeypatch):
    txn = make_txn(1_000)
    rows.apply(answer(txn, "imp_1"))
    look = type(Point.objects).balance_of

    def charged_meanwhile(self, member):
        rows.apply(answer(make_txn(5_000), "imp_2"))
        return look(self, member)

    monkeypatch.setattr(type(Point.objects), "balance_of", charged_meanwhile)
    with pytest.raises(InsufficientPoints) as caught:
        Point.objects.spend(user=user, amount=2_000, idempotency_key="k")
    assert caught.value.missing >= 1


def test_a_settle_that_lost_says_so_and_logs_nothing(gateway, paid, staff):
    """WAIT and GIVE_UP of a loser leave a false line in the row's story."""
    txn = paid(pay_method="vbank")
    fault(gateway, drop=True, times=1)
    rows.cancel(txn, reason="x", by=staff, refund_account=ACCOUNT)
    let_pass(minutes=16)
    rows.finish(only())

    def meanwhile(call):
        gateway.before_answer = None
        rows.decide_refund(only(), choice=RefundChoice.GIVE_UP, by=staff)

    gateway.before_answer = meanwhile
    with contextlib.suppress(NotAllowed):
        rows.decide_refund(only(), choice=RefundChoice.WAIT, by=staff)
    assert "left_waiting" not in codes_of()


def test_a_deposit_at_smartro_is_left_to_support(gateway, paid, user, client):
    """It asks for a telephone number too, which the member's form has not."""
    txn = paid(pay_method="vbank", pg_provider="smartro_v2")
    client.force_login(user)
    response = client.post(f"/billing/payments/{txn.merchant_uid}/cancel/", {})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "cancel_not_allowed")
    assert PointCancellation.objects.count() == 0


# stress
# --------------------------------------------------------------------------------------------------
