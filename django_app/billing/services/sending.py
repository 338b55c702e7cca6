"""One cancel sent to the gateway, and what its answer proves: for cancels of ours and for returns
of wrong money. No row changes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.db.models import F
from django.utils import timezone

from billing.conf import conf
from billing.db.routing import primary
from billing.errors import GatewayError, GatewayPaymentNotFound, GatewayRejected, GatewayUnreachable
from billing.gateway.api import READ_SECONDS, Deadline, RefundAccount, gateway
from billing.gateway.payment import Payment
from billing.models import PointCancellation
from billing.note_codes import NO_TROUBLE, ErrorCode, Trouble
from billing.services.locking import durable_transaction

REASON_LENGTH = 256  # characters that the gateway takes
# Of the hold or the claim; later, somebody else may be finishing it already.
SEND_WITHIN = timedelta(minutes=1)
# So long may a call that timed out still be working at the gateway.
UNKNOWN_WAIT = timedelta(minutes=15)
ACCEPTED_WAIT = timedelta(days=7)  # a wrong refund account is dropped silently


SendOutcome = Literal["done", "accepted", "refused", "not_sent", "unknown"]


@dataclass(frozen=True)
class CancelResult:
    """What a sent cancel came to. done: at least as much came back as asked. refused: the gateway
    said no, and asked again it holds less than that as cancelled. payment: the newest answer, where
    there was one.
    """

    outcome: SendOutcome
    payment: Payment | None = None
    trouble: Trouble = NO_TROUBLE


def send(
    cancellation: PointCancellation, account: RefundAccount | None, deadline: Deadline | None
) -> CancelResult:
    """Send it once. deadline: None gives it READ_SECONDS in all. Never raises GatewayError: trouble
    is a result too.
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
        outcome: SendOutcome = "not_sent" if error.surely_not_sent else "unknown"
        return CancelResult(outcome, None, error.trouble)
    except (GatewayRejected, GatewayPaymentNotFound) as error:
        # "No" is also the answer to a cancel that has been done already: only the payment itself
        # tells.
        code, why = error.trouble.code, _without_account(error.trouble.detail, account)
        try:
            payment = gateway().payment(
                cancellation.imp_uid, deadline=deadline or Deadline(conf.BILLING_DOOR_SECONDS)
            )
        except GatewayError:
            return CancelResult("unknown", None, Trouble(ErrorCode.REJECTED_THEN_SILENT, why))
        if payment.cancel_amount < cancellation.base:
            return CancelResult("unknown", None, Trouble(ErrorCode.REJECTED_OLD_ANSWER, why))
        outcome = "done" if payment.cancel_amount >= goal else "refused"
        return CancelResult(outcome, payment, Trouble(code, why))
    except GatewayError as error:
        code, why = error.trouble.code, _without_account(error.trouble.detail, account)
        return CancelResult("unknown", None, Trouble(code, why))
    return CancelResult("done" if payment.cancel_amount >= goal else "accepted", payment)


def _without_account(words: str, account: RefundAccount | None) -> str:
    """The gateway's words, which may quote the refund account: that is kept nowhere."""
    for private in (account.account, account.holder, account.tel) if account else ():
        words = words.replace(private, "…") if private else words
    return words


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


def claim_try(
    cancellation: PointCancellation,
    *,
    state: str,
    payment: Payment | None = None,
    for_staff: bool = False,
) -> bool:
    """Durably note that this caller sends the next try; False where somebody else does, or it
    is closed.

    payment: a return takes amount, base and checksum from this newest answer. for_staff: what
    waits for staff is theirs alone to send.
    """
    now = timezone.now()
    values: dict[str, Any] = {"tries": F("tries") + 1, "sent_at": now, "state": state}
    if payment is not None:
        values.update(amount=payment.left, base=payment.cancel_amount, checksum=payment.left)
    with durable_transaction():
        rows = primary(PointCancellation).filter(
            pk=cancellation.pk, state__in=("requested", "unknown"), tries=cancellation.tries
        )
        if not rows.filter(needs_staff=for_staff).update(**values, needs_staff=False):
            return False
    cancellation.tries, cancellation.sent_at, cancellation.state = (
        cancellation.tries + 1,
        now,
        state,
    )
    if payment is not None:
        cancellation.amount, cancellation.base, cancellation.checksum = (
            payment.left,
            payment.cancel_amount,
            payment.left,
        )
    return True


def time_since_sent(cancellation: PointCancellation) -> timedelta | None:
    """How long ago it was last sent; None: never. Read before the gateway is asked: what the answer
    says may be older than its arrival.
    """
    return timezone.now() - cancellation.sent_at if cancellation.sent_at else None


def is_given_to_staff(cancellation: PointCancellation, age: timedelta) -> bool:
    """Whether the gateway does not know the payment, or contradicts itself, for so long that staff
    get it: asking again will not help for ever.
    """
    return age >= UNKNOWN_WAIT and not cancellation.needs_staff
