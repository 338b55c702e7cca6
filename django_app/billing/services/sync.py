"""`sync`: ask the gateway about a payment, then apply what it answers. Every entry point (page
callback, mobile return, webhook, reconcile) leads here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from billing.errors import InvalidGatewayResponse
from billing.gateway.api import Deadline, gateway
from billing.models import ApplyResult
from billing.services.apply import apply

logger = logging.getLogger(__name__)


def sync(
    imp_uid: str,
    *,
    deadline: Deadline | None = None,
    in_transaction: Callable[[], object] | None = None,
) -> ApplyResult:
    """The verb `PointTransaction.objects.sync`; what it promises is said there. in_transaction: see
    `apply`.
    """
    payment = gateway().payment(imp_uid, deadline=deadline)
    return apply(payment, deadline=deadline, in_transaction=in_transaction)


def sync_order(merchant_uid: str, *, deadline: Deadline | None = None) -> list[ApplyResult]:
    """The verb `PointTransaction.objects.sync_order`; what it promises is said there."""
    applied: list[ApplyResult] = []
    trouble: InvalidGatewayResponse | None = None
    for payment in gateway().payments_by_merchant_uid(merchant_uid, deadline=deadline):
        try:
            applied.append(apply(payment, deadline=deadline))
        except InvalidGatewayResponse as error:
            logger.warning("%s of %s: %s", payment.imp_uid, merchant_uid, error)
            trouble = trouble or error
    if trouble and not applied:
        raise trouble
    return applied
