"""Where a payment stands, in the words that the payer reads. One place, so that page, script and status never disagree."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from billing.models import PointCancellation, PointTransaction
from billing.states import Status


@dataclass(frozen=True)
class Standing:
    """name: paid, waiting (for a deposit), failed, checking, returning, returned, cancelling, part_cancelled or cancelled.

    message: a sentence for the payer.
    """

    name: str
    message: str

    @property
    def is_open(self) -> bool:
        """Whether the page should go on asking."""
        return self.name in {"checking", "waiting"}


def standing(txn: PointTransaction) -> Standing:
    """The payer's view of this row. `txn.owner` must be loaded. No gateway call; one query where there is a note for staff."""
    going_back, name = _wrong_money(txn)
    if txn.is_bound:
        state = _bound(txn)
        return Standing(state.name, f"{state.message} · {going_back}") if going_back else state
    if going_back:
        return Standing(name, going_back)
    if txn.status == Status.FAILED:
        return Standing("failed", _("The payment did not go through. Nothing was taken."))
    if txn.status == Status.CANCELLED or txn.account_closed_at:
        return Standing("cancelled", _("This payment was closed. Nothing was taken."))
    if txn.vbank_num:
        due = deadline_words(txn)
        if due:
            return Standing("waiting", _("Pay in by %(due)s and your points arrive at once.") % {"due": due})
        return Standing("waiting", _("Pay in and your points arrive at once."))
    return Standing("checking", _("We are checking your payment. You can safely leave."))


def _wrong_money(txn: PointTransaction) -> tuple[str, str]:
    """What is said about wrong money of this order, and whether it is still on its way ("returning", "returned"); "" where there is none.

    Every return left a note, so most rows cost no query.
    """
    if not txn.review_note:
        return "", ""
    returns = txn.cancellations.filter(kind=PointCancellation.Kind.RETURN).order_by("id")
    on_its_way = [back for back in returns if back.state in PointCancellation.OPEN]
    sent = [back for back in returns if back.state == PointCancellation.State.DONE]
    said = []
    if on_its_way:
        said.append(_("%(amount)s that does not belong to this order will be sent back.") % {"amount": _sums(on_its_way)})
    if sent:
        said.append(_("%(amount)s that did not belong to this order was sent back.") % {"amount": _sums(sent)})
    return " ".join(said), "returning" if on_its_way else "returned"


def _sums(returns: list[PointCancellation]) -> str:
    return ", ".join(f"{back.amount.normalize():,f} {back.currency}" for back in returns)


def _bound(txn: PointTransaction) -> Standing:
    if txn.cancel_goal:  # a cancel of ours is open
        accepted = txn.cancellations.filter(kind=PointCancellation.Kind.CANCEL, state=PointCancellation.State.ACCEPTED).exists()
        if accepted:
            return Standing("cancelling", _("Refund accepted. It may take 1–2 days."))
        return Standing("cancelling", _("We are checking the result of your refund and make sure that it happens once."))
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
