"""`start`: open an attempt to pay and register its amount at the gateway."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from datetime import timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from billing import signals
from billing.db.routing import primary
from billing.db.statements import table
from billing.errors import GatewayError
from billing.gateway.api import Deadline, gateway
from billing.models import PointTransaction
from billing.services.locking import durable_transaction
from billing.services.points import count_attempt
from billing.states import Status

# After start, reconcile looks at an attempt that nobody reported.
FIRST_CHECK = timedelta(minutes=1)
# A merchant_uid of 128 bits does not clash; five in a row mean that something else is wrong.
COLLISIONS = 5


def start(
    *, user: Any, amount: int, pay_method: str, deadline: Deadline | None = None
) -> PointTransaction:
    """The verb `PointTransaction.objects.start`; what it promises is said there."""
    if type(amount) is not int or amount <= 0:
        raise ValueError("the amount must be a positive number of won")
    txn = open_attempt(user, amount, pay_method)
    try:
        gateway().prepare(txn.merchant_uid, txn.amount, deadline=deadline)
    except GatewayError as error:
        _mark_unprepared(txn, error)
        raise
    txn.prepared_at = timezone.now()
    table(PointTransaction).update({"prepared_at": txn.prepared_at}, {"id": txn.pk})
    return txn


def new_merchant_uid(user: Any) -> str:
    """The verb `PointTransaction.objects.new_merchant_uid`; what it promises is said there."""
    text = f"{user.pk}:{time.time_ns()}:{secrets.token_hex(16)}"
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    short = base64.b32encode(digest[:16]).decode("ascii").rstrip("=").lower()
    return f"{timezone.localdate():%Y%m%d}{short}"


def open_attempt(user: Any, amount: int, pay_method: str) -> PointTransaction:
    """The row and the attempt in one durable transaction. A merchant_uid that exists already is
    made anew, never shown.
    """
    for _ in range(COLLISIONS):
        txn = PointTransaction(
            owner_id=user.pk,
            merchant_uid=new_merchant_uid(user),
            amount=amount,
            pay_method=pay_method,
            next_check_at=timezone.now() + FIRST_CHECK,
        )
        try:
            with durable_transaction():
                # Its member's account may follow: the foreign key is checked at commit.
                table(PointTransaction).insert(txn)
                count_attempt(user.pk)
            return txn
        except IntegrityError:
            if not primary(PointTransaction).filter(merchant_uid=txn.merchant_uid).exists():
                raise
    raise RuntimeError(f"{COLLISIONS} merchant_uids in a row existed already")


def _mark_unprepared(txn: PointTransaction, error: GatewayError) -> None:
    """Note why the registration failed; only while nothing was heard of a payment. The attempt
    stays counted.
    """
    txn.status, txn.failed_at = Status.FAILED, timezone.now()
    txn.fail_reason = (error.gateway_message or str(error))[:500]
    changed = PointTransaction.objects.filter(
        pk=txn.pk, status=Status.READY, imp_uid__isnull=True
    ).update(
        status=txn.status,
        failed_at=txn.failed_at,
        fail_reason=txn.fail_reason,
        version=F("version") + 1,
    )
    if changed:
        signals.payment_failed.send_robust(sender=type(txn), txn=txn)
