"""Mismatch refunds: wrong money on its way back. One never touches row, credit or points; `apply`
writes it, and it is sent after commit.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import signals
from billing.conf import conf
from billing.db.routing import primary, write_alias
from billing.errors import GatewayError, GatewayPaymentNotFound, InvalidGatewayResponse
from billing.gateway.api import Deadline, RefundAccount, gateway
from billing.gateway.payment import Payment
from billing.models import PointCancellation, PointTransaction
from billing.note_codes import Note, NoteCode, Why
from billing.services.locking import durable_transaction
from billing.services.notes import hand_to_staff
from billing.services.sending import (
    ACCEPTED_WAIT,
    UNKNOWN_WAIT,
    CancelResult,
    claim_try,
    in_time,
    is_given_to_staff,
    mark,
    send,
    time_since_sent,
)
from billing.states import Review

logger = logging.getLogger(__name__)

MOST_TRIES = 5  # refusals of a return after which staff look
# After a try that was refused or not sent; then 8, 32 and 128 minutes.
FIRST_WAIT = timedelta(minutes=2)
SEND_NEEDS = 3  # seconds that a web request must have left to send one itself; else reconcile does


def write_mismatch_refund(
    txn: PointTransaction, payment: Payment, code: Review
) -> tuple[PointCancellation, list[Note]]:
    """Under the row's lock: the refund, and what staff read about it."""
    notes = [
        Note(
            code,
            {
                "imp_uid": payment.imp_uid,
                "paid": f"{payment.amount.normalize():f}",
                "currency": payment.currency,
                "test": payment.test_channel,
                "asked": txn.amount,
            },
        )
    ]
    why = _why_by_staff(payment)
    if why:
        notes.append(Note(NoteCode.REFUND_BY_STAFF, {"imp_uid": payment.imp_uid, "why": why}))
    back = txn.cancellations.create(
        kind=PointCancellation.Kind.MISMATCH_REFUND,
        imp_uid=payment.imp_uid,
        amount=payment.left,
        currency=payment.currency,
        base=payment.cancel_amount,
        checksum=payment.left,
        reason=f"wrong money: {code.value}",
        reason_code=code,
        needs_staff=bool(why),
    )
    return back, notes


def send_mismatch_refund(
    back: PointCancellation, *, deadline: Deadline | None = None
) -> PointCancellation:
    """The verb `PointTransaction.objects.send_mismatch_refund`; what it promises is said there."""
    _send_once(back, deadline)
    back.refresh_from_db(using=write_alias(PointTransaction))
    return back


def send_mismatch_refund_now(back: PointCancellation, deadline: Deadline | None) -> None:
    """As send_mismatch_refund, for a door that must answer in time: what it cannot do is left
    to reconcile, and nothing is raised.
    """
    try:
        if deadline is None or deadline.left() >= SEND_NEEDS:
            _send_once(back, deadline)
    except GatewayError:
        return  # the time is over
    except Exception:  # the row is committed and waits
        logger.exception("the return of %s could not be sent", back.imp_uid)


def finish_mismatch_refund(back: PointCancellation, deadline: Deadline | None) -> PointCancellation:
    """See how an open return stands, and take the next step if its time has come. Raises
    GatewayError where the gateway is silent.
    """
    age = time_since_sent(back)  # before the question
    wait = (
        UNKNOWN_WAIT
        if back.state == back.State.UNKNOWN
        else FIRST_WAIT * 4 ** min(max(back.tries - 1, 0), 3)
    )
    if back.state != back.State.ACCEPTED and age is not None and age < wait:
        return back
    try:
        payment = gateway().payment(back.imp_uid, deadline=deadline)
    except (InvalidGatewayResponse, GatewayPaymentNotFound) as error:
        if is_given_to_staff(back, age or timezone.now() - back.created_at):
            _give_to_staff(back, Why.GATEWAY_TROUBLE, **vars(error.trouble))
        raise
    if payment.left <= 0:
        close_mismatch_refund(back, CancelResult("done", payment))
    elif back.needs_staff:
        pass  # only the end of it is news
    elif back.state == back.State.ACCEPTED:
        if timezone.now() - (back.waiting_since or back.created_at) > ACCEPTED_WAIT:
            _give_to_staff(back, Why.ACCEPTED_TOO_LONG)
    elif back.tries >= MOST_TRIES:
        _give_to_staff(back, Why.TRIED, tries=back.tries)
    elif back.state == back.State.UNKNOWN and not payment.cancels_at_once:
        _give_to_staff(back, Why.MAYBE_REGISTERED)
    elif why := _why_by_staff(payment):
        _give_to_staff(back, why)
    elif claim_try(back, state=back.State.UNKNOWN, payment=payment):
        send_claimed(back, None, deadline)
    back.refresh_from_db(using=write_alias(PointTransaction))
    return back


def send_claimed(
    back: PointCancellation, account: RefundAccount | None, deadline: Deadline | None
) -> None:
    if in_time(back):
        close_mismatch_refund(back, send(back, account, deadline))


def close_mismatch_refund(back: PointCancellation, result: CancelResult) -> None:
    """Write what a try, or a look, came to. Only the return's own row changes; an old try never
    undoes a newer one's state.
    """
    now = timezone.now()
    mine = primary(PointCancellation).filter(pk=back.pk, state__in=back.OPEN)
    values: dict[str, Any] = {**result.trouble.columns()}
    payment = result.payment
    if payment is not None and payment.left <= 0:
        values.update(
            state=back.State.DONE,
            closed_at=now,
            needs_staff=False,
            gateway_id=payment.cancellation_id(mark(back)),
        )
        with durable_transaction():
            if mine.update(**values):
                _announce_sent_back(back)
        return
    refused_too_often, later_try = False, back.tries > 1
    mine = mine.filter(tries=back.tries)
    if result.outcome in ("accepted", "done"):  # done: our part is, and more has come since
        mine.filter(state__in=("requested", "unknown")).update(
            **values, state=back.State.ACCEPTED, waiting_since=now
        )
    elif result.outcome == "unknown" or (
        later_try and (payment is None or not payment.cancels_at_once)
    ):
        # On a later try "not sent" proves nothing about the first; where cancels are done
        # later, nor does a refusal.
        mine.filter(state=back.State.UNKNOWN).update(**values)
    elif payment is not None:  # refused, and something is left
        values.update(amount=payment.left, base=payment.cancel_amount, checksum=payment.left)
        if mine.update(**values, state=back.State.REQUESTED):
            last = 1 if payment.test_channel else MOST_TRIES
            refused_too_often = back.tries >= last
    else:  # surely not sent
        mine.update(**values, state=back.State.REQUESTED)
    if refused_too_often:
        _give_to_staff(back, Why.REJECTED, tries=back.tries, detail=result.trouble.detail[:300])


def _send_once(back: PointCancellation, deadline: Deadline | None) -> None:
    if claim_try(back, state=back.State.UNKNOWN):
        send_claimed(back, None, deadline)


def _give_to_staff(back: PointCancellation, why: Why, **params: Any) -> None:
    hand_to_staff(back, Note(Review.RETURN_STUCK, {"imp_uid": back.imp_uid, "why": why, **params}))


def _announce_sent_back(back: PointCancellation) -> None:
    """After commit, with the row and its member loaded once somebody listens."""

    def tell(imp_uid: str, amount: Decimal, currency: str) -> None:
        if signals.mismatch_refunded.has_listeners(PointTransaction):
            txn = primary(PointTransaction).select_related("owner").get(pk=back.txn_id)
            signals.mismatch_refunded.send_robust(
                sender=type(txn), txn=txn, imp_uid=imp_uid, amount=amount, currency=currency
            )

    transaction.on_commit(
        partial(tell, back.imp_uid, back.amount, back.currency),
        using=write_alias(PointTransaction),
        robust=True,
    )


def _why_by_staff(payment: Payment) -> Why | None:
    """Why a mismatch refund is not sent by itself; None where it is."""
    if not conf.BILLING_RETURN_WRONG_MONEY:
        return Why.SETTING
    if payment.currency != "KRW" or payment.left % 1:
        return Why.NOT_WHOLE_WON
    if payment.needs_account:
        return Why.ACCOUNT_NEEDED
    return None
