"""The gateway's payment, parsed from its JSON into a frozen dataclass. `api.py` fetches, this file
understands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeGuard

from billing.errors import InvalidGatewayResponse, InvalidId
from billing.gateway import wire
from billing.states import Status

MAX_AMOUNT = Decimal(10) ** 12
AT_ONCE = frozenset({"card", "trans", "phone"})
MAX_TIME = 10**10  # unix seconds; year 2286
_DIGITS = re.compile(r"[0-9]{1,16}(\.[0-9]{1,4})?")
_IMP_UID = re.compile(r"[A-Za-z0-9_]{1,32}")
MERCHANT_UID_LENGTH = 40
MERCHANT_UID = r"[A-Za-z0-9_-]{1,40}"


def is_imp_uid(value: object) -> bool:
    """Whether it has the form of an imp_uid: usually imp_ and 12 digits, at most 32 characters."""
    return isinstance(value, str) and _IMP_UID.fullmatch(value) is not None


def check_imp_uid(value: object) -> str:
    """`value` if it `is_imp_uid`, else InvalidId."""
    if isinstance(value, str) and is_imp_uid(value):
        return value
    raise InvalidId("not an imp_uid")


def check_merchant_uid(value: object) -> str:
    """`value` if it can stand in a path as a merchant_uid, else InvalidId. The vendor's client does
    not escape it.
    """
    if isinstance(value, str) and re.fullmatch(MERCHANT_UID, value):
        return value
    raise InvalidId("not a merchant_uid")


def is_any_merchant_uid(value: object) -> TypeGuard[str]:
    """Whether it is text that a merchant_uid of any shop can be; ours are ASCII
    (`check_merchant_uid`).
    """
    return (
        isinstance(value, str)
        and value != ""
        and value == clean_text(value, 200)
        and not wire.is_broken(value)
    )


@dataclass(frozen=True)
class CancelRecord:
    """One line of a payment's cancel_history."""

    amount: Decimal
    reason: str
    cancellation_id: str


@dataclass(frozen=True)
class Payment:
    """The gateway's payment as we use it. Unknown keys are left out; 0, "" and null of the wire are
    None or "" here.

    amount and cancel_amount are major units of `currency` (won for KRW); `amount` is never reduced
    by cancels. Texts are cut to the length of our columns. test_channel is the wire's `sandbox`:
    play money of the vendor's own test mode. registers_card is the wire's `customer_uid_usage`
    where it is `issue`: a billing key was made, which leaves a row like a payment's.
    """

    imp_uid: str
    merchant_uid: str
    status: str
    amount: Decimal
    cancel_amount: Decimal
    currency: str
    test_channel: bool = False
    registers_card: bool = False
    pay_method: str = ""
    pg_provider: str = ""
    pg_id: str = ""
    pg_tid: str = ""
    apply_num: str = ""
    card_name: str = ""
    bank_name: str = ""
    vbank_code: str = ""
    vbank_name: str = ""
    vbank_num: str = ""
    vbank_holder: str = ""
    vbank_date: datetime | None = None
    vbank_issued_at: datetime | None = None
    started_at: datetime | None = None
    paid_at: datetime | None = None
    failed_at: datetime | None = None
    cancelled_at: datetime | None = None
    fail_reason: str = ""
    cancel_reason: str = ""
    receipt_url: str = ""
    cancel_history: tuple[CancelRecord, ...] = ()

    @property
    def left(self) -> Decimal:
        """What the gateway still holds of it, in major units."""
        return self.amount - self.cancel_amount

    @property
    def is_money(self) -> bool:
        """Whether somebody paid: `paid`, or cancelled with something paid back. Cancelled with
        nothing is a closed account, and a card that was registered is no payment.
        """
        return not self.registers_card and (
            self.status == Status.PAID
            or (self.status == Status.CANCELLED and self.cancel_amount > 0)
        )

    @property
    def cancels_at_once(self) -> bool:
        """Card, transfer and phone are cancelled at once (specification of cancel); all else may be
        accepted now and done later.
        """
        return self.pay_method in AT_ONCE and not self.needs_account

    @property
    def needs_account(self) -> bool:
        """Whether it goes back only to an account that somebody names (specification of cancel;
        smartro_v2 for transfers too).
        """
        return goes_to_an_account(self.pay_method, self.pg_provider)

    def cancellation_id(self, mark: str) -> str:
        """The gateway's id of the cancel whose reason ends with `mark`; "" where none does."""
        return next(
            (
                record.cancellation_id
                for record in self.cancel_history
                if record.reason.endswith(mark)
            ),
            "",
        )

    @classmethod
    def from_json(cls, data: object) -> Payment:
        """Parse one payment object. Raises InvalidGatewayResponse for anything that no V1 payment
        can be.
        """
        if not isinstance(data, dict):
            raise InvalidGatewayResponse("the answer holds no payment")
        # Play money, or a registered card, whose flag was damaged is no real money.
        if (
            any(map(wire.is_broken, data))
            or wire.is_broken(data.get("sandbox"))
            or wire.is_broken(data.get("customer_uid_usage"))
        ):
            raise InvalidGatewayResponse("the payment is damaged")
        amount, cancel_amount = read_amount(data, "amount"), read_amount(data, "cancel_amount")
        if cancel_amount > amount:
            raise InvalidGatewayResponse(
                f"more was cancelled ({cancel_amount}) than paid ({amount})"
            )
        status = data.get("status")
        if status not in Status.values:
            raise InvalidGatewayResponse("the payment has no known status")
        if cancel_amount and status in (Status.READY, Status.FAILED):
            raise InvalidGatewayResponse(
                f"{cancel_amount} was cancelled of a payment that is {status}"
            )
        try:
            imp_uid = check_imp_uid(data.get("imp_uid"))
        except InvalidId:
            raise InvalidGatewayResponse("the payment has no usable imp_uid") from None
        merchant_uid = data.get("merchant_uid")
        if not is_any_merchant_uid(merchant_uid):
            raise InvalidGatewayResponse("the payment has no usable merchant_uid")
        currency = data.get("currency")
        if not isinstance(currency, str) or not re.fullmatch(r"[A-Za-z]{3}", currency):
            raise InvalidGatewayResponse("the payment has no currency")
        facts: dict[str, Any] = {
            name: clean_text(data.get(name), limit) for name, limit in _TEXTS.items()
        }
        facts.update((name, _read_time(data.get(name))) for name in _TIMES)
        return cls(
            imp_uid=imp_uid,
            merchant_uid=merchant_uid,
            status=status,
            amount=amount,
            cancel_amount=cancel_amount,
            currency=currency.upper(),
            # Only what plainly says "no" is real money; a missing key is one of the years before
            # the key existed.
            test_channel=str(data.get("sandbox") or "").lower() not in ("", "false", "0"),
            # Spelled otherwise or a text with spaces, it still says that a key was issued: never
            # money is the safe reading.
            registers_card=clean_text(data.get("customer_uid_usage"), 40).strip().lower()
            == "issue",
            receipt_url=_receipt_link(data.get("receipt_url")),
            cancel_history=_read_cancel_history(data.get("cancel_history")),
            **facts,
        )


_TEXTS = {
    "pay_method": 20, "pg_provider": 40, "pg_id": 80, "pg_tid": 120, "apply_num": 40,
    "card_name": 40, "bank_name": 40,
    "vbank_code": 10, "vbank_name": 40, "vbank_num": 40, "vbank_holder": 60, "fail_reason": 500,
    "cancel_reason": 500,
}  # fmt: skip
_TIMES = ("vbank_date", "vbank_issued_at", "started_at", "paid_at", "failed_at", "cancelled_at")


def read_amount(data: Mapping[str, Any], name: str) -> Decimal:
    """A JSON number, or digits in a text (a vendor's sample shows "0"). Never a float."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise InvalidGatewayResponse(f"the payment has no {name}")
    if isinstance(value, str) and not _DIGITS.fullmatch(
        value
    ):  # Decimal() alone takes "1_000" and full-width digits
        raise InvalidGatewayResponse(f"the payment's {name} is not a number")
    amount = Decimal(value)
    if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT or amount != round(amount, 4):
        raise InvalidGatewayResponse(f"the payment's {name} is out of range")
    return amount


def clean_text(value: object, limit: int) -> str:
    """Text that every database stores: no NUL, no half of a surrogate pair, not longer than its
    column.
    """
    if value is None or isinstance(value, bool | dict | list | wire.UnusableNumber):
        return ""
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:limit]


def goes_to_an_account(pay_method: str, pg_provider: str) -> bool:
    """Whether money paid like this is given back only to a named bank account."""
    return pay_method == "vbank" or (pg_provider == "smartro_v2" and pay_method == "trans")


def _read_time(value: object) -> datetime | None:
    """Unix seconds; 0, "" and null mean "not yet". What is no time is None too: a fact we cannot
    read must not keep money from a member.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 11:
        value = int(value)
    if type(value) is not int or not 0 < value < MAX_TIME:
        return None
    return datetime.fromtimestamp(value, UTC)


def _receipt_link(value: object) -> str:
    """A receipt's address, if it is one that may be linked to."""
    link = clean_text(value, 501)
    return link if link.startswith(("https://", "http://")) and len(link) <= 500 else ""


def _read_cancel_history(value: object) -> tuple[CancelRecord, ...]:
    """What can be read of cancel_history. It only tells whose cancel it was; how much came back is
    `cancel_amount`'s to say.
    """
    records = []
    for item in value if isinstance(value, list) else []:
        try:
            records.append(
                CancelRecord(
                    read_amount(item, "amount"),
                    clean_text(item.get("reason"), 500),
                    clean_text(item.get("cancellation_id"), 40),
                )
            )
        except (InvalidGatewayResponse, AttributeError):
            continue
    return tuple(records)
