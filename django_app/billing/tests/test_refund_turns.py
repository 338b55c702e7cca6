"""Rare turns of mismatch refunds: senders that died, staff's own, settings that change."""

from __future__ import annotations

import contextlib

import pytest

from billing.errors import NotAllowed
from billing.gateway.api import RefundAccount
from billing.models import PointCancellation, PointTransaction
from billing.states import RefundChoice
from billing.tests.support.aging import let_pass
from billing.tests.support.gateway import fault, sent
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


@pytest.mark.parametrize("why", ["currency", "account", "setting"])
def test_a_return_that_is_staff_s_stays_staff_s(gateway, user, staff, settings, why):
    """Refused once after staff sent it, it is sent again by itself: without the account, in
    dollars, against the setting.
    """
    account = None
    if why == "account":
        txn = rows.start(user=user, amount=10_000, pay_method="vbank")
        for _ in range(2):
            imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
            gateway.control(f"payments/{imp_uid}/deposit")
            rows.sync(imp_uid)
        account = ACCOUNT
    else:
        txn = rows.start(user=user, amount=10_000, pay_method="card")
        settings.BILLING_RETURN_WRONG_MONEY = why != "setting"
        rows.sync(
            gateway.pay(
                txn.merchant_uid, amount=9_000, **({"currency": "USD"} if why == "currency" else {})
            )
        )
    assert only("return").needs_staff
    fault(gateway, code=-1, message="no", times=1)
    rows.decide_refund(
        only("return"), choice=RefundChoice.SEND_AGAIN, by=staff, refund_account=account
    )
    assert len(sent(gateway)) == 1
    let_pass(minutes=3)
    rows.finish(only("return"))
    assert len(sent(gateway)) == 1
    assert only("return").needs_staff


def test_the_setting_stops_returns_that_wait(gateway, user, settings):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    fault(gateway, code=-1, message="no", times=1)
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000))
    settings.BILLING_RETURN_WRONG_MONEY = False
    let_pass(minutes=3)
    rows.finish(only("return"))
    assert len(sent(gateway)) == 1


def test_wait_is_nothing_for_what_was_never_sent(gateway, user, staff, settings):
    """A slip of the hand: the payer's money can never be sent back any more, only waited for or
    given up.
    """
    settings.BILLING_RETURN_WRONG_MONEY = False
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    rows.sync(imp_uid)
    with contextlib.suppress(NotAllowed):
        rows.decide_refund(only("return"), choice=RefundChoice.WAIT, by=staff)
    let_pass(days=8)
    rows.finish(only("return"))
    assert (
        rows.decide_refund(only("return"), choice=RefundChoice.SEND_AGAIN, by=staff).state
        == State.DONE
    )
    assert gone(imp_uid) == 9_000


def test_a_return_that_staff_sent_often_can_still_be_looked_at(gateway, user, staff):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    fault(gateway, code=-1, message="no", times=30)
    rows.sync(imp_uid)
    for _ in range(25):
        let_pass(days=1)
        rows.finish(only("return"))
        if only("return").needs_staff:
            rows.decide_refund(only("return"), choice=RefundChoice.SEND_AGAIN, by=staff)
    rows.finish(only("return"))


def test_what_staff_did_at_the_console_is_seen_soon(gateway, user, staff):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid, amount=9_000)
    fault(gateway, code=-1, message="no", times=30)
    rows.sync(imp_uid)
    for _ in range(8):
        let_pass(days=1)
        rows.finish(only("return"))
        if only("return").needs_staff:
            rows.decide_refund(only("return"), choice=RefundChoice.SEND_AGAIN, by=staff)
    gateway.cancel(imp_uid)
    let_pass(days=1)
    rows.finish(only("return"))
    assert only("return").state == State.DONE
