"""What the gateway says of one transaction's payments, asked by staff at a page."""

from __future__ import annotations

from dataclasses import dataclass

from billing.errors import GatewayError, GatewayPaymentNotFound
from billing.gateway.api import Deadline, gateway
from billing.gateway.payment import Payment
from billing.models import PointTransaction
from billing.states import Status

ASK_SECONDS = 10  # a page waits no longer for the gateway


@dataclass(frozen=True)
class GatewayAnswer:
    """payment: the one to compare with; others: more payments of the same order."""

    payment: Payment | None = None
    others: tuple[Payment, ...] = ()
    trouble: GatewayError | None = None

    @property
    def payments(self) -> tuple[Payment, ...]:
        return ((self.payment,) if self.payment else ()) + self.others


def ask(txn: PointTransaction) -> GatewayAnswer:
    """Every payment of this order, as the gateway has them now: one call, two where it hides the
    one that we hold. Changes nothing.
    """
    deadline = Deadline(ASK_SECONDS)
    try:
        try:
            payments = gateway().payments_by_merchant_uid(txn.merchant_uid, deadline=deadline)
        except GatewayPaymentNotFound:
            if not txn.imp_uid:
                raise
            payments = []
        if txn.imp_uid and txn.imp_uid not in {payment.imp_uid for payment in payments}:
            payments.append(gateway().payment(txn.imp_uid, deadline=deadline))
        if not payments:
            raise GatewayPaymentNotFound("the gateway has no payment of this order")
    except GatewayError as trouble:
        return GatewayAnswer(trouble=trouble)
    held = next((payment for payment in payments if payment.imp_uid == txn.imp_uid), None)
    chosen = held or max(payments, key=_paid_then_new, default=None)
    return GatewayAnswer(chosen, tuple(payment for payment in payments if payment is not chosen))


def _paid_then_new(payment: Payment) -> tuple[bool, float]:
    """Paid before unpaid, new before old."""
    return (
        payment.status == Status.PAID,
        payment.started_at.timestamp() if payment.started_at else 0.0,
    )
