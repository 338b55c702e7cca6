"""Words that rows, answers and staff have in common: statuses, reviews, and what a payment may mean
for a row (`services/decide.py` decides it).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Status(TextChoices):
    """The gateway's four statuses, in its spelling."""

    READY = "ready", _("Waiting for payment")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class PayMethod(TextChoices):
    """`pay_method` of the gateway that we know by name."""

    CARD = "card", _("Card")
    TRANS = "trans", _("Account transfer")
    VBANK = "vbank", _("Virtual account")
    PHONE = "phone", _("Phone bill")
    KAKAOPAY = "kakaopay", _("Kakao Pay")
    NAVERPAY = "naverpay", _("Naver Pay")
    TOSSPAY = "tosspay", _("Toss Pay")
    PAYCO = "payco", _("PAYCO")


class Review(TextChoices):
    """Why staff should look at a row."""

    WRONG_AMOUNT = "wrong_amount", _("A different amount was paid")
    WRONG_CURRENCY = "wrong_currency", _("Paid in another currency")
    TEST_CHANNEL = "test_channel", _("Paid through a test channel: no real money")
    SECOND_PAYMENT = "second_payment", _("Paid a second time")
    MONEY_AFTER_CANCEL = "money_after_cancel", _("Paid again after the payment was cancelled")
    CLOSED_ACCOUNT = "closed_account", _("Shown as cancelled although nothing was paid back")
    NEGATIVE_BALANCE = (
        "negative_balance",
        _("Points already spent were cancelled: the balance is below zero"),
    )
    CARD_REGISTRATION = "card_registration", _("A card was registered instead of a payment")
    CANCEL_UNCLEAR = "cancel_unclear", _("Nobody but staff can tell how a cancel ended")
    MEMBER_LEFT = "member_left", _("Paid by a member who has left: nobody can spend the points")
    RETURN_STUCK = "return_stuck", _("Wrong money could not be sent back by itself")


class RefundChoice(TextChoices):
    """What staff may decide about a cancel or mismatch refund that nothing else can finish."""

    SEND_AGAIN = "send_again", _("Send it again: the gateway's console shows nothing registered")
    WAIT = "wait", _("Wait: it is registered at the gateway")
    GIVE_UP = "give_up", _("Give up: the cancel's points go back to the member")


@dataclass(frozen=True)
class Credit:
    """Right money for a row that has none: credit amount − cancel_amount, take all facts of this
    payment.
    """

    status: Status
    cancel_amount: int  # won


@dataclass(frozen=True)
class UpdateFacts:
    """News about the payment the row already shows, or (whole) another attempt takes its place.
    Never credits an unbound row.
    """

    status: Status
    cancel_amount: int  # won
    whole: bool = False  # True: this payment's facts replace the old ones, empty ones too
    review: Review | None = None


@dataclass(frozen=True)
class RefundMismatch:
    """Wrong money: never credited; `amount` is to be sent back. The row does not move."""

    review: Review
    amount: Decimal  # what is left of it at the gateway, in the payment's currency


@dataclass(frozen=True)
class NoChange:
    """Nothing new, or nothing that may change the row."""

    review: Review | None = None


Decision = Credit | UpdateFacts | RefundMismatch | NoChange
