"""A life from the payers' side: orders, payments, entry points, points. Each verb is tried; a known
refusal is no news. `world.py` adds what everybody else may do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from billing.errors import (
    CannotCancel,
    GatewayError,
    IdempotencyConflict,
    InsufficientPoints,
    NoSuchSpend,
    NotAllowed,
    UnmatchedPaymentError,
)
from billing.gateway.api import RefundAccount
from billing.gateway.payment import Payment
from billing.models import Point, PointTransaction
from billing.tests.lives import books
from billing.tests.lives.clock import Clock
from billing.tests.lives.process import Killed, Process
from billing.tests.lives.stage import Stage
from billing.tests.lives.wire import Wire
from billing_sandbox.models import Payment as GatewayPayment

rows = PointTransaction.objects
NO = (
    GatewayError,
    CannotCancel,
    NotAllowed,
    InsufficientPoints,
    IdempotencyConflict,
    NoSuchSpend,
    UnmatchedPaymentError,
)
ACCOUNT = RefundAccount(bank="88", account="110123456789", holder="홍길동")
WRONG: dict[str, dict[str, Any]] = {
    "usd": {"currency": "USD"},
    "test": {"sandbox": True},
    "more": {},
    "less": {},
}


class Payers:
    """Clock, process, wire and both databases, from one start to one end."""

    def __init__(self, stage: Stage) -> None:
        stage.clear()
        settings.BILLING_ACCEPT_TEST_CHANNEL = False
        self.stage, self.gateway = stage, stage.gateway
        self.clock, self.process = Clock(), Process()
        self.wire = Wire(self.clock, self.process)
        self.orders: list[PointTransaction] = []
        self.answers: list[Payment] = []  # fetched, and not used yet
        self.books: books.Books | None = None
        self.focus = 0
        # What really happened: a run in which nothing does proves nothing.
        self.done: Counter[str] = Counter()

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.clock.running(), self.process.watched(), self.wire.laid():
            yield

    def look(self) -> None:
        """Check everything, now."""
        now = books.read()
        books.check(now, self.books)
        self.books = now
        assert not self.stage.errors, self.stage.errors

    def attempt(self, act: Callable[[], Any]) -> Any:
        """Do it in a process of its own; None where it was refused or the process was killed."""
        self.done["attempts"] += 1
        try:
            with self.wire.memory():
                return act()
        except NO as error:
            self.done["gateway troubles" if isinstance(error, GatewayError) else "refusals"] += 1
        except Killed:
            self.done["killed"] += 1
            assert not connection.in_atomic_block
        return None

    # -- picking --

    def order(self, which: int) -> PointTransaction:
        self.focus = which % len(self.orders)
        return self.orders[self.focus]

    def cancellable(self) -> list[int]:
        """Which orders have something that could be cancelled, as far as the last look goes."""
        paid = (
            [
                row
                for row in self.books.rows.values()
                if row["credited"] > 0 and not row["cancel_goal"]
            ]
            if self.books
            else []
        )
        return [
            number
            for number, txn in enumerate(self.orders)
            if any(txn.pk == row["id"] for row in paid)
        ]

    def paid_order(self, which: int) -> PointTransaction:
        """One of those, if there is any."""
        found = self.cancellable()
        return self.order(found[which % len(found)] if found else which)

    def something(self, **like: Any) -> bool:
        """Whether there is an open cancel or return like that."""
        cancels = self.books.cancels.values() if self.books else ()
        return any(
            c["state"] in books.OPEN and all(c[name] == value for name, value in like.items())
            for c in cancels
        )

    def payment(self, which: int, number: int) -> str | None:
        """One of the gateway's payments of that order."""
        found = list(
            GatewayPayment.objects.filter(merchant_uid=self.order(which).merchant_uid).order_by(
                "pk"
            )
        )
        return found[number % len(found)].imp_uid if found else None

    def _new_orders(self) -> None:
        """Whatever start() left, also where its caller never heard of it."""
        known = [txn.pk for txn in self.orders]
        self.orders += rows.exclude(pk__in=known).order_by("pk")

    def _member(self, which: int) -> int:
        return [member.pk for member in self.stage.members].index(self.order(which).owner_id)

    # -- the payer --

    def browse(
        self, member: Any, method: str, path: str, data: dict[str, Any], allowed: Sequence[int]
    ) -> Any:
        """One request of a member's browser. Gateway trouble may always be the answer."""
        browser = self.stage.browsers[member.pk]
        response = self.attempt(lambda: getattr(browser, method)(f"/billing/{path}", data))
        assert response is None or response.status_code in (*allowed, 429, 502, 503), (
            f"{path}: {response.status_code} {response.content}"
        )
        return response

    def checkout(self, member: int, amount: int, method: str) -> None:
        data = {"amount": amount, "pay_method": method, "buyer_tel": "010-1234-5678"}
        self.browse(self.stage.members[member], "post", "checkout/", data, [201])
        self._new_orders()

    def pay(self, which: int, kind: str, outcome: str, method: str, webhook: bool) -> None:
        """In the gateway's window, in one more tab. kind: right, or what is wrong with the
        money.
        """
        txn = self.order(which)
        amount = txn.amount + {"more": 1_000, "less": -100}.get(kind, 0)
        method = "vbank" if outcome == "vbank" else method
        self.gateway.pay(
            txn.merchant_uid,
            outcome=outcome,
            pay_method=method,
            amount=amount,
            webhook=webhook,
            **WRONG.get(kind, {}),
        )
        self.done["windows"] += 1

    def knock(self, which: int, number: int, door: str, claim: str) -> None:
        """The page's callback, the phone's return, the poll, a webhook (forged as it likes), or
        reconcile's own look.
        """
        imp_uid, txn, member = (
            self.payment(which, number),
            self.order(which),
            self.stage.members[self._member(which)],
        )
        ids = {"imp_uid": imp_uid or "imp_000000000000", "merchant_uid": txn.merchant_uid}
        if door == "validation":
            self._told_the_truth(
                txn, self.browse(member, "post", "validation/", ids, [200, 404, 409])
            )
        elif door == "complete":
            self.browse(member, "get", "complete/", {**ids, "imp_success": "true"}, [302])
        elif door == "status":
            self._told_the_truth(
                txn,
                self.browse(
                    member, "get", f"payments/{txn.merchant_uid}/status/", {}, [200, 404, 409]
                ),
            )
        elif door == "webhook":
            self._webhook({**ids, "status": claim}, [200, 503])
        elif imp_uid:
            self.attempt(lambda: rows.sync(imp_uid))

    def _webhook(self, notice: dict[str, str], allowed: Sequence[int]) -> None:
        browser = self.stage.browsers[self.stage.members[0].pk]
        response = self.attempt(
            lambda: browser.post("/billing/webhook/", notice, content_type="application/json")
        )
        assert response is None or response.status_code in allowed, (
            f"{notice}: {response.status_code}"
        )

    def _told_the_truth(self, txn: PointTransaction, response: Any) -> None:
        if response is not None and response.status_code == 200:
            bound = rows.get(pk=txn.pk).is_matched
            assert response.json()["status"] not in ("paid",) or bound, (
                "a payer was told of points that are not there"
            )

    def stranger(self, claim: str, adopted_by: int | None) -> None:
        """Somebody else's payment on the same merchant account, and its webhook; or staff find that
        it is a member's of ours.
        """
        self.done["windows"] += 1
        order = f"shop-{self.done['windows']}-{len(self.orders)}"
        imp_uid = self.gateway.pay(order, amount=5_000)
        self._webhook({"imp_uid": imp_uid, "merchant_uid": order, "status": claim}, [200])
        if adopted_by is not None:
            self.attempt(
                lambda: rows.claim_unmatched_payment(
                    imp_uid, user=self.stage.members[adopted_by], by=self.stage.careful
                )
            )
            self._new_orders()

    def member_cancel(self, which: int) -> None:
        txn = self.paid_order(which)
        member = self.stage.members[self._member(self.focus)]
        refund = {"refund_bank": "88", "refund_account": "110123456789", "refund_holder": "홍길동"}
        path = f"payments/{txn.merchant_uid}/cancel/"
        response = self.browse(
            member, "post", path, {"reason": "changed my mind", **refund}, [200, 202, 409]
        )
        if response is not None and response.status_code == 200:
            assert rows.get(pk=txn.pk).cancel_amount == txn.amount, (
                "a payer was told of a refund that is not there"
            )

    # -- services --

    def use_points(self, member: int, verb: str, amount: int, key: str) -> None:
        user, points = self.stage.members[member], Point.objects
        if verb == "spend":
            self._entry(
                user, -amount, lambda: points.spend(user=user, amount=amount, idempotency_key=key)
            )
        elif verb == "spend it all" and points.balance_of(user) > 0:
            everything = points.balance_of(user)
            self._entry(
                user,
                -everything,
                lambda: points.spend(user=user, amount=everything, idempotency_key=f"{key}-all"),
            )
        elif verb == "spend, and the order fails":
            before = points.balance_of(user)
            with suppress(ZeroDivisionError):
                self.attempt(partial(self._spend_and_fail, user, amount, key))
            assert points.balance_of(user) == before, "points were spent for nothing"
        elif verb == "give back":
            self._entry(user, None, lambda: points.refund_spend(user=user, idempotency_key=key))
        elif verb == "adjust":
            self._entry(
                user,
                -amount,
                lambda: points.adjust(
                    user=user,
                    delta=-amount,
                    idempotency_key=key,
                    reason="why",
                    by=self.stage.careful,
                ),
            )

    def _entry(self, user: Any, delta: int | None, act: Callable[[], Any]) -> None:
        entry = self.attempt(act)
        assert entry is None or (entry.owner_id == user.pk and delta in (None, entry.delta)), (
            f"{user} was answered with {entry!r}"
        )

    def _spend_and_fail(self, user: Any, amount: int, key: str) -> None:
        with transaction.atomic():
            Point.objects.spend(user=user, amount=amount, idempotency_key=f"{key}-undone")
            raise ZeroDivisionError
