"""Where a payment stands, in the words that the payer reads. One place, so that page, script and status never disagree."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from billing.models import PointTransaction
from billing.states import Review, Status

_WRONG_MONEY = {Review.WRONG_AMOUNT, Review.WRONG_CURRENCY, Review.TEST_CHANNEL}


@dataclass(frozen=True)
class Standing:
    """name: paid, waiting (for a deposit), failed, checking, returning, part_cancelled or cancelled. message: a sentence for the payer."""

    name: str
    message: str

    @property
    def is_open(self) -> bool:
        """Whether the page should go on asking."""
        return self.name in {"checking", "waiting"}


def standing(txn: PointTransaction) -> Standing:
    """The payer's view of this row. `txn.owner` must be loaded for a paid one. No query, no gateway call."""
    if txn.is_bound:
        return _bound(txn)
    if txn.review in _WRONG_MONEY:
        return Standing("returning", _("What was paid does not match the order, so we are sending it back."))
    if txn.status == Status.FAILED:
        return Standing("failed", _("The payment did not go through. Nothing was taken."))
    if txn.status == Status.CANCELLED:
        return Standing("cancelled", _("This payment was closed. Nothing was taken."))
    if txn.vbank_num:
        due = deadline_words(txn)
        if due:
            return Standing("waiting", _("Pay in by %(due)s and your points arrive at once.") % {"due": due})
        return Standing("waiting", _("Pay in and your points arrive at once."))
    return Standing("checking", _("We are checking your payment. You can safely leave."))


def _bound(txn: PointTransaction) -> Standing:
    given_back = f"{txn.cancel_amount:,}"
    if txn.cancel_amount == txn.amount:
        return Standing("cancelled", _("%(amount)s won were refunded.") % {"amount": given_back})
    if txn.cancel_amount:
        return Standing("part_cancelled", _("%(amount)s won of this payment were refunded.") % {"amount": given_back})
    words = _("You received %(points)sP · Balance %(balance)sP")
    return Standing("paid", words % {"points": f"{txn.amount:,}", "balance": f"{txn.owner.balance:,}"})


def deadline_words(txn: PointTransaction) -> str:
    """Until when a virtual account takes the deposit, such as "11월 26일 (목) 23:59"; "" where nobody said."""
    if not txn.vbank_date:
        return ""
    # Translators: date format of Django, for example "Thu 26 Nov, 23:59"
    return formats.date_format(timezone.localtime(txn.vbank_date), _("D j M, H:i"))
