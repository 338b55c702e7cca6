"""One life: what payers, the gateway, the network, staff and the machine may do. Each verb is
tried; a known refusal is no news.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

import requests
from django.conf import settings
from django.db.models import F

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
from billing.gateway.api import gateway as client
from billing.gateway.payment import goes_to_an_account
from billing.models import PointCancellation, PointTransaction
from billing.reconciliation import reconcile
from billing.states import RefundChoice
from billing.tests.lives.payers import Payers
from billing_sandbox.engine import payments, webhook_delivery
from billing_sandbox.faults import active_faults
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


class World(Payers):
    """All that may happen: at the gateway, by staff, by jobs, and while one process is held up."""

    # -- the gateway --

    def happens(self, number: int, what: str) -> None:
        """At the card company, the bank or the console, to one of the payments that it can happen
        to.
        """
        where, act = self._happenings()[what]
        found = [payment.imp_uid for payment in where.order_by("pk")]
        if found:
            self.done["happenings"] += 1
            imp_uid = found[number % len(found)]
            merchant_uid = GatewayPayment.objects.get(imp_uid=imp_uid).merchant_uid
            self.focus = next(
                (n for n, txn in enumerate(self.orders) if txn.merchant_uid == merchant_uid),
                self.focus,
            )
            with suppress(payments.WrongState, ValueError):
                act(imp_uid)

    def _happenings(self) -> dict[str, tuple[Any, Callable[[str], Any]]]:
        every = GatewayPayment.objects
        waits, account = (
            every.filter(status="ready", vbank_num=""),
            every.filter(status="ready", vbank_closed=False).exclude(vbank_num=""),
        )
        closed, paid = (
            every.filter(status="cancelled", paid_at=0),
            every.filter(paid_at__gt=0, cancel_amount__lt=F("amount")),
        )
        return {
            "approve": (waits, payments.approve),
            "approve late": (every.filter(status="failed"), payments.approve),
            "decline": (waits, payments.decline),
            "deposit": (account, payments.deposit),
            "close account": (account, self._close_at_the_bank),
            "deposit late": (closed, self._deposit_late),
            "cancel all": (paid, lambda imp_uid: self._console(imp_uid, None)),
            "cancel 1": (paid, lambda imp_uid: self._console(imp_uid, 1)),
            "cancel 300": (paid, lambda imp_uid: self._console(imp_uid, 300)),
        }

    def _console(self, imp_uid: str, part: int | None) -> None:
        if not GatewayPayment.objects.get(imp_uid=imp_uid).paid_at:
            # Closed, and so `cancelled`: the sandbox does not know that reading of V1.
            raise payments.WrongState("it was never paid")
        payments.cancel(imp_uid, amount=None if part is None else Decimal(part))

    def _close_at_the_bank(self, imp_uid: str) -> None:
        """What V1 may make of a closed account: `cancelled`, and nothing was ever paid."""
        GatewayPayment.objects.filter(imp_uid=imp_uid).update(status="cancelled")

    def _deposit_late(self, imp_uid: str) -> None:
        """Money arrives in an account that was closed."""
        GatewayPayment.objects.filter(imp_uid=imp_uid).update(status="ready", vbank_closed=False)
        payments.deposit(imp_uid)

    def webhooks(self, fault: dict[str, Any] | None) -> None:
        """Those that are due arrive; the fault is for one that is queued next."""
        if fault:
            self.gateway.control("faults", delivery=fault, times=1)
        self.done["webhooks"] += webhook_delivery.deliver_due()

    # -- stale answers --

    def fetch(self, which: int, number: int) -> None:
        imp_uid = self.payment(which, number)
        if imp_uid:
            answer = self.attempt(lambda: client().payment(imp_uid))
            self.answers += [answer] if answer else []

    def use_answer(self) -> None:
        self.done["stale answers"] += 1
        answer = self.answers.pop(0)
        self.attempt(lambda: rows.apply(answer))

    # -- staff --

    def staff_cancel(self, which: int, part: int | None, bold: bool) -> None:
        txn = self.paid_order(which)
        txn.refresh_from_db()
        account = ACCOUNT if goes_to_an_account(txn.paid_method, txn.pg_provider) else None
        by = self.stage.bold if bold else self.stage.careful
        self.attempt(
            lambda: rows.cancel(
                txn, reason="x", by=by, amount=part, refund_account=account, allow_negative=bold
            )
        )

    def settle(self, number: int, choice: str) -> None:
        waiting = list(
            PointCancellation.objects.filter(
                needs_staff=True, state__in=PointCancellation.OPEN
            ).order_by("pk")
        )
        if waiting:
            one = waiting[number % len(waiting)]
            # Another of the staff may decide something while this one is held up in the middle:
            # what this one chose still counts.
            before, self.wire.by_staff = (
                self.wire.by_staff,
                one.pk if choice == RefundChoice.SEND_AGAIN else None,
            )
            try:
                self.attempt(
                    lambda: rows.decide_refund(
                        one, choice=choice, by=self.stage.careful, refund_account=ACCOUNT
                    )
                )
            finally:
                self.wire.by_staff = before

    def decide(self, which: int, what: str) -> None:
        txn, by = self.order(which), self.stage.careful
        if what == "close account":
            self.attempt(lambda: rows.close_account(txn, by=by))
        elif what == "resolve":
            self.attempt(lambda: rows.resolve(txn, by=by, note="seen"))
        else:
            settings.BILLING_ACCEPT_TEST_CHANNEL = True  # what was wrong before stays wrong

    # -- trouble, time, jobs --

    def trouble(self, what: dict[str, Any], path: str) -> None:
        """For one of the calls that follow."""
        if what == {"no road": True}:
            self.gateway.fail_next(path or "payments", requests.ConnectTimeout("no road"))
        elif what == {"hangs": True}:
            self.wire.next_cancel_hangs = True
        elif "cancel_later_s" in what:
            self.wire.next_cancel_later = what
        elif "expire_tokens" in what:
            self.gateway.control("faults", **what)
        else:
            self.gateway.control("faults", times=1, **what, **({"path": path} if path else {}))

    def end_of_trouble(self) -> None:
        active_faults.clear()
        self.gateway.forget_planned()
        self.process.never_mind()
        self.wire.next_cancel_hangs, self.wire.next_cancel_later = False, None

    def look_after(self) -> None:
        """What reconcile does for what was begun here."""
        for cancellation in PointCancellation.objects.filter(
            state__in=PointCancellation.OPEN
        ).order_by("pk"):
            self.attempt(partial(rows.finish, cancellation))

    def sync_order(self, which: int) -> None:
        self.attempt(lambda: rows.sync_order(self.order(which).merchant_uid))

    def reconcile(self) -> None:
        """The scheduled job, which may be killed, and meets whatever trouble there is."""
        self.done["reconcile"] += 1
        self.attempt(lambda: reconcile(repair=True))

    # -- while one process is held up --

    def deed(self, name: str) -> None:
        """One thing that others do in the meantime, to the order that the held process is busy
        with.
        """
        which = self.focus
        deeds: dict[str, Callable[[], None]] = {
            "16 minutes": lambda: self.clock.let_pass(minutes=16),
            "3 minutes, then finish": lambda: self._later(minutes=3),
            "16 minutes, then finish": lambda: self._later(minutes=16),
            "8 days, then finish": lambda: self._later(days=8),
            "reconcile": self.reconcile,
            "sync": lambda: self.sync_order(which),
            "approved": lambda: self._happens_here(which, payments.approve),
            "declined": lambda: self._happens_here(which, payments.decline),
            "the console cancels a part": lambda: self._happens_here(
                which, lambda imp_uid: self._console(imp_uid, 300)
            ),
            "the console cancels all": lambda: self._happens_here(
                which, lambda imp_uid: self._console(imp_uid, None)
            ),
            "second payment": lambda: self.pay(which, "right", "paid", "card", False),
            "staff cancel": lambda: self.staff_cancel(which, 300, False),
            "the member cancels": lambda: self.member_cancel(which),
            "spend": lambda: self.use_points(
                self._member(which), "spend it all", 1, f"k{self.done['attempts']}"
            ),
            "the next cancel is refused": lambda: self.trouble({"code": -1}, "payments/cancel"),
            "the next cancel hangs": lambda: self.trouble({"hangs": True}, ""),
            "what hangs lands": self.wire.land,
            "staff give up": lambda: self.settle(0, RefundChoice.GIVE_UP),
        }
        deeds[name]()
        self.focus = which

    def _happens_here(self, which: int, act: Callable[[str], Any]) -> None:
        """To each payment of this order that it can happen to; and we hear of it."""
        for payment in GatewayPayment.objects.filter(
            merchant_uid=self.orders[which].merchant_uid
        ).order_by("pk"):
            with suppress(payments.WrongState, ValueError):
                act(payment.imp_uid)
        self.sync_order(which)

    def _later(self, **period: float) -> None:
        self.clock.let_pass(**period)
        self.look_after()

    def meanwhile(self, names: Sequence[str]) -> None:
        self.done["held up"] += 1
        self.look()
        for name in names:
            self.deed(name)
        self.look()


DEEDS = (
    "sync", "sync", "sync", "3 minutes, then finish", "16 minutes, then finish",
    "16 minutes, then finish", "8 days, then finish",
    "16 minutes", "reconcile", "approved", "declined", "the console cancels a part",
    "the console cancels a part",
    "the console cancels all", "second payment", "staff cancel", "the member cancels", "spend",
    "the next cancel is refused",
    "the next cancel hangs", "what hangs lands", "staff give up",
)  # fmt: skip
