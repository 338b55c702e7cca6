"""Returns: wrong money on its way back. A return never touches row, credit or points; `apply`
writes it, and it is sent after commit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing import signals
from billing.errors import GatewayError, GatewayPaymentNotFound, InvalidGatewayResponse
from billing.gateway.api import Deadline, RefundAccount, gateway
from billing.gateway.payment import Payment
from billing.managers.rows import RowManager
from billing.managers.sending import CancelResult, in_time, mark, send
from billing.states import Review

if TYPE_CHECKING:
    from billing.models import PointCancellation, PointTransaction

logger = logging.getLogger(__name__)

MOST_TRIES = 5  # refusals of a return after which staff look
# After a try that was refused or not sent; then 8, 32 and 128 minutes.
FIRST_WAIT = timedelta(minutes=2)
# So long may a call that timed out still be working at the gateway.
UNKNOWN_WAIT = timedelta(minutes=15)
ACCEPTED_WAIT = timedelta(days=7)  # a wrong refund account is dropped silently
SEND_NEEDS = 3  # seconds that a web request must have left to send one itself; else reconcile does


class MismatchRefundManager(RowManager):
    """Sending wrong money back."""

    def _write_mismatch_refund(
        self, txn: PointTransaction, payment: Payment, code: Review
    ) -> tuple[PointCancellation, list[tuple[Review | None, str]]]:
        """Under the row's lock: the return, and what staff read about it."""
        paid = f"{payment.amount.normalize():f} {payment.currency}"
        test = " through a test channel" if payment.test_channel else ""
        found: list[tuple[Review | None, str]] = [
            (code, f"{payment.imp_uid} paid {paid}{test}; the row asks for {txn.amount} KRW once")
        ]
        by_staff = _needs_staff(payment)
        if by_staff:
            found.append((None, f"{payment.imp_uid}: {by_staff}, so staff send it back"))
        back = txn.cancellations.create(
            kind="return",
            imp_uid=payment.imp_uid,
            amount=payment.left,
            currency=payment.currency,
            base=payment.cancel_amount,
            checksum=payment.left,
            reason=f"wrong money: {code.value}",
            needs_staff=bool(by_staff),
        )
        return back, found

    def send_mismatch_refund(
        self, back: PointCancellation, *, deadline: Deadline | None = None
    ) -> PointCancellation:
        """Send a return whose state is requested, once. Returns it as it stands then; trouble is
        kept on it and never raised.

        Each try is claimed first, so that of several callers one sends. Refused, or surely not
        sent: requested again, with the newest amount; after MOST_TRIES (a test channel's after one)
        staff look.
        """
        self._send_once(back, deadline)
        back.refresh_from_db(using=self.db)
        return back

    def _send_once(self, back: PointCancellation, deadline: Deadline | None) -> None:
        if self._claim(back, state=back.State.UNKNOWN):
            self._send_claimed(back, None, deadline)

    def _send_claimed(
        self, back: PointCancellation, account: RefundAccount | None, deadline: Deadline | None
    ) -> None:
        if in_time(back):
            self._close_mismatch_refund(back, send(back, account, deadline))

    def send_mismatch_refund_now(self, back: PointCancellation, deadline: Deadline | None) -> None:
        """As send_mismatch_refund, for a door that must answer in time: what it cannot do is left
        to reconcile, and nothing is raised.
        """
        try:
            if deadline is None or deadline.left() >= SEND_NEEDS:
                self._send_once(back, deadline)
        except GatewayError:
            return  # the time is over
        except Exception:  # the row is committed and waits
            logger.exception("the return of %s could not be sent", back.imp_uid)

    def _finish_mismatch_refund(
        self, back: PointCancellation, deadline: Deadline | None
    ) -> PointCancellation:
        """See how an open return stands, and take the next step if its time has come. Raises
        GatewayError where the gateway is silent.
        """
        age = _age(back)  # before the question
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
            self._cannot_tell(
                back,
                age or timezone.now() - back.created_at,
                partial(self._stuck, back, str(error)),
            )
            raise
        if payment.left <= 0:
            self._close_mismatch_refund(back, CancelResult("done", payment))
        elif back.needs_staff:
            pass  # only the end of it is news
        elif back.state == back.State.ACCEPTED:
            if timezone.now() - (back.waiting_since or back.created_at) > ACCEPTED_WAIT:
                self._stuck(back, "accepted more than 7 days ago, and not done")
        elif back.tries >= MOST_TRIES:
            self._stuck(back, f"tried {back.tries} times")
        elif back.state == back.State.UNKNOWN and not payment.cancels_at_once:
            self._stuck(back, "sent, and nobody knows whether it was registered")
        elif by_staff := _needs_staff(payment):
            self._stuck(back, by_staff)
        elif self._claim(back, state=back.State.UNKNOWN, payment=payment):
            self._send_claimed(back, None, deadline)
        back.refresh_from_db(using=self.db)
        return back

    def _claim(
        self,
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
        with transaction.atomic(using=self.db, durable=True):
            rows = self._cancellations().filter(
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

    def _close_mismatch_refund(self, back: PointCancellation, verdict: CancelResult) -> None:
        """Write what a try, or a look, came to. Only the return's own row changes; an old try never
        undoes a newer one's state.
        """
        now = timezone.now()
        mine = self._cancellations().filter(pk=back.pk, state__in=back.OPEN)
        values: dict[str, Any] = {"error": verdict.error[:500]}
        payment = verdict.payment
        if payment is not None and payment.left <= 0:
            values.update(
                state=back.State.DONE,
                closed_at=now,
                needs_staff=False,
                gateway_id=payment.cancellation_id(mark(back)),
            )
            with transaction.atomic(using=self.db, durable=True):
                if mine.update(**values):
                    self._tell_mismatch_refunded(back)
            return
        stuck, later_try = "", back.tries > 1
        mine = mine.filter(tries=back.tries)
        if verdict.outcome in ("accepted", "done"):  # done: our part is, and more has come since
            mine.filter(state__in=("requested", "unknown")).update(
                **values, state=back.State.ACCEPTED, waiting_since=now
            )
        elif verdict.outcome == "unknown" or (
            later_try and (payment is None or not payment.cancels_at_once)
        ):
            # On a later try "not sent" proves nothing about the first; where cancels are done
            # later, nor does a refusal.
            mine.filter(state=back.State.UNKNOWN).update(**values)
        elif payment is not None:  # refused, and something is left
            values.update(amount=payment.left, base=payment.cancel_amount, checksum=payment.left)
            if mine.update(**values, state=back.State.REQUESTED):
                last = 1 if payment.test_channel else MOST_TRIES
                stuck = f"refused {back.tries} times: {verdict.error}" if back.tries >= last else ""
        else:  # surely not sent
            mine.update(**values, state=back.State.REQUESTED)
        if stuck:
            self._stuck(back, stuck)

    def _cannot_tell(
        self, cancellation: PointCancellation, age: timedelta, hand_over: Callable[[], None]
    ) -> None:
        """The gateway does not know the payment, or contradicts itself: asking again will not help
        for ever, so that staff get it.
        """
        if age >= UNKNOWN_WAIT and not cancellation.needs_staff:
            hand_over()

    def _stuck(self, back: PointCancellation, why: str) -> None:
        self._hand_to_staff(
            back, Review.RETURN_STUCK, f"{back.imp_uid}: sending the wrong money back: {why}"[:500]
        )

    def _tell_mismatch_refunded(self, back: PointCancellation) -> None:
        """After commit, with the row and its member loaded once somebody listens."""

        def tell(imp_uid: str, amount: Decimal, currency: str) -> None:
            if signals.mismatch_refunded.has_listeners(self.model):
                txn = self.using(self.db).select_related("owner").get(pk=back.txn_id)
                signals.mismatch_refunded.send_robust(
                    sender=type(txn), txn=txn, imp_uid=imp_uid, amount=amount, currency=currency
                )

        transaction.on_commit(
            partial(tell, back.imp_uid, back.amount, back.currency), using=self.db, robust=True
        )


def _needs_staff(payment: Payment) -> str:
    """Why a return is not sent by itself; "" where it is."""
    if not settings.BILLING_RETURN_WRONG_MONEY:
        return "returns are left to staff here"
    if payment.currency != "KRW" or payment.left % 1:
        return "it is not whole won"
    if payment.needs_account:
        return "a refund account is needed"
    return ""


def _age(cancellation: PointCancellation) -> timedelta | None:
    """How long ago it was last sent; None: never. Read before the gateway is asked: what the answer
    says may be older than its arrival.
    """
    return timezone.now() - cancellation.sent_at if cancellation.sent_at else None
