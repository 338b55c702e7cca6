"""One cancel sent to the gateway, and what its answer proves: for cancels of ours and for returns
of wrong money. No row changes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.utils import timezone

from billing.errors import GatewayError, GatewayPaymentNotFound, GatewayRejected, GatewayUnreachable
from billing.gateway.api import READ_SECONDS, Deadline, RefundAccount, gateway
from billing.gateway.payment import Payment

if TYPE_CHECKING:
    from billing.models import PointCancellation

REASON_LENGTH = 256  # characters that the gateway takes
# Of the hold or the claim; later, somebody else may be finishing it already.
SEND_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class CancelResult:
    """What a sent cancel came to. done: at least as much came back as asked. refused: the gateway
    said no, and asked again it holds less than that as cancelled. payment: the newest answer, where
    there was one.
    """

    outcome: Literal["done", "accepted", "refused", "not_sent", "unknown"]
    payment: Payment | None = None
    error: str = ""


def send(
    cancellation: PointCancellation, account: RefundAccount | None, deadline: Deadline | None
) -> CancelResult:
    """Send it once. deadline: None gives it READ_SECONDS in all. Never raises GatewayError: trouble
    is a verdict too.
    """
    goal = cancellation.base + cancellation.amount
    try:
        payment = gateway().cancel_payment(
            cancellation.imp_uid,
            amount=cancellation.amount,
            checksum=cancellation.checksum,
            reason=reason_with_mark(cancellation),
            account=account,
            deadline=deadline or Deadline(READ_SECONDS),
        )
    except GatewayUnreachable as error:
        return CancelResult("not_sent" if error.surely_not_sent else "unknown", error=str(error))
    except (GatewayRejected, GatewayPaymentNotFound) as error:
        # "No" is also the answer to a cancel that has been done already: only the payment itself
        # tells.
        why = error.gateway_message or str(error)
        for private in (account.account, account.holder, account.tel) if account else ():
            why = why.replace(private, "…") if private else why
        try:
            payment = gateway().payment(
                cancellation.imp_uid, deadline=deadline or Deadline(settings.BILLING_DOOR_SECONDS)
            )
        except GatewayError as silence:
            return CancelResult("unknown", error=f"{why} ({silence})")
        if payment.cancel_amount < cancellation.base:
            return CancelResult("unknown", error=f"{why} (and the payment as it was before)")
        return CancelResult("done" if payment.cancel_amount >= goal else "refused", payment, why)
    except GatewayError as error:
        return CancelResult("unknown", error=str(error))
    return CancelResult("done" if payment.cancel_amount >= goal else "accepted", payment)


def in_time(cancellation: PointCancellation) -> bool:
    """Whether this caller may still send the try that it wrote. By `sent_at` as it wrote it, which
    a machine that slept cannot miss.
    """
    return cancellation.sent_at is not None and timezone.now() - cancellation.sent_at <= SEND_WITHIN


def mark(cancellation: PointCancellation) -> str:
    """What tells our cancel apart in the gateway's cancel_history."""
    return f" #{cancellation.pk}"


def reason_with_mark(cancellation: PointCancellation) -> str:
    ours = mark(cancellation)
    return cancellation.reason[: REASON_LENGTH - len(ours)] + ours
