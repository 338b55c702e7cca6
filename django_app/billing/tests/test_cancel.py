"""cancel(): hold, ask, close, and what becomes of a cancel whose end nobody saw."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from django.db import transaction
from django.utils import timezone

from billing.errors import CannotCancel
from billing.gateway.api import RefundAccount
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.note_codes import Trouble
from billing.services import cancel as cancel_service
from billing.services.sending import CancelResult
from billing.states import Review, Status
from billing.support import safe_cache
from billing.tests.support.aging import let_pass
from billing.tests.support.gateway import at_the_gateway, fault, sent
from billing.tests.support.payments import envelope, payment_json

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
ACCOUNT = RefundAccount(bank="88", account="110123456789", holder="홍길동")


# -- a cancel that goes well -----------------------------------------------------------------------


def test_all_of_it(gateway, paid, cancel, ledger, told, staff):
    txn = paid()
    done = cancel(txn)
    assert (done.state, done.amount, done.base, done.checksum, done.tries, done.error) == (
        State.DONE,
        10_000,
        0,
        10_000,
        1,
        "",
    )
    assert (done.by, done.by_name, done.reason) == (staff, "staff", "wrong order")
    assert done.gateway_id  # ours, found by its mark
    assert sent(gateway) == [
        {
            "imp_uid": txn.imp_uid,
            "amount": 10_000,
            "checksum": 10_000,
            "reason": f"wrong order #{done.pk}",
        }
    ]
    fresh = rows.get(pk=txn.pk)
    assert (fresh.status, fresh.cancel_amount, fresh.pending_cancel_total, fresh.credited) == (
        Status.CANCELLED,
        10_000,
        0,
        0,
    )
    assert ledger(txn) == (0, [10_000, -10_000])
    assert PointEntry.objects.last().by == staff
    assert told == [("point_charged", 10_000), ("point_cancelled", 10_000)]


def test_in_parts(gateway, paid, cancel, ledger, told):
    txn = paid()
    for part in (3_000, 1, 6_999):
        assert cancel(txn, amount=part).state == State.DONE
    assert [(body["amount"], body["checksum"]) for body in sent(gateway)] == [
        (3_000, 10_000),
        (1, 7_000),
        (6_999, 6_999),
    ]
    assert ledger(txn) == (0, [10_000, -3_000, -1, -6_999])
    assert [points for name, points in told if name == "point_cancelled"] == [3_000, 1, 6_999]


@pytest.mark.parametrize("amount", [0, -1, 10_001, 1.5, True, "5000", None])
def test_amounts_that_cannot_be(gateway, paid, cancel, ledger, amount):
    txn = paid()
    if amount is None:
        cancel(txn)
        code = "nothing_left"
    else:
        code = "amount"
    before = len(gateway.calls)
    with pytest.raises(CannotCancel) as caught:
        cancel(txn, amount=amount)
    assert (caught.value.code, len(gateway.calls)) == (code, before)
    assert ledger(txn)[0] == (0 if amount is None else 10_000)


def test_an_unpaid_row(gateway, make_txn, cancel):
    with pytest.raises(CannotCancel) as caught:
        cancel(make_txn())
    assert caught.value.code == "not_paid"
    assert PointCancellation.objects.count() == 0


def test_a_form_that_is_sent_twice(gateway, paid, cancel, ledger):
    txn = paid()
    cancel(txn, amount=3_000, remaining=10_000)
    with pytest.raises(CannotCancel) as caught:
        cancel(txn, amount=3_000, remaining=10_000)
    assert caught.value.code == "changed"
    assert ledger(txn) == (7_000, [10_000, -3_000])


def test_spent_points_refuse_it_and_are_named(gateway, paid, cancel, ledger, user):
    txn = paid()
    Point.objects.spend(user=user, amount=6_500, idempotency_key="order-1")
    before = len(gateway.calls)
    with pytest.raises(CannotCancel) as caught:
        cancel(txn)
    assert (caught.value.code, caught.value.missing) == ("points_missing", 6_500)
    assert (len(gateway.calls), PointCancellation.objects.count()) == (before, 0)
    assert rows.get().pending_cancel_total == 0
    assert cancel(txn, allow_negative=True).state == State.DONE
    assert Point.objects.get().balance == -6_500


def test_inside_a_transaction_it_is_refused(gateway, paid, cancel):
    txn = paid()
    with pytest.raises(RuntimeError), transaction.atomic():
        cancel(txn)
    assert (PointCancellation.objects.count(), sent(gateway)) == (0, [])


def test_a_virtual_account_needs_somewhere_to_go(gateway, user, cancel, ledger):
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    with pytest.raises(CannotCancel) as caught:
        cancel(txn)
    assert caught.value.code == "account_needed"
    done = cancel(txn, refund_account=ACCOUNT)
    assert (done.state, done.refund_last4) == (State.DONE, "6789")
    assert sent(gateway)[0]["refund_account"] == "110123456789"
    kept = str(list(PointCancellation.objects.values())) + str(list(rows.values()))
    assert "110123456789" not in kept
    assert ledger(txn) == (0, [10_000, -10_000])


# -- what the gateway may say ----------------------------------------------------------------------


def test_a_refusal_gives_the_points_back(gateway, paid, cancel, ledger, told):
    txn = paid()
    fault(gateway, code=-1, message="결제취소에 실패하였습니다.(한도초과)", times=1)
    refused = cancel(txn)
    assert (refused.state, refused.error) == (State.REFUSED, "결제취소에 실패하였습니다.(한도초과)")
    assert ledger(txn) == (10_000, [10_000, -10_000, 10_000])
    assert PointEntry.objects.last().kind == "release"
    fresh = rows.get()
    assert (fresh.status, fresh.pending_cancel_total, fresh.credited) == (Status.PAID, 0, 10_000)
    assert told == [("point_charged", 10_000)]
    assert cancel(txn).state == State.DONE


def test_a_refusal_is_not_believed_without_asking(gateway, paid, cancel, ledger):
    """A3: it was done, and the answer says no."""
    txn = paid()
    gateway.cancel(txn.imp_uid)  # whoever did it
    done = cancel(txn)
    assert done.state == State.DONE
    assert done.gateway_id == ""  # not ours
    assert ledger(txn) == (0, [10_000, -10_000])
    assert at_the_gateway(gateway, txn) == ("cancelled", 10_000)


def test_a_refusal_while_a_part_was_cancelled_at_the_console(gateway, paid, cancel, ledger, told):
    txn = paid()
    gateway.cancel(txn.imp_uid, 3_000)
    refused = cancel(txn)  # its checksum does not match any more
    assert refused.state == State.REFUSED
    assert ledger(txn) == (7_000, [10_000, -10_000, 7_000])
    assert rows.get().cancel_amount == 3_000
    assert told == [("point_charged", 10_000), ("point_cancelled", 3_000)]
    assert cancel(txn).state == State.DONE
    assert at_the_gateway(gateway, txn) == ("cancelled", 10_000)


def test_surely_not_sent_is_refused(gateway, paid, cancel, ledger):
    txn = paid()
    gateway.fail_next("payments/cancel", requests.ConnectTimeout("no road"))
    assert cancel(txn).state == State.REFUSED
    assert ledger(txn) == (10_000, [10_000, -10_000, 10_000])


def test_no_token_no_cancel(gateway, paid, cancel, ledger):
    txn = paid()
    safe_cache.cache.clear()
    gateway.fail_next("users/getToken")
    assert cancel(txn).state == State.REFUSED
    assert (sent(gateway), ledger(txn)[0]) == ([], 10_000)


UNCLEAR = {
    "timeout after the effect": ({"timeout": True}, 10_000),
    "cut off before it": ({"drop": True}, 0),
    "500 after the effect": ({"http": 500, "effect": True}, 10_000),
    "nonsense after the effect": ({"invalid_json": True}, 10_000),
    "cut off": ({"drop": True, "effect": True}, 10_000),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_unknown_is_unknown(gateway, paid, cancel, ledger, told, name):
    """I10: the points stay held, nothing is sent again at once, and asking later finds the
    truth.
    """
    what, gone = UNCLEAR[name]
    txn = paid()
    fault(gateway, times=1, **what)
    unclear = cancel(txn)
    assert unclear.state == State.UNKNOWN
    assert ledger(txn) == (0, [10_000, -10_000])
    with pytest.raises(CannotCancel) as caught:
        cancel(txn)
    assert caught.value.code == "cancel_open"
    rows.finish(unclear)
    if gone:
        assert PointCancellation.objects.get().state == State.DONE
    else:
        # It may still be on its way.
        assert (PointCancellation.objects.get().state, len(sent(gateway))) == (
            State.UNKNOWN,
            1,
        )
        let_pass(minutes=16)
        assert rows.finish(unclear).state == State.DONE
        assert [body["checksum"] for body in sent(gateway)] == [10_000, 10_000]
    assert at_the_gateway(gateway, txn) == ("cancelled", 10_000)
    assert ledger(txn) == (0, [10_000, -10_000])
    assert told == [("point_charged", 10_000), ("point_cancelled", 10_000)]


def test_the_age_counts_from_before_the_question(gateway, paid, cancel, monkeypatch):
    """V2b: an answer that took its time is older than its arrival."""
    txn = paid()
    fault(gateway, times=1, drop=True)
    unclear = cancel(txn)
    let_pass(minutes=14)
    now = timezone.now

    def slow(call):
        monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(minutes=5))

    gateway.before_answer = slow
    assert rows.finish(unclear).state == State.UNKNOWN
    assert len(sent(gateway)) == 1


def test_sent_again_once_then_staff(gateway, paid, cancel, ledger, told):
    txn = paid()
    fault(gateway, times=2, drop=True)
    unclear = cancel(txn)
    for _ in range(3):
        let_pass(minutes=16)
        rows.finish(unclear)
    unclear.refresh_from_db()
    assert (unclear.state, unclear.tries, unclear.needs_staff) == (State.UNKNOWN, 2, True)
    assert len(sent(gateway)) == 2
    assert rows.get().review == Review.CANCEL_UNCLEAR
    assert told[-1] == ("payment_needs_review", "cancel_unclear")
    gateway.cancel(txn.imp_uid)  # staff saw to it at the console
    assert rows.finish(unclear).state == State.DONE
    assert PointCancellation.objects.get().needs_staff is False


def test_an_unknown_virtual_account_is_never_sent_again_by_itself(gateway, paid, cancel):
    txn = rows.start(user=paid().owner.user, amount=5_000, pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    fault(gateway, times=1, drop=True)
    unclear = cancel(txn, refund_account=ACCOUNT)
    let_pass(hours=5)
    assert rows.finish(unclear).needs_staff
    assert len(sent(gateway)) == 1


@pytest.fixture
def unclear_easy_pay(gateway, user, cancel):
    """A cancel whose method may do it later, and whose answer was lost more than 15 minutes ago."""
    txn = rows.start(user=user, amount=5_000, pay_method="naverpay")
    rows.sync(gateway.pay(txn.merchant_uid, pay_method="naverpay"))
    fault(gateway, times=1, drop=True)
    unclear = cancel(rows.get(pk=txn.pk))
    let_pass(minutes=16)
    return unclear


def test_an_unknown_easy_payment_is_never_sent_again_by_itself(gateway, unclear_easy_pay):
    """V4: it may be registered, and be done tomorrow."""
    assert rows.finish(unclear_easy_pay).needs_staff
    assert (len(sent(gateway)), PointCancellation.objects.get().state) == (1, State.UNKNOWN)


def test_a_later_refusal_proves_nothing_where_the_first_try_may_be_registered(
    gateway, unclear_easy_pay, user
):
    """V7: perhaps it is refused because it is registered."""
    rows.finish(unclear_easy_pay)
    fault(gateway, times=1, code=-1, message="no")
    again = rows.decide_refund(unclear_easy_pay, choice="send_again", by=user)
    assert (again.state, again.tries) == (State.UNKNOWN, 2)
    assert Point.objects.get().balance == 0


def test_a_later_try_that_was_not_sent_proves_nothing(gateway, paid, cancel):
    """V7: it says nothing about the first one."""
    txn = paid()
    fault(gateway, times=1, drop=True)
    unclear = cancel(txn)
    let_pass(minutes=16)
    gateway.fail_next("payments/cancel", requests.ConnectTimeout())
    assert rows.finish(unclear).state == State.UNKNOWN
    assert Point.objects.get().balance == 0


def test_accepted_now_and_done_later(gateway, paid, cancel, ledger, told):
    """A4: code 0 is not "done". The hold stays, nothing is sent again."""
    txn = paid()
    fault(gateway, times=1, cancel_later_s=3_600)
    accepted = cancel(txn)
    assert accepted.state == State.ACCEPTED
    assert (ledger(txn), rows.get().status) == ((0, [10_000, -10_000]), Status.PAID)
    rows.sync(txn.imp_uid)  # a webhook that says "paid" gives nothing back (rule A1)
    let_pass(days=1)
    assert rows.finish(accepted).state == State.ACCEPTED
    gateway.control("clock", advance_s=3_601)
    assert rows.finish(accepted).state == State.DONE
    assert (len(sent(gateway)), ledger(txn)) == (1, (0, [10_000, -10_000]))
    assert told == [("point_charged", 10_000), ("point_cancelled", 10_000)]


def test_an_old_try_that_heard_nothing_never_undoes_what_was_accepted(gateway, paid, cancel):
    """Unknown would be sent again after a while, and the bank would pay twice."""
    txn = paid()
    fault(gateway, times=1, cancel_later_s=3_600)
    accepted = cancel(txn)
    cancel_service._conclude(accepted, CancelResult("unknown", trouble=Trouble("legacy", "hung")))
    accepted.refresh_from_db()
    assert accepted.state == State.ACCEPTED
    let_pass(minutes=16)
    assert rows.finish(accepted).state == State.ACCEPTED
    assert len(sent(gateway)) == 1


def test_accepted_and_dropped_by_the_bank_waits_for_staff(gateway, paid, cancel):
    txn = paid()
    fault(gateway, times=1, cancel_later_s=365 * 86_400)
    accepted = cancel(txn)
    let_pass(days=6, hours=23)
    assert not rows.finish(accepted).needs_staff
    let_pass(hours=2)
    assert rows.finish(accepted).needs_staff
    assert rows.get().review == Review.CANCEL_UNCLEAR
    assert Point.objects.get().balance == 0


def test_an_answer_that_contradicts_the_row_proves_nothing(gateway, paid, cancel, ledger):
    txn = paid()
    other = payment_json(
        imp_uid=txn.imp_uid,
        merchant_uid=txn.merchant_uid,
        amount=99_000,
        status="cancelled",
        cancel_amount=99_000,
    )
    gateway.answer_next("payments/cancel", json_body=envelope(other))
    assert cancel(txn).state == State.UNKNOWN
    assert ledger(txn) == (0, [10_000, -10_000])


# -- the machine stops between two steps -----------------------------------------------------------
