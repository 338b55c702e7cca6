"""Attempts to pay: start one, and make a row equal to what the gateway answers (`start`, `sync`, `apply`).

Every door (page callback, mobile return, webhook, reconcile) leads to `sync`. No network call happens inside a transaction, and the
transactions are durable: one that is nested in a caller's would raise instead of being swallowed with it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from billing import signals
from billing.errors import GatewayError, GatewayNonsense, UnknownPayment
from billing.iamport import Deadline, gateway
from billing.payment import Payment
from billing.states import Bind, Decision, Facts, Ignore, Return, Review, Status, decide

if TYPE_CHECKING:
    from billing.managers.points import PointManager
    from billing.models import PointTransaction

FIRST_CHECK = timedelta(minutes=1)  # after start, reconcile looks at an attempt that nobody reported
COLLISIONS = 5  # a merchant_uid of 128 bits does not clash; five in a row mean that something else is wrong
LOST_RACES = 5  # the lock makes a lost update impossible; the version is the second net

# Facts that are copied as they are. The wire's pay_method is what was really used, ours is what the payer chose.
_FACTS = (
    "test_channel", "pg_provider", "pg_id", "pg_tid", "apply_num", "card_name", "bank_name", "vbank_code", "vbank_name", "vbank_num",
    "vbank_holder", "vbank_date", "vbank_issued_at", "started_at", "paid_at", "failed_at", "cancelled_at", "fail_reason",
    "cancel_reason", "receipt_url",
)  # fmt: skip


@dataclass(frozen=True)
class Applied:
    """What `apply` did. txn is the row as committed, its `owner.balance` included; points is what was credited (> 0) or taken (< 0)."""

    txn: PointTransaction
    decision: Decision
    points: int = 0


class PointTransactionManager(models.Manager["PointTransaction"]):
    """`PointTransaction.objects`."""

    # -- start ------------------------------------------------------------------------------------------------------------------

    def start(self, *, user: Any, amount: int, pay_method: str, deadline: Deadline | None = None) -> PointTransaction:
        """Open an attempt to pay `amount` won and register the amount at the gateway.

        The row and the attempt's count are committed before the gateway is asked. Every call is a new attempt with a new merchant_uid.
        Raises ValueError for an amount that is not a positive int, and the GatewayError of a failed registration: the row is kept then,
        as failed and with the reason.
        """
        if type(amount) is not int or amount <= 0:
            raise ValueError("the amount must be a positive number of won")
        txn = self._open(user, amount, pay_method)
        try:
            gateway().prepare(txn.merchant_uid, txn.amount, deadline=deadline)
        except GatewayError as error:
            self._fail_unprepared(txn, error)
            raise
        txn.prepared_at = timezone.now()
        self.filter(pk=txn.pk).update(prepared_at=txn.prepared_at)
        return txn

    def new_merchant_uid(self, user: Any) -> str:
        """A fresh merchant_uid: the day, then 26 letters and digits of a SHA-256 over member, time and 128 random bits.

        A hash takes bytes, so the text is encoded first. 35 characters of [a-z0-9-]; the gateway allows 40.
        """
        text = f"{user.pk}:{time.time_ns()}:{secrets.token_hex(16)}"
        digest = hashlib.sha256(text.encode("utf-8")).digest()
        short = base64.b32encode(digest[:16]).decode("ascii").rstrip("=").lower()
        return f"{timezone.localdate():%Y%m%d}-{short}"

    def _open(self, user: Any, amount: int, pay_method: str) -> PointTransaction:
        """The row and the attempt in one durable transaction. A merchant_uid that exists already is made anew, never shown."""
        for _ in range(COLLISIONS):
            txn = self.model(
                owner_id=user.pk,
                merchant_uid=self.new_merchant_uid(user),
                amount=amount,
                pay_method=pay_method,
                next_check_at=timezone.now() + FIRST_CHECK,
            )
            try:
                with transaction.atomic(using=self.db, durable=True):
                    txn.save(force_insert=True, using=self.db)  # its member's account may follow: the foreign key is checked at commit
                    self._accounts().count_attempt(user.pk)
                return txn
            except IntegrityError:
                if not self.filter(merchant_uid=txn.merchant_uid).exists():
                    raise
        raise RuntimeError(f"{COLLISIONS} merchant_uids in a row existed already")

    def _fail_unprepared(self, txn: PointTransaction, error: GatewayError) -> None:
        """Note why the registration failed; only while nothing was heard of a payment. The attempt stays counted."""
        txn.status, txn.failed_at = Status.FAILED, timezone.now()
        txn.fail_reason = (error.gateway_message or str(error))[:500]
        changed = self.filter(pk=txn.pk, status=Status.READY, imp_uid__isnull=True).update(
            status=txn.status, failed_at=txn.failed_at, fail_reason=txn.fail_reason, version=F("version") + 1
        )
        if changed:
            signals.payment_failed.send_robust(sender=type(txn), txn=txn)

    def _accounts(self) -> PointManager:
        accounts: PointManager = self.model._meta.get_field("owner").related_model._default_manager  # type: ignore[assignment]
        return accounts

    # -- sync -------------------------------------------------------------------------------------------------------------------

    def sync(self, imp_uid: str, *, deadline: Deadline | None = None) -> Applied:
        """Ask the gateway for this payment and make its row equal to the answer.

        The row is the one of the payment's own merchant_uid, whatever the caller believes. Any number of calls, in any order and at the
        same time, credit once. Raises NotAnId, GatewayError, UnknownPayment.
        """
        return self.apply(gateway().payment(imp_uid, deadline=deadline))

    def sync_order(self, merchant_uid: str, *, deadline: Deadline | None = None) -> list[Applied]:
        """As `sync`, for every payment under this merchant_uid: an imp_uid may be unknown to us, or not the one that was paid.

        One gateway call. Raises PaymentNotFound where nobody has opened a window yet.
        """
        return [self.apply(payment) for payment in gateway().payments_of(merchant_uid, deadline=deadline)]

    def apply(self, payment: Payment) -> Applied:
        """Make the row of `payment.merchant_uid` equal to this answer, points included. No network inside.

        A second time, or after a newer answer: nothing changes. Losing a race is no error. Raises UnknownPayment where no row has the
        merchant_uid, GatewayNonsense where the answer contradicts what the row holds, RuntimeError inside a caller's transaction.
        """
        for _ in range(LOST_RACES):
            try:
                return self._apply_once(payment)
            except _LostRace:
                continue
            except IntegrityError:
                others = self.exclude(merchant_uid=payment.merchant_uid)
                if others.filter(Q(imp_uid=payment.imp_uid) | Q(cancellations__imp_uid=payment.imp_uid)).exists():
                    raise GatewayNonsense(f"{payment.imp_uid} is another row's payment already") from None
                raise
        raise RuntimeError("the row changed under its lock")

    def _apply_once(self, payment: Payment) -> Applied:
        with transaction.atomic(using=self.db, durable=True):
            # Row and member in one statement; PostgreSQL locks both, on SQLite the IMMEDIATE transaction is the lock.
            locked = self.select_related("owner").select_for_update(no_key=True)
            txn = locked.filter(merchant_uid=payment.merchant_uid).first()
            if txn is None:
                raise UnknownPayment(f"no row has the merchant_uid of {payment.imp_uid}")
            decision = decide(txn, payment, accept_test_channel=settings.BILLING_ACCEPT_TEST_CHANNEL)
            if isinstance(decision, Bind) and self._goes_back(txn, payment):
                decision = Ignore()  # wrong once, never credited: not even when a setting changes its mind
            now = timezone.now()
            values = _values(txn, payment, decision, now)
            points = values.get("credited", txn.credited) - txn.credited
            notes = self._flags(txn, payment, decision, points, values)
            failed_now = values.get("status") == Status.FAILED != txn.status
            self._write(txn, values, now)
            if points:
                self._accounts().filter(pk=txn.owner_id).update(balance=F("balance") + points)
                kind = "charge" if points > 0 else "cancel"
                txn.entries.create(owner_id=txn.owner_id, version=txn.version, kind=kind, delta=points)
                txn.owner.balance += points
            self._tell(txn, points, failed_now, notes)
        return Applied(txn, decision, points)

    def _goes_back(self, txn: PointTransaction, payment: Payment) -> bool:
        """Whether this payment's money is a return already. Every return left a note, so a row without one is not asked about."""
        return bool(txn.review_note) and txn.cancellations.filter(kind="return", imp_uid=payment.imp_uid).exists()

    def _flags(
        self, txn: PointTransaction, payment: Payment, decision: Decision, points: int, values: dict[str, Any]
    ) -> list[tuple[Review, str]]:
        """Put what staff should see into `values`, each thing once, and wrong money's return into its table (sent after commit)."""
        found: list[tuple[Review, str]] = []
        if isinstance(decision, Return):
            # Asked under the row's lock: INSERT … ON CONFLICT would hide a failed check and could not tell the winner.
            if not self._goes_back(txn, payment):
                txn.cancellations.create(
                    kind="return",
                    imp_uid=payment.imp_uid,
                    amount=decision.amount,
                    currency=payment.currency,
                    base=payment.cancel_amount,
                    checksum=decision.amount,
                    reason=f"wrong money: {decision.review.value}",
                )
                paid = f"{_plain(payment.amount)} {payment.currency}"
                test = " through a test channel" if payment.test_channel else ""
                found.append((decision.review, f"{payment.imp_uid} paid {paid}{test}; the row asks for {txn.amount} KRW once"))
        elif isinstance(decision, Facts | Ignore) and decision.review:
            note = f"{payment.imp_uid} is cancelled at the gateway, with nothing paid back"
            if note not in txn.review_note:
                found.append((decision.review, note))
        balance = txn.owner.balance + points
        if points < 0 and balance < 0:
            found.append((Review.NEGATIVE_BALANCE, f"{payment.imp_uid}: {-points} points were cancelled, the balance is {balance}"))
        if found:
            values["review"] = txn.review or found[0][0]
            values["review_note"] = "\n".join([*txn.review_note.splitlines(), *(note for _, note in found)])
        return found

    def _write(self, txn: PointTransaction, values: dict[str, Any], now: Any) -> None:
        """Update only what differs, where the version is the one that was read; the object follows the row."""
        changed = {name: value for name, value in values.items() if getattr(txn, name) != value}
        rows = self.filter(pk=txn.pk)
        if changed:
            changed["version"] = txn.version + 1
            rows = rows.filter(version=txn.version)
        if not rows.update(**changed, synced_at=now):
            raise _LostRace
        for name, value in {**changed, "synced_at": now}.items():
            setattr(txn, name, value)

    def _tell(self, txn: PointTransaction, points: int, failed_now: bool, notes: list[tuple[Review, str]]) -> None:
        """Signals, after commit."""

        def send(signal: Any, **arguments: Any) -> None:
            transaction.on_commit(partial(signal.send_robust, sender=type(txn), txn=txn, **arguments), using=self.db, robust=True)

        if points > 0:
            send(signals.point_charged, points=points)
        elif points < 0:
            send(signals.point_cancelled, points=-points)
        if failed_now:
            send(signals.payment_failed)
        for code, note in notes:
            send(signals.payment_needs_review, code=code, note=note)


class _LostRace(Exception):
    """The row was not the one that was read: roll back, begin again."""


def _values(txn: PointTransaction, payment: Payment, decision: Decision, now: Any) -> dict[str, Any]:
    """The columns as this decision wants them. `credited` is always the target: amount − max(cancel_amount, cancel_goal) once bound."""
    if not isinstance(decision, Bind | Facts):
        return {}
    whole = isinstance(decision, Bind) or decision.whole
    values = _facts(txn, payment, whole=whole)
    values.update(status=decision.status, cancel_amount=decision.cancel_amount)
    if isinstance(decision, Bind):
        values.update(imp_uid=payment.imp_uid, credited_at=now, next_check_at=None)
        values["credited"] = txn.amount - decision.cancel_amount
    elif txn.is_bound:
        # Our own open cancel has taken its points already: the greater of both, never the sum, and never back because of an answer.
        values["credited"] = txn.amount - max(decision.cancel_amount, txn.cancel_goal)
    else:
        values["imp_uid"] = payment.imp_uid
    return values


def _facts(txn: PointTransaction, payment: Payment, *, whole: bool) -> dict[str, Any]:
    """The gateway's facts; unless `whole`, what is filled never becomes empty."""
    found = {name: getattr(payment, name) for name in _FACTS}
    found["paid_method"] = payment.pay_method
    return found if whole else {name: value or getattr(txn, name) for name, value in found.items()}


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
