"""Attempts to pay: `start` one, and `sync` it: ask the gateway, then apply what it answers.

Every door (page callback, mobile return, webhook, reconcile) leads to `sync`. No network call
happens inside a transaction, and the transactions are durable: one that is nested in a caller's
would raise instead of being swallowed with it.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from billing import signals
from billing.errors import GatewayError, InvalidGatewayResponse
from billing.gateway.api import Deadline, gateway
from billing.managers.applying import ApplyResult
from billing.managers.decisions import DecisionManager
from billing.states import Status

if TYPE_CHECKING:
    from billing.models import PointTransaction

logger = logging.getLogger(__name__)

# After start, reconcile looks at an attempt that nobody reported.
FIRST_CHECK = timedelta(minutes=1)
COLLISIONS = (
    5  # a merchant_uid of 128 bits does not clash; five in a row mean that something else is wrong
)


class PointTransactionManager(DecisionManager):
    """`PointTransaction.objects`: start and sync here; apply, cancel and the decisions of staff in
    the files of its base classes.
    """

    # -- start -------------------------------------------------------------------------------------

    def start(
        self, *, user: Any, amount: int, pay_method: str, deadline: Deadline | None = None
    ) -> PointTransaction:
        """Open an attempt to pay `amount` won and register the amount at the gateway.

        The row and the attempt's count are committed before the gateway is asked. Every call is a
        new attempt with a new merchant_uid. Raises ValueError for an amount that is not a positive
        int, and the GatewayError of a failed registration: the row is kept then, as failed and with
        the reason.
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
        """A fresh merchant_uid: the day, then 26 letters and digits of a SHA-256 over member, time
        and 128 random bits.

        A hash takes bytes, so the text is encoded first. 34 characters of [a-z0-9]: 6 to 40 letters
        and digits offend no known processor, while several refuse a hyphen (Smartro; Payletter
        global; NICE's SSG Pay by account). Rows of before have one and stay readable.
        """
        text = f"{user.pk}:{time.time_ns()}:{secrets.token_hex(16)}"
        digest = hashlib.sha256(text.encode("utf-8")).digest()
        short = base64.b32encode(digest[:16]).decode("ascii").rstrip("=").lower()
        return f"{timezone.localdate():%Y%m%d}{short}"

    def _open(self, user: Any, amount: int, pay_method: str) -> PointTransaction:
        """The row and the attempt in one durable transaction. A merchant_uid that exists already is
        made anew, never shown.
        """
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
                    # Its member's account may follow: the foreign key is checked at commit.
                    txn.save(force_insert=True, using=self.db)
                    self._accounts().count_attempt(user.pk)
                return txn
            except IntegrityError:
                if not self.using(self.db).filter(merchant_uid=txn.merchant_uid).exists():
                    raise
        raise RuntimeError(f"{COLLISIONS} merchant_uids in a row existed already")

    def _fail_unprepared(self, txn: PointTransaction, error: GatewayError) -> None:
        """Note why the registration failed; only while nothing was heard of a payment. The attempt
        stays counted.
        """
        txn.status, txn.failed_at = Status.FAILED, timezone.now()
        txn.fail_reason = (error.gateway_message or str(error))[:500]
        changed = self.filter(pk=txn.pk, status=Status.READY, imp_uid__isnull=True).update(
            status=txn.status,
            failed_at=txn.failed_at,
            fail_reason=txn.fail_reason,
            version=F("version") + 1,
        )
        if changed:
            signals.payment_failed.send_robust(sender=type(txn), txn=txn)

    # -- sync --------------------------------------------------------------------------------------

    def sync(self, imp_uid: str, *, deadline: Deadline | None = None) -> ApplyResult:
        """Ask the gateway for this payment and make its row equal to the answer.

        The row is the one of the payment's own merchant_uid, whatever the caller believes. Any
        number of calls, in any order and at the same time, credit once. Raises InvalidId,
        GatewayError, UnmatchedPaymentError.
        """
        return self.apply(gateway().payment(imp_uid, deadline=deadline), deadline=deadline)

    def sync_order(
        self, merchant_uid: str, *, deadline: Deadline | None = None
    ) -> list[ApplyResult]:
        """As `sync`, for every payment under this merchant_uid: an imp_uid may be unknown to us, or
        not the one that was paid.

        One gateway call. Raises GatewayPaymentNotFound where nobody has opened a window yet. A
        payment that cannot be read or contradicts the row hides no other: its
        InvalidGatewayResponse is raised where none could be applied.
        """
        applied: list[ApplyResult] = []
        trouble: InvalidGatewayResponse | None = None
        for payment in gateway().payments_of(merchant_uid, deadline=deadline):
            try:
                applied.append(self.apply(payment, deadline=deadline))
            except InvalidGatewayResponse as error:
                logger.warning("%s of %s: %s", payment.imp_uid, merchant_uid, error)
                trouble = trouble or error
        if trouble and not applied:
            raise trouble
        return applied
