"""`sync`: ask the gateway about a payment, then apply what it answers. Every entry point (page
callback, mobile return, webhook, reconcile) leads here.
"""

from __future__ import annotations

import logging

from billing.errors import InvalidGatewayResponse
from billing.gateway.api import Deadline, gateway
from billing.models import ApplyResult
from billing.services.apply import apply

logger = logging.getLogger(__name__)


def sync(imp_uid: str, *, deadline: Deadline | None = None) -> ApplyResult:
    """Ask the gateway for this payment and make its row equal to the answer.

    The row is the one of the payment's own merchant_uid, whatever the caller believes. Any
    number of calls, in any order and at the same time, credit once. Raises InvalidId,
    GatewayError, UnmatchedPaymentError.
    """
    return apply(gateway().payment(imp_uid, deadline=deadline), deadline=deadline)


def sync_order(merchant_uid: str, *, deadline: Deadline | None = None) -> list[ApplyResult]:
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
            applied.append(apply(payment, deadline=deadline))
        except InvalidGatewayResponse as error:
            logger.warning("%s of %s: %s", payment.imp_uid, merchant_uid, error)
            trouble = trouble or error
    if trouble and not applied:
        raise trouble
    return applied
