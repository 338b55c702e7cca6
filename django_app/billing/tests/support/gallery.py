"""One payment in every state that a payer may see, made by the calls that make it in life: ours,
and the gateway's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import requests
from django.utils import timezone

from billing.gateway.api import RefundAccount
from billing.models import PointTransaction

TXNS = PointTransaction.objects


def remote_control(site: str) -> Callable[..., Any]:
    """The control API of a running site's sandbox, as SandboxGateway.control is the one of this
    process.
    """

    def control(path: str, /, **body: Any) -> Any:
        answer = requests.post(f"{site}/sandbox/control/{path}", json=body, timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json()

    return control


class Gallery:
    """Makes payments of `user`. control: SandboxGateway.control, or remote_control(site)."""

    def __init__(self, control: Callable[..., Any], user: Any) -> None:
        self.control, self.user = control, user

    def attempt(self, amount: int = 10_000, method: str = "card") -> PointTransaction:
        """An attempt whose window was not opened."""
        return TXNS.start(user=self.user, amount=amount, pay_method=method)

    def pay(self, txn: PointTransaction, **more: Any) -> PointTransaction:
        """One visit of the window, reported to us. more: of the control API's pay."""
        outcome = {"outcome": "paid", "pay_method": txn.pay_method, "webhook": False, **more}
        imp_uid = self.control("pay", merchant_uid=txn.merchant_uid, **outcome)["imp_uid"]
        TXNS.sync(imp_uid)
        return self.fresh(txn)

    def paid(self, amount: int = 10_000, method: str = "card") -> PointTransaction:
        """A payment whose points arrived."""
        return self.pay(self.attempt(amount, method))

    def account(self, amount: int = 50_000) -> PointTransaction:
        """A virtual account that waits."""
        return self.pay(self.attempt(amount, "vbank"), outcome="vbank")

    def deposited(self, amount: int = 50_000) -> PointTransaction:
        """A virtual account that was paid into."""
        txn = self.account(amount)
        self.control(f"payments/{txn.imp_uid}/deposit")
        TXNS.sync(str(txn.imp_uid))
        return self.fresh(txn)

    @staticmethod
    def fresh(txn: PointTransaction) -> PointTransaction:
        return TXNS.select_related("owner").get(pk=txn.pk)

    @staticmethod
    def change(txn: PointTransaction, **values: Any) -> PointTransaction:
        """What only time can bring, written into the row."""
        TXNS.filter(pk=txn.pk).update(**values)
        return txn

    def cancel(self, txn: PointTransaction, **more: Any) -> PointTransaction:
        """A refund of ours."""
        TXNS.cancel(txn, reason="please", by=self.user, **more)
        return txn

    # -- one method for each state --

    def checking(self) -> PointTransaction:
        return self.attempt()

    def unfinished(self) -> PointTransaction:
        return self.change(self.attempt(), created_at=timezone.now() - timedelta(hours=2))

    def waiting(self) -> PointTransaction:
        return self.account()

    def expired(self) -> PointTransaction:
        return self.change(
            self.account(), vbank_date=timezone.now() - timedelta(minutes=1), next_check_at=None
        )

    def declined(self) -> PointTransaction:
        return self.pay(self.attempt(), outcome="failed")

    def stopped(self) -> PointTransaction:
        return self.change(self.declined(), fail_reason="[결제포기] 사용자가 결제를 취소하셨습니다")

    def not_started(self) -> PointTransaction:
        return self.change(
            self.attempt(), status="failed", fail_reason="the gateway did not answer"
        )

    def account_closed(self) -> PointTransaction:
        return self.change(self.account(), account_closed_at=timezone.now())

    def wrong_money(self) -> PointTransaction:
        """On its way back: the gateway refuses the return for now."""
        self.control("faults", http=500, times=1, path="payments/cancel")
        return self.pay(self.attempt(), amount=9_000)

    def wrong_deposit(self) -> PointTransaction:
        """Staff have to send it back, and a newer account waits."""
        txn = self.pay(self.attempt(50_000, "vbank"), amount=40_000)
        return self.pay(txn, outcome="vbank")

    def returned(self) -> PointTransaction:
        return self.pay(self.attempt(), amount=9_000)

    def paid_twice(self) -> PointTransaction:
        txn = self.attempt()
        twice = [
            self.control(
                "pay",
                merchant_uid=txn.merchant_uid,
                outcome="paid",
                pay_method="card",
                webhook=False,
            )["imp_uid"]
            for _ in "12"
        ]
        for imp_uid in twice:
            TXNS.sync(imp_uid)
        return txn

    def part_cancelled(self) -> PointTransaction:
        return self.cancel(self.paid(), amount=3_000)

    def cancelled(self) -> PointTransaction:
        return self.cancel(self.paid())

    def cancel_accepted(self) -> PointTransaction:
        txn = self.deposited()
        self.control("faults", cancel_later_s=86_400, times=1, path="payments/cancel")
        return self.cancel(
            txn, refund_account=RefundAccount(bank="88", account="110123456789", holder="홍길동")
        )

    def cancel_unknown(self) -> PointTransaction:
        txn = self.paid()
        self.control("faults", drop=True, times=1, path="payments/cancel")
        return self.cancel(txn)

    def cancel_refused(self) -> PointTransaction:
        txn = self.paid()
        self.control(
            "faults",
            code=1,
            message="결제취소에 실패하였습니다.(카드사 점검 중)",
            times=1,
            path="payments/cancel",
        )
        return self.cancel(txn)

    def refundable_deposit(self) -> PointTransaction:
        return self.deposited()

    def by_phone(self) -> PointTransaction:
        return self.paid(5_000, "phone")


# name → the standing that the page must show
STATES: dict[str, str] = {
    "checking": "checking",
    "unfinished": "unfinished",
    "waiting": "waiting",
    "expired": "expired",
    "declined": "failed",
    "stopped": "failed",
    "not_started": "failed",
    "account_closed": "closed",
    "wrong_money": "returning",
    "wrong_deposit": "returning",
    "returned": "returned",
    "paid": "paid",
    "paid_twice": "paid",
    "by_phone": "paid",
    "refundable_deposit": "paid",
    "cancel_refused": "paid",
    "part_cancelled": "part_cancelled",
    "cancelled": "cancelled",
    "cancel_accepted": "cancelling",
    "cancel_unknown": "cancelling",
}


def states(control: Callable[..., Any], user: Any) -> dict[str, PointTransaction]:
    """Every state of STATES, in that order."""
    gallery = Gallery(control, user)
    makers: dict[str, Callable[[], PointTransaction]] = {
        name: getattr(gallery, name) for name in STATES
    }
    return {name: make() for name, make in makers.items()}
