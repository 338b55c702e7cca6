"""What can go wrong, and who can do something about it.

    BillingError
    ├── GatewayError                the gateway's part; `gateway_message` quotes what it said
    │   ├── GatewayUnreachable      no usable answer: network, time limit, 5xx. What happened
    │   │                           there is unknown; ask again
    │   ├── GatewayRejected         it answered "no": code ≠ 0, or 401 even with a fresh token
    │   ├── InvalidGatewayResponse  it answered what cannot be a V1 answer, or contradicts itself
    │   │   └── ResponseTooLarge    more than is read of one answer: ask for less at a time
    │   └── GatewayPaymentNotFound  its 404
    ├── UnmatchedPaymentError       a payment whose merchant_uid no row of ours has: reported,
    │                               never touched
    ├── InvalidId                   cannot be an imp_uid or merchant_uid; nothing was asked
    ├── InsufficientPoints          the balance does not cover it; nothing was changed
    ├── IdempotencyConflict         the key belongs to another spend, give-back or adjustment
    ├── NoSuchSpend                 nothing was spent under this key
    ├── CannotCancel                a cancel that must not begin, and why; nothing was changed
    ├── NotAllowed                  a decision of staff that does not fit how things stand;
    │                               nothing was changed
    └── LedgerIsAppendOnly          somebody tried to change or delete an entry
    NetworkInTransaction            a RuntimeError, since the program is wrong: a gateway call
                                    inside a database transaction

Texts never hold keys or tokens. They are for developers and logs; what people read is written by
the views.
"""

from __future__ import annotations

from typing import ClassVar

from billing.note_codes import ErrorCode, Trouble


class BillingError(Exception):
    """Root of all errors of this app."""


class GatewayError(BillingError):
    """Trouble with the gateway.

    code: the gateway's own `code`, None where it gave none. gateway_message: its `message`, for
    people, unchanged. http: the answer's status, None where there was no answer.
    """

    error_code: ClassVar[ErrorCode]
    http: int | None = None

    def __init__(self, message: str, *, code: int | None = None, gateway_message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.gateway_message = gateway_message

    @property
    def trouble(self) -> Trouble:
        """As rows keep it: the kind of trouble, and the gateway's words where it said something."""
        return Trouble(self.error_code, self.gateway_message or str(self))


class GatewayUnreachable(GatewayError):
    """No usable answer came.

    surely_not_sent: True only where the request cannot have reached the gateway (no address,
    connection refused, no connection in time). kind: of the silence, such as "ReadTimeout".
    """

    error_code = ErrorCode.GATEWAY_UNREACHABLE

    def __init__(
        self,
        message: str,
        *,
        surely_not_sent: bool = False,
        kind: str = "",
        code: int | None = None,
        gateway_message: str = "",
    ) -> None:
        super().__init__(message, code=code, gateway_message=gateway_message)
        self.surely_not_sent = surely_not_sent
        self.kind = kind

    @property
    def trouble(self) -> Trouble:
        """Without the gateway's words: the HTTP status, or the kind of silence."""
        return Trouble(self.error_code, f"HTTP {self.http}" if self.http else self.kind)


class GatewayRejected(GatewayError):
    """The gateway understood and said no."""

    error_code = ErrorCode.GATEWAY_REJECTED


class InvalidGatewayResponse(GatewayError):
    """The answer cannot be understood, or contradicts what we know for certain.

    ids: imp_uid and merchant_uid that stand in an answer which is no JSON, "" where that cannot be
    told. They name it; never believe them.
    """

    error_code = ErrorCode.INVALID_GATEWAY_RESPONSE

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        gateway_message: str = "",
        ids: tuple[str, str] = ("", ""),
    ) -> None:
        super().__init__(message, code=code, gateway_message=gateway_message)
        self.ids = ids


class ResponseTooLarge(InvalidGatewayResponse):
    """More than is read of one answer. Asked for fewer things at a time, it may be read."""


class GatewayPaymentNotFound(GatewayError):
    """The gateway does not know what we asked for."""

    error_code = ErrorCode.PAYMENT_NOT_FOUND


class UnmatchedPaymentError(BillingError):
    """The gateway's payment belongs to none of our rows (shops may share a merchant account)."""


class InvalidId(BillingError, ValueError):
    """Not the form of an id; refused before it goes anywhere."""


class InsufficientPoints(BillingError):
    """The balance does not cover it. missing: how many points more it would take."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing} points are missing")
        self.missing = missing


class IdempotencyConflict(BillingError):
    """A key names one spend, give-back or adjustment of one member for ever."""


class NoSuchSpend(BillingError):
    """Nothing was spent under this key."""


class CannotCancel(BillingError):
    """A cancel that must not begin. code: not_paid, cancel_open, nothing_left, amount, changed,
    points_missing or account_needed.

    missing: points, for points_missing.
    """

    def __init__(self, code: str, message: str, *, missing: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.missing = missing


class NotAllowed(BillingError):
    """A decision of staff that does not fit how things stand. code: closed, not_waiting, accepted,
    part_cancelled, account_needed, somebody_else, never_sent, no_account_waits, row_exists,
    reason_needed, nothing_to_review, no_money_left, not_whole_won, test_channel, card_registration
    or no_address.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class LedgerIsAppendOnly(BillingError):
    """Entries are written once. Correct a mistake with a new entry."""


class NetworkInTransaction(RuntimeError):
    """A gateway call while a database transaction is open would hold locks for seconds and could be
    rolled back after it happened.
    """
