"""Where a payment stands, in the words that the payer reads. One place, so that page, script and status never disagree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from billing.models import PointCancellation, PointTransaction
from billing.states import Review, Status

UNFINISHED_AFTER = timedelta(
    minutes=30
)  # a window is closed by then; an attempt of which nothing was heard is not "being checked" any more

# How processors say that the payer closed their window; display only, and what is not recognised is simply "not approved".
_GAVE_UP = re.compile(r"결제\s*포기|(사용자|고객|구매자)[가-힣]*\s*(결제를\s*)?(취소|중단|중지)|PAY_PROCESS_CANCELED", re.IGNORECASE)


@dataclass(frozen=True)
class Standing:
    """Where a payment stands, for the payer.

    name: paid, waiting (for a deposit), expired (the account's time is over), failed, checking, unfinished (nothing was ever heard of it),
    returning or returned (wrong money), cancelling (a refund of ours is open), part_cancelled, cancelled, or closed (no money ever came).
    title and message: a heading, and what it means for the payer's money. also: what is said about wrong money beside the right one.
    """

    name: str
    title: str
    message: str
    also: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the page should go on asking."""
        return self.name in {"checking", "unfinished", "waiting", "expired", "returning", "cancelling"}

    @property
    def words(self) -> str:
        """Message and what is beside it, for those who have one line only."""
        return f"{self.message} · {self.also}" if self.also else self.message


def standing(txn: PointTransaction) -> Standing:
    """The payer's view of this row. `txn.owner` must be loaded. No gateway call.

    Reads the row's cancellations, if it has a note for staff or an open cancel: one query, none where they were prefetched.
    """
    going_back, name, title = _wrong_money(txn)
    if txn.is_bound:
        return _bound(txn, going_back)
    if name == "returned" and _has_account(txn) and not _account_is_over(txn):
        return _unbound(txn, going_back)  # a newer account waits: that is what the payer can act upon
    if going_back:
        return Standing(name, title, going_back)
    return _unbound(txn, "")


def _unbound(txn: PointTransaction, also: str) -> Standing:
    """No right money so far."""
    if txn.status == Status.FAILED:
        return Standing("failed", _("Payment not made"), _failure(txn))
    if txn.status == Status.CANCELLED or txn.account_closed_at:
        return Standing("closed", _("Payment closed"), _("This payment was closed. Nothing was taken."))
    if _has_account(txn):
        if _account_is_over(txn):
            over = _("This account takes no deposit any more. If you paid in before, your points arrive by themselves.")
            return Standing("expired", _("The time to pay in is over"), over)
        due = deadline_words(txn)
        words = (
            _("Pay in by %(due)s and your points arrive at once.") % {"due": due} if due else _("Pay in and your points arrive at once.")
        )
        return Standing("waiting", _("Waiting for your deposit"), words, also)
    if timezone.now() - txn.created_at > UNFINISHED_AFTER:
        return Standing(
            "unfinished", _("Payment not finished"), _("No payment has been reported. If you did pay, your points arrive by themselves.")
        )
    words = _("You can safely leave. If you paid, your points arrive by themselves.")
    return Standing("checking", _("We are checking your payment"), words)


def _failure(txn: PointTransaction) -> str:
    """What became of a payment that was not made. The gateway's own reason is quoted beside it, never rewritten."""
    if txn.imp_uid is None:
        return _("The payment could not be started. Nothing was taken.")
    if _GAVE_UP.search(txn.fail_reason):
        return _("You stopped the payment. Nothing was taken.")
    return _("The payment was not approved. Nothing was taken.")


def _has_account(txn: PointTransaction) -> bool:
    return bool(txn.vbank_num) and not txn.is_bound and txn.status == Status.READY and not txn.account_closed_at


def _account_is_over(txn: PointTransaction) -> bool:
    """The gateway reports nothing when an account's time is over, so its date decides."""
    return txn.vbank_date is not None and txn.vbank_date < timezone.now()


def shows_account(txn: PointTransaction) -> bool:
    """Whether there is an account that still takes a deposit; also beside wrong money that goes back."""
    return _has_account(txn) and not _account_is_over(txn)


# -- wrong money ----------------------------------------------------------------------------------------------------------------


def _wrong_money(txn: PointTransaction) -> tuple[str, str, str]:
    """What is said about wrong money of this order, its state (returning, returned) and heading; "" where there is none.

    Every return left a note, so most rows cost no query.
    """
    if not txn.review_note:
        return "", "", ""
    returns = [back for back in txn.cancellations.all() if back.kind == PointCancellation.Kind.RETURN]
    on_its_way = [back for back in returns if back.state in PointCancellation.OPEN]
    sent = [back for back in returns if back.state == PointCancellation.State.DONE]
    said = []
    if on_its_way:
        said.append(_("%(amount)s that does not belong to this order will be sent back.") % {"amount": _sums(on_its_way)})
    if sent:
        said.append(_("%(amount)s that did not belong to this order was sent back.") % {"amount": _sums(sent)})
    if on_its_way:
        return " ".join(said), "returning", _return_title(txn)
    return " ".join(said), "returned", _("Your money was sent back")


def _return_title(txn: PointTransaction) -> str:
    if txn.review == Review.WRONG_AMOUNT:
        return _("A different amount was paid, so we are sending it back")
    return _("We are sending your money back")


def _sums(returns: Iterable[PointCancellation]) -> str:
    return ", ".join(money_words(back) for back in sorted(returns, key=lambda back: back.pk))


def money_words(cancellation: PointCancellation) -> str:
    """An amount of a cancel or return, such as "9,000 won" or "12.50 USD"."""
    amount = f"{cancellation.amount.normalize():,f}"
    return _("%(amount)s won") % {"amount": amount} if cancellation.currency == "KRW" else f"{amount} {cancellation.currency}"


# -- right money ----------------------------------------------------------------------------------------------------------------


def _bound(txn: PointTransaction, also: str) -> Standing:
    if txn.cancel_goal:  # a cancel of ours is open
        return _cancelling(txn, also)
    given_back = f"{txn.cancel_amount:,}"
    if txn.cancel_amount == txn.amount:
        return Standing("cancelled", _("Refunded"), _("%(amount)s won were refunded.") % {"amount": given_back}, also)
    if txn.cancel_amount:
        words = _("%(amount)s won of this payment were refunded.") % {"amount": given_back}
        return Standing("part_cancelled", _("Partly refunded"), words, also)
    words = _("You received %(points)sP · Balance %(balance)sP")
    words %= {"points": f"{txn.amount:,}", "balance": f"{txn.owner.balance:,}"}
    return Standing("paid", _("Points charged"), words, also)


def _cancelling(txn: PointTransaction, also: str) -> Standing:
    """An open cancel: asked for, accepted, or of unknown outcome. The points are held back in each."""
    states = {
        cancel.state
        for cancel in txn.cancellations.all()
        if cancel.kind == PointCancellation.Kind.CANCEL and cancel.state in PointCancellation.OPEN
    }
    if PointCancellation.State.ACCEPTED in states:
        return Standing("cancelling", _("Refund under way"), _("Refund accepted. It may take 1–2 days."), also)
    words = _("We are checking the result of your refund and make sure that it happens once.")
    return Standing("cancelling", _("Refund under way"), words, also)


def deadline_words(txn: PointTransaction) -> str:
    """Until when a virtual account takes the deposit, such as "11월 26일 (목) 23:59"; "" where nobody said."""
    if not txn.vbank_date:
        return ""
    # Translators: date format of Django, for example "Thu 26 Nov, 23:59"
    return formats.date_format(timezone.localtime(txn.vbank_date), _("D j M, H:i"))
