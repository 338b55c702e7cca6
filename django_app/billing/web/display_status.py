"""Where a payment stands, in the words that the payer reads. One place, so that page, script and
status never disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import PointCancellation, PointTransaction
from billing.states import Review, Status
from billing.support.dates import short_date

# A window is closed by then: an attempt of which nothing was heard is not "being checked" any more.
UNFINISHED_AFTER = timedelta(minutes=30)

# How processors say that the payer closed their window; display only, and what is not recognised is
# simply "not approved".
_ABANDONED = re.compile(
    r"결제\s*포기|(사용자|고객|구매자)[가-힣]*\s*(결제를\s*)?(취소|중단|중지)|PAY_PROCESS_CANCELED",
    re.IGNORECASE,
)


class DisplayStatus(TextChoices):
    """Where a payment stands, for the payer. The words of a page follow from it; they are not these
    labels.
    """

    PAID = "paid"
    WAITING = "waiting"  # for a deposit
    EXPIRED = "expired"  # the account's time is over
    FAILED = "failed"
    CHECKING = "checking"
    UNFINISHED = "unfinished"  # nothing was ever heard of it
    RETURNING = "returning"  # wrong money goes back
    RETURNED = "returned"
    CANCELLING = "cancelling"  # a refund of ours is open
    PART_CANCELLED = "part_cancelled"
    CANCELLED = "cancelled"
    CLOSED = "closed"  # no money ever came


ASKS_ON = frozenset(
    {
        DisplayStatus.CHECKING,
        DisplayStatus.UNFINISHED,
        DisplayStatus.WAITING,
        DisplayStatus.EXPIRED,
        DisplayStatus.RETURNING,
        DisplayStatus.CANCELLING,
    }
)


@dataclass(frozen=True)
class Display:
    """A payment as the payer sees it.

    title and message: a heading, and what it means for the payer's money. short: the message below
    the heading, where that has said half of it. also: what is said about wrong money beside the
    right one.
    """

    status: DisplayStatus
    title: str
    message: str
    also: str = ""
    short: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the page should go on asking."""
        return self.status in ASKS_ON

    @property
    def words(self) -> str:
        """Message and what is beside it, for those who have one line only."""
        return f"{self.message} · {self.also}" if self.also else self.message


def display_status(txn: PointTransaction) -> Display:
    """The payer's view of this row. `txn.owner` must be loaded. No gateway call.

    Reads the row's cancellations, if it has a note for staff or an open cancel: one query, none
    where they were prefetched.
    """
    going_back, status, title = _wrong_money(txn)
    if txn.is_matched:
        return _matched(txn, going_back)
    if status == DisplayStatus.RETURNED and _has_account(txn) and not _account_is_over(txn):
        # A newer account waits: that is what the payer can act upon.
        return _unmatched(txn, going_back)
    if going_back:
        return Display(status, title, going_back)
    return _unmatched(txn, "")


def _unmatched(txn: PointTransaction, also: str) -> Display:
    """No right money so far."""
    if txn.status == Status.FAILED:
        title, message = _failure(txn)
        return Display(DisplayStatus.FAILED, title, message, short=_("Nothing was taken."))
    if txn.status == Status.CANCELLED or txn.account_closed_at:
        if txn.vbank_num:
            return Display(
                DisplayStatus.CLOSED,
                _("Account closed"),
                _("Please do not deposit into this account any more. Nothing was taken."),
            )
        return Display(
            DisplayStatus.CLOSED,
            _("Payment closed"),
            _("This payment was closed. Nothing was taken."),
        )
    if _has_account(txn):
        if _account_is_over(txn):
            over = _(
                "This account no longer takes deposits. If you paid in before, your points "
                "arrive by themselves."
            )
            return Display(DisplayStatus.EXPIRED, _("The deposit time is over"), over)
        due = deadline_words(txn)
        words = (
            _("Deposit by %(due)s and your points arrive at once.") % {"due": due}
            if due
            else _("Deposit and your points arrive at once.")
        )
        return Display(DisplayStatus.WAITING, _("Waiting for your deposit"), words, also)
    if timezone.now() - txn.created_at > UNFINISHED_AFTER:
        return Display(
            DisplayStatus.UNFINISHED,
            _("Payment not finished"),
            _("No payment has been reported. If you did pay, your points arrive by themselves."),
        )
    words = _("You can safely leave. If you paid, your points arrive by themselves.")
    return Display(DisplayStatus.CHECKING, _("We are checking your payment"), words)


def _failure(txn: PointTransaction) -> tuple[str, str]:
    """What became of a payment that was not made: a heading, and all of it. The gateway's reason is
    quoted beside it, never rewritten.
    """
    if txn.imp_uid is None:
        return _("The payment could not be started"), _(
            "The payment could not be started. Nothing was taken."
        )
    if abandoned(txn):
        return _("You stopped the payment"), _("You stopped the payment. Nothing was taken.")
    return _("The payment was not approved"), _("The payment was not approved. Nothing was taken.")


def abandoned(txn: PointTransaction) -> bool:
    """Whether the payer closed the window: nothing is wrong then."""
    return txn.status == Status.FAILED and bool(_ABANDONED.search(txn.fail_reason))


def _has_account(txn: PointTransaction) -> bool:
    return (
        bool(txn.vbank_num)
        and not txn.is_matched
        and txn.status == Status.READY
        and not txn.account_closed_at
    )


def _account_is_over(txn: PointTransaction) -> bool:
    """The gateway reports nothing when an account's time is over, so its date decides."""
    return txn.vbank_date is not None and txn.vbank_date < timezone.now()


def shows_account(txn: PointTransaction) -> bool:
    """Whether there is an account that still takes a deposit; also beside wrong money that goes
    back.
    """
    return _has_account(txn) and not _account_is_over(txn)


# -- wrong money -----------------------------------------------------------------------------------


def _wrong_money(txn: PointTransaction) -> tuple[str, DisplayStatus, str]:
    """What is said about wrong money of this order ("": there is none), its status (returning,
    returned) and heading.

    Every mismatch refund leaves a note, so that most rows cost no query.
    """
    if not txn.has_notes:
        return "", DisplayStatus.CHECKING, ""
    returns = [
        back
        for back in txn.cancellations.all()
        if back.kind == PointCancellation.Kind.MISMATCH_REFUND
    ]
    on_its_way = [back for back in returns if back.state in PointCancellation.OPEN]
    sent = [back for back in returns if back.state == PointCancellation.State.DONE]
    said = [
        words
        for some, goes in ((on_its_way, True), (sent, False))
        if (words := _return_words(txn, some, goes))
    ]
    if on_its_way:
        return " ".join(said), DisplayStatus.RETURNING, _return_title(txn, on_its_way)
    return " ".join(said), DisplayStatus.RETURNED, _("Your money was sent back")


def _return_words(txn: PointTransaction, returns: list[PointCancellation], on_its_way: bool) -> str:
    """What was paid, why it is not turned into points, and where it goes. on_its_way: it has not
    arrived at the gateway yet.
    """
    if not returns:
        return ""
    values = {"amount": _sums(returns), "ordered": f"{txn.amount:,}"}
    if len(returns) == 1 and returns[0].currency == "KRW":
        paid = returns[0].amount + returns[0].base
        if not txn.is_matched and paid != txn.amount:
            return (
                _(
                    "%(amount)s was paid instead of %(ordered)s won. No points were added, and "
                    "the money will be sent back."
                )
                if on_its_way
                else _(
                    "%(amount)s was paid instead of %(ordered)s won. No points were added, and "
                    "the money was sent back."
                )
            ) % values
        if txn.is_matched and paid == txn.amount and txn.cancel_amount < txn.amount:
            return (
                _("You paid twice. The second payment of %(amount)s will be sent back.")
                if on_its_way
                else _("You paid twice. The second payment of %(amount)s was sent back.")
            ) % values
    return (
        _("%(amount)s that does not belong to this order will be sent back.")
        if on_its_way
        else _("%(amount)s that did not belong to this order was sent back.")
    ) % values


def _return_title(txn: PointTransaction, on_its_way: list[PointCancellation]) -> str:
    """Nothing moves by itself while it waits for staff: then it is not said to be on its way."""
    if any(back.needs_staff for back in on_its_way):
        return _("Your money has to go back to you")
    if txn.review == Review.WRONG_AMOUNT:
        return _("A different amount was paid, so we are sending it back")
    return _("We are sending your money back")


def _sums(returns: Iterable[PointCancellation]) -> str:
    return ", ".join(money_words(back) for back in sorted(returns, key=lambda back: back.pk))


def money_words(cancellation: PointCancellation) -> str:
    """An amount of a cancel or return, such as "9,000 won" or "12.50 USD"."""
    amount = f"{cancellation.amount.normalize():,f}"
    return (
        _("%(amount)s won") % {"amount": amount}
        if cancellation.currency == "KRW"
        else f"{amount} {cancellation.currency}"
    )


# -- right money -----------------------------------------------------------------------------------


def _matched(txn: PointTransaction, also: str) -> Display:
    if (
        txn.pending_cancel_total > txn.cancel_amount
    ):  # a cancel of ours is open; what the gateway has cancelled already is refunded
        return _cancelling(txn, also)
    refunded = f"{txn.cancel_amount:,}"
    if txn.cancel_amount == txn.amount:
        return Display(
            DisplayStatus.CANCELLED,
            _("Refunded"),
            _("%(amount)s won were refunded.") % {"amount": refunded},
            also,
        )
    if txn.cancel_amount:
        words = _("%(amount)s of %(whole)s won were refunded. %(left)s won remain.")
        words %= {
            "amount": refunded,
            "whole": f"{txn.amount:,}",
            "left": f"{txn.amount - txn.cancel_amount:,}",
        }
        return Display(DisplayStatus.PART_CANCELLED, _("Partly refunded"), words, also)
    words = _("You received %(points)sP · Balance %(balance)sP")
    words %= {"points": f"{txn.amount:,}", "balance": f"{txn.owner.balance:,}"}
    return Display(DisplayStatus.PAID, _("Points charged"), words, also)


def _cancelling(txn: PointTransaction, also: str) -> Display:
    """An open cancel: asked for, accepted, or of unknown outcome. The points are held back
    in each.
    """
    states = {
        cancel.state
        for cancel in txn.cancellations.all()
        if cancel.kind == PointCancellation.Kind.CANCEL and cancel.state in PointCancellation.OPEN
    }
    if PointCancellation.State.ACCEPTED in states:
        by_bank = txn.paid_method in ("trans", "vbank")
        words = (
            _("Refund accepted. It may take 1 to 2 days, depending on your bank.")
            if by_bank
            else _("Refund accepted. It may take some days.")
        )
        return Display(DisplayStatus.CANCELLING, _("Refund under way"), words, also)
    words = _("We are checking the result of your refund and make sure that it happens once.")
    short = _("We make sure that it happens once. You can safely leave.")
    return Display(DisplayStatus.CANCELLING, _("We are checking your refund"), words, also, short)


def deadline_words(txn: PointTransaction) -> str:
    """Until when a virtual account takes the deposit, such as "11월 26일 (목) 23:59"; "" where
    nobody said.
    """
    if not txn.vbank_date:
        return ""
    # Translators: date format of Django, for example "Thu 26 Nov, 23:59"
    return short_date(txn.vbank_date, _("D j M, H:i"))
