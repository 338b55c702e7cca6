"""Many things at once, of everything: the books stay right."""

from __future__ import annotations

import contextlib
import random
import threading
from datetime import timedelta

import pytest
from django.db.models import F

from billing import signals
from billing.errors import BillingError, GatewayError
from billing.gateway.api import RefundAccount
from billing.gateway.api import gateway as client
from billing.models import Point, PointCancellation, PointTransaction
from billing.states import RefundChoice
from billing.tests.support.aging import let_pass
from billing.tests.support.threads import together
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
