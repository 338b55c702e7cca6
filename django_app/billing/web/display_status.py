"""Where a payment stands, in the words that the payer reads. One place, so that page, script and
status never disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from billing.models import PointCancellation, PointTransaction
from billing.states import Review, Status

# A window is closed by then: an attempt of which nothing was heard is not "being checked" any more.
UNFINISHED_AFTER = timedelta(minutes=30)

# How processors say that the payer closed their window; display only, and what is not recognised is
# simply "not approved".
_GAVE_UP = re.compile(
    r"결제\s*포기|(사용자|고객|구매자)[가-힣]*\s*(결제를\s*)?(취소|중단|중지)|PAY_PROCESS_CANCELED",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Standing:
    """Where a payment stands, for the payer.

    name: paid, waiting (for a deposit), expired (the account's time is over), failed, checking,
    unfinished (nothing was ever heard of it), returning or returned (wrong money), cancelling (a
    refund of ours is open), part_cancelled, cancelled, or closed (no money ever came). title and
    message: a heading, and what it means for the payer's money. short: the message below the
    heading, where that has said half of it. also: what is said about wrong money beside the right
    one.
    """

    name: str
    title: str
    message: str
    also: str = ""
    short: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the page should go on asking."""
        return self.name in {
            "checking",
            "unfinished",
            "waiting",
            "expired",
            "returning",
            "cancelling",
        }

    @property
    def words(self) -> str:
        """Message and what is beside it, for those who have one line only."""
        return f"{self.message} · {self.also}" if self.also else self.message


def standing(txn: PointTransaction) -> Standing:
    """The payer's view of this row. `txn.owner` must be loaded. No gateway call.

    Reads the row's cancellations, if it has a note for staff or an open cancel: one query, none
    where they were prefetched.
    """
    going_back, name, title = _wrong_money(txn)
    if txn.is_matched:
        return _bound(txn, going_back)
    if name == "returned" and _has_account(txn) and not _account_is_over(txn):
        # A newer account waits: that is what the payer can act upon.
        return _unbound(txn, going_back)
    if going_back:
        return Standing(name, title, going_back)
    return _unbound(txn, "")


def _unbound(txn: PointTransaction, also: str) -> Standing:
    """No right money so far."""
    if txn.status == Status.FAILED:
        title, message = _failure(txn)
        return Standing("failed", title, message, short=_("Nothing was taken."))
    if txn.status == Status.CANCELLED or txn.account_closed_at:
        if txn.vbank_num:
            return Standing(
                "closed",
                _("Account closed"),
                _("Please do not deposit into this account any more. Nothing was taken."),
            )
        return Standing(
            "closed", _("Payment closed"), _("This payment was closed. Nothing was taken.")
        )
    if _has_account(txn):
        if _account_is_over(txn):
            over = _(
                "This account no longer takes deposits. If you paid in before, your points "
                "arrive by themselves."
            )
            return Standing("expired", _("The deposit time is over"), over)
        due = deadline_words(txn)
        words = (
            _("Deposit by %(due)s and your points arrive at once.") % {"due": due}
            if due
            else _("Deposit and your points arrive at once.")
        )
        return Standing("waiting", _("Waiting for your deposit"), words, also)
    if timezone.now() - txn.created_at > UNFINISHED_AFTER:
        return Standing(
            "unfinished",
            _("Payment not finished"),
            _("No payment has been reported. If you did pay, your points arrive by themselves."),
        )
    words = _("You can safely leave. If you paid, your points arrive by themselves.")
    return Standing("checking", _("We are checking your payment"), words)


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
    return txn.status == Status.FAILED and bool(_GAVE_UP.search(txn.fail_reason))


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


def _wrong_money(txn: PointTransaction) -> tuple[str, str, str]:
    """What is said about wrong money of this order, its state (returning, returned) and heading; ""
    where there is none.

    Every return left a note, so most rows cost no query.
    """
    if not txn.has_notes:
        return "", "", ""
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
        return " ".join(said), "returning", _return_title(txn, on_its_way)
    return " ".join(said), "returned", _("Your money was sent back")


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


def _bound(txn: PointTransaction, also: str) -> Standing:
    if (
        txn.pending_cancel_total > txn.cancel_amount
    ):  # a cancel of ours is open; what the gateway has cancelled already is refunded
        return _cancelling(txn, also)
    given_back = f"{txn.cancel_amount:,}"
    if txn.cancel_amount == txn.amount:
        return Standing(
            "cancelled",
            _("Refunded"),
            _("%(amount)s won were refunded.") % {"amount": given_back},
            also,
        )
    if txn.cancel_amount:
        words = _("%(amount)s of %(whole)s won were refunded. %(left)s won remain.")
        words %= {
            "amount": given_back,
            "whole": f"{txn.amount:,}",
            "left": f"{txn.amount - txn.cancel_amount:,}",
        }
        return Standing("part_cancelled", _("Partly refunded"), words, also)
    words = _("You received %(points)sP · Balance %(balance)sP")
    words %= {"points": f"{txn.amount:,}", "balance": f"{txn.owner.balance:,}"}
    return Standing("paid", _("Points charged"), words, also)


def _cancelling(txn: PointTransaction, also: str) -> Standing:
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
        return Standing("cancelling", _("Refund under way"), words, also)
    words = _("We are checking the result of your refund and make sure that it happens once.")
    short = _("We make sure that it happens once. You can safely leave.")
    return Standing("cancelling", _("We are checking your refund"), words, also, short)


def deadline_words(txn: PointTransaction) -> str:
    """Until when a virtual account takes the deposit, such as "11월 26일 (목) 23:59"; "" where
    nobody said.
    """
    if not txn.vbank_date:
        return ""
    # Translators: date format of Django, for example "Thu 26 Nov, 23:59"
    return formats.date_format(timezone.localtime(txn.vbank_date), _("D j M, H:i"))
