"""Rare turns of cancels, returns and staff's decisions: somebody else is faster, an answer is old,
a process dies, a processor is odd.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
from datetime import timedelta

import pytest
from django.db.models import F

from billing import signals
from billing.errors import BillingError, GatewayError, InsufficientPoints, NotAllowed
from billing.gateway.api import RefundAccount
from billing.gateway.api import gateway as client
from billing.gateway.transport import Client as HttpClient
from billing.models import Point, PointCancellation, PointTransaction
from billing.services import mismatch_refund
from billing.states import RefundChoice
from billing.tests.support.aging import let_pass
from billing.tests.support.notes import codes_of
from billing.tests.support.payments import envelope, payment_json
from billing.tests.support.threads import together
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
ACCOUNT = RefundAccount(bank="88", account="110123456789", holder="홍길동", tel="01012345678")


@pytest.fixture
def staff(make_user):
    return make_user("staff")


def fault(gateway, **what):
    gateway.control("faults", path="payments/cancel", **what)


def sent(gateway):
    return [json.loads(call.body) for call in gateway.calls if call.path == "payments/cancel"]


def gone(imp_uid):
    return int(Payment.objects.using("sandbox").get(imp_uid=imp_uid).cancel_amount)


def only(kind="cancel"):
    return PointCancellation.objects.get(kind=kind)


@pytest.fixture
def paid(gateway, user):
    def make(amount=10_000, pay_method="card", **how):
        txn = rows.start(user=user, amount=amount, pay_method=pay_method)
        outcome = "vbank" if pay_method == "vbank" else "paid"
        imp_uid = gateway.pay(txn.merchant_uid, pay_method=pay_method, outcome=outcome, **how)
        if outcome == "vbank":
            gateway.control(f"payments/{imp_uid}/deposit")
        rows.sync(imp_uid)
        return rows.select_related("owner").get(pk=txn.pk)

    return make


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


def test_the_refund_account_is_not_kept_because_the_processor_quotes_it(gateway, paid, staff):
    txn = paid(pay_method="vbank")
    fault(gateway, code=-1, message="환불계좌 110123456789 (홍길동) 예금주 불일치", times=1)
    rows.cancel(txn, reason="x", by=staff, refund_account=ACCOUNT)
    kept = str(list(PointCancellation.objects.values())) + str(list(rows.values()))
    assert "110123456789" not in kept


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


@pytest.mark.parametrize("seed", [0])
def test_stress(gateway, paid, staff, ledger, user, seed):
    charged, cancelled = [], []

    def hear_c(sender, points, **kw):
        charged.append(points)

    def hear_x(sender, points, **kw):
        cancelled.append(points)

    signals.point_charged.connect(hear_c)
    signals.point_cancelled.connect(hear_x)
    try:
        txn, other = paid(), paid(7_000)
        stale = [client().payment(txn.imp_uid)]
        gateway.control("faults", path="payments/cancel", chance=0.3, timeout=True)
        gateway.control("faults", path="payments/cancel", chance=0.3, drop=True)
        gateway.control("faults", path="payments/cancel", chance=0.2, code=-1, message="no")

        def finish():
            for one in PointCancellation.objects.filter(state__in=PointCancellation.OPEN):
                rows.finish(one)

        def settle(choice):
            for one in PointCancellation.objects.filter(needs_staff=True):
                rows.decide_refund(one, choice=choice, by=staff)

        n = iter(range(10**6))
        one_ager = threading.Lock()

        # one row per statement: the helper's own updates of whole tables must not be what deadlocks
        def age():
            with one_ager:
                for pk in PointCancellation.objects.values_list("pk", flat=True):
                    row = PointCancellation.objects.filter(pk=pk)
                    row.update(
                        sent_at=F("sent_at") - timedelta(minutes=16),
                        waiting_since=F("waiting_since") - timedelta(minutes=16),
                    )

        def pick(rng):
            what = rng.choice(
                [
                    "cancel",
                    "cancel2",
                    "console",
                    "sync",
                    "stale",
                    "finish",
                    "age",
                    "settle",
                    "spend",
                    "giveback",
                    "adjust",
                ]
            )
            i = next(n)
            return {
                "cancel": lambda: rows.cancel(
                    txn,
                    reason="r",
                    by=staff,
                    amount=rng.choice([1, 1000, 3000, None]),
                    allow_negative=rng.random() < 0.3,
                ),
                "cancel2": lambda: rows.cancel(other, reason="r", by=staff, amount=500),
                "console": lambda: gateway.cancel(txn.imp_uid, rng.choice([1, 500])),
                "sync": lambda: rows.sync(txn.imp_uid),
                "stale": lambda: rows.apply(rng.choice(stale)),
                "finish": finish,
                "age": age,
                "settle": lambda: settle(rng.choice(RefundChoice.values)),
                "spend": lambda: Point.objects.spend(
                    user=user, amount=rng.choice([100, 4000]), idempotency_key=f"k{i % 40}"
                ),
                "giveback": lambda: Point.objects.refund_spend(
                    user=user, idempotency_key=f"k{rng.randrange(40)}"
                ),
                "adjust": lambda: Point.objects.adjust(
                    user=user,
                    delta=rng.choice([5, -5]),
                    idempotency_key=f"a{i}",
                    reason="r",
                    by=staff,
                ),
            }[what]

        def worker(seed):
            rng = random.Random(seed)
            bad = []
            for _ in range(25):
                try:
                    pick(rng)()
                except (BillingError, ValueError):
                    pass
                except AssertionError:  # the sandbox's console refuses
                    pass
                except Exception as error:
                    bad.append(error)
            return bad

        for round_ in range(3):
            results = together(
                [lambda s=s, r=round_: worker(seed * 1000 + r * 10 + s) for s in range(6)]
            )
            assert results == [[]] * 6, results
            stale.append(client().payment(txn.imp_uid))
        for _ in range(6):
            let_pass(days=8)
            with contextlib.suppress(GatewayError):
                finish()
            with contextlib.suppress(BillingError):
                settle(RefundChoice.GIVE_UP)
        rows.sync(txn.imp_uid)
        rows.sync(other.imp_uid)
        for row in (txn, other):
            _, deltas = ledger(row)
            fresh = rows.get(pk=row.pk)
            assert fresh.cancel_amount == gone(row.imp_uid)
            if not PointCancellation.objects.filter(
                txn=row, state__in=PointCancellation.OPEN
            ).exists():
                assert sum(deltas) == row.amount - gone(row.imp_uid)
        assert charged == [10_000, 7_000]
        if not PointCancellation.objects.filter(state__in=PointCancellation.OPEN).exists():
            assert sum(cancelled) == gone(txn.imp_uid) + gone(other.imp_uid)
    finally:
        signals.point_charged.disconnect(hear_c)
        signals.point_cancelled.disconnect(hear_x)
