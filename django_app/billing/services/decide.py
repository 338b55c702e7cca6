"""What a payment of the gateway means for a row of ours: `decide`, a pure function. No query, no
clock, no setting.

Words: an imp_uid is *matched* when the row holds its money (`credited_at` is set then). C is what
the gateway says has been cancelled of a payment, left = amount − C.

- *Money* is status paid, or cancelled with 0 < C ≤ amount: a partial cancel shows as `cancelled`
  too, with `amount` unchanged.
  `cancelled` with C = 0 is a closed virtual account: nobody paid. A payment that registers a card
  (`customer_uid_usage` is `issue`) is never money, whatever its status says: processors differ in
  whether they charge for it.
- *Right* money has the row's amount, is whole won, and comes from no test channel (unless those are
  accepted).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from billing.errors import InvalidGatewayResponse
from billing.states import Credit, Decision, NoChange, RefundMismatch, Review, Status, UpdateFacts


class TransactionFacts(Protocol):
    """What decide() reads of a transaction, as it stands under the lock."""

    imp_uid: str | None
    amount: int
    status: str
    cancel_amount: int
    credited_at: datetime | None
    started_at: datetime | None


class PaymentFacts(Protocol):
    """What decide() reads of the gateway's payment."""

    @property
    def imp_uid(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def cancel_amount(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...
    @property
    def test_channel(self) -> bool: ...
    @property
    def registers_card(self) -> bool: ...
    @property
    def started_at(self) -> datetime | None: ...


# Of one and the same imp_uid: a late answer never pulls an unbound row down again.
_RANK = {Status.READY: 0, Status.FAILED: 1, Status.CANCELLED: 2}


def decide(row: TransactionFacts, payment: PaymentFacts, *, accept_test_channel: bool) -> Decision:
    """What `payment` means for `row`.

    accept_test_channel: whether payments of the vendor's test channel count as money. Raises
    InvalidGatewayResponse where the payment contradicts the money that this row already holds.
    Calling it twice with the same row gives the same answer; after the first was applied, the
    second is NoChange (or the same RefundMismatch).
    """
    status = Status(payment.status)
    left = payment.amount - payment.cancel_amount
    is_money = status == Status.PAID or (status == Status.CANCELLED and payment.cancel_amount > 0)
    if row.credited_at is not None:
        if payment.imp_uid == row.imp_uid:
            return _matched(row, payment, status)
        if payment.registers_card:
            return _registration(is_money)
        if is_money and left > 0:
            fully_cancelled = row.cancel_amount == row.amount
            return RefundMismatch(
                Review.MONEY_AFTER_CANCEL if fully_cancelled else Review.SECOND_PAYMENT, left
            )
        return NoChange()
    if payment.registers_card:
        return _registration(is_money)
    wrong = _wrong(row, payment, accept_test_channel)
    if is_money:
        if wrong is None:
            cancelled = int(payment.cancel_amount)
            # Also with nothing left: otherwise a `paid` answer that was asked for earlier and
            # arrives later would credit cancelled money.
            return Credit(_matched_status(cancelled), cancelled)
        return RefundMismatch(wrong, left) if left > 0 else NoChange()
    return _unpaid(row, payment, status, wrong)


def _registration(looks_paid: bool) -> NoChange:
    """Never credited and never sent back: nobody here knows whether money moved at all. Staff look
    where the gateway calls it paid.
    """
    return NoChange(Review.CARD_REGISTRATION) if looks_paid else NoChange()


def _matched_status(cancelled: int) -> Status:
    return Status.CANCELLED if cancelled else Status.PAID


def _matched(row: TransactionFacts, payment: PaymentFacts, status: Status) -> Decision:
    """News of the very payment whose money the row holds: only a growing cancel_amount is news."""
    if status in (Status.READY, Status.FAILED):
        return NoChange()
    if payment.amount != row.amount or payment.currency != "KRW" or payment.cancel_amount % 1:
        raise InvalidGatewayResponse(
            f"{payment.imp_uid} is {payment.amount} {payment.currency} now, and was "
            f"{row.amount} KRW when it was credited"
        )
    if status == Status.CANCELLED and payment.cancel_amount == 0:
        return NoChange(Review.CLOSED_ACCOUNT)
    cancelled = max(row.cancel_amount, int(payment.cancel_amount))
    if cancelled == row.cancel_amount:
        return NoChange()
    return UpdateFacts(_matched_status(cancelled), cancelled)


def _wrong(
    row: TransactionFacts, payment: PaymentFacts, accept_test_channel: bool
) -> Review | None:
    """Why this payment's money is not the row's, None if it is."""
    if payment.currency != "KRW":
        return Review.WRONG_CURRENCY
    if payment.amount != row.amount or payment.cancel_amount % 1:
        return Review.WRONG_AMOUNT
    if payment.test_channel and not accept_test_channel:
        return Review.TEST_CHANNEL
    return None


def _unpaid(
    row: TransactionFacts, payment: PaymentFacts, status: Status, wrong: Review | None
) -> Decision:
    """A row without money, a payment without money: show the newest attempt."""
    if wrong in (Review.WRONG_AMOUNT, Review.WRONG_CURRENCY):
        return NoChange()
    flag = Review.CLOSED_ACCOUNT if status == Status.CANCELLED else None
    if row.imp_uid == payment.imp_uid:
        return (
            UpdateFacts(status, 0, review=flag)
            if _RANK[status] >= _RANK[Status(row.status)]
            else NoChange()
        )
    if row.imp_uid is None or _started_later(payment, row):
        return UpdateFacts(status, 0, whole=True, review=flag)
    return NoChange()


def _started_later(payment: PaymentFacts, row: TransactionFacts) -> bool:
    """A payment that does not say when it began cannot claim to be later."""
    return payment.started_at is not None and (
        row.started_at is None or payment.started_at > row.started_at
    )
