"""What the pages show beside where a payment stands: points before and after, when money arrives,
what was left unfinished.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import PointCancellation, PointEntry, PointTransaction
from billing.note_codes import ErrorCode
from billing.web.display_status import (
    Display,
    DisplayStatus,
    abandoned,
    display_status,
    shows_account,
)
from billing.web.json_api import payment_url
from billing.web.refund_eligibility import RefundOffer, refund_offer

JUST_PAID = timedelta(minutes=10)  # so long the charge page reminds of a charge
JUST_BEGUN = timedelta(hours=1)  # so long it reminds of an attempt that nobody finished
LATER_ENTRIES = 100  # a balance of long ago is not worked out from more entries than that
RECENT = 20  # attempts that the charge page looks at


@dataclass(frozen=True)
class PaymentPage:
    """What the page of one payment shows beside its display status.

    offer: whether the member may have it refunded; None where nothing was paid. change: the balance
    before and after its charge. arrival: when money that goes back arrives. refusal: the gateway's
    words where the last refund was refused, None where none was. left: seconds until the account's
    time is over. going: won of a refund that is under way. taken: points that a refund took or
    holds. by_staff: staff have to send money back. unclear: nobody knows yet how a refund ended.
    abandoned: the payer closed the window. sent_back: won of the one wrong payment that goes, or
    went, back.
    """

    display: Display
    offer: RefundOffer | None
    change: tuple[int, int] | None = None
    arrival: str = ""
    refusal: str | None = None
    shows_account: bool = False
    left: int | None = None
    going: int = 0
    taken: int = 0
    by_staff: bool = False
    unclear: bool = False
    abandoned: bool = False
    sent_back: int | None = None


def payment_page(txn: PointTransaction) -> PaymentPage:
    """Everything about one row, whose owner must be loaded. At most three queries, however many
    entries or cancels there are.
    """
    display = display_status(txn)
    status = display.status
    account = shows_account(txn)
    left = (
        max(0, int((txn.vbank_date - timezone.now()).total_seconds()))
        if account and txn.vbank_date
        else None
    )
    cancellations = list(txn.cancellations.all()) if txn.is_matched or txn.has_notes else []
    open_ones = [one for one in cancellations if one.state in PointCancellation.OPEN]
    goes_back = (
        status
        in {
            DisplayStatus.CANCELLED,
            DisplayStatus.PART_CANCELLED,
            DisplayStatus.RETURNING,
            DisplayStatus.RETURNED,
        }
        or display.also
    )
    return PaymentPage(
        display=display,
        offer=refund_offer(txn) if txn.is_matched else None,
        change=before_and_after(txn) if status == DisplayStatus.PAID else None,
        arrival=arrival_words(txn.paid_method or txn.pay_method) if goes_back else "",
        refusal=_refusal(cancellations)
        if status in {DisplayStatus.PAID, DisplayStatus.PART_CANCELLED}
        else None,
        shows_account=account,
        left=left,
        going=_going(txn),
        taken=txn.amount - txn.credited if txn.is_matched else 0,
        by_staff=any(
            one.needs_staff
            for one in open_ones
            if one.kind == PointCancellation.Kind.MISMATCH_REFUND
        ),
        unclear=status == DisplayStatus.CANCELLING and _is_unclear(open_ones),
        abandoned=abandoned(txn),
        sent_back=_sent_back(cancellations)
        if status in {DisplayStatus.RETURNING, DisplayStatus.RETURNED}
        else None,
    )


def before_and_after(txn: PointTransaction) -> tuple[int, int] | None:
    """The member's balance before and after this row's charge; None where so much happened since
    that it would take long to tell.
    """
    entry = txn.entries.filter(kind=PointEntry.Kind.CHARGE).order_by("id").first()
    if entry is None:
        return None
    later = (
        PointEntry.objects.filter(owner_id=txn.owner_id, id__gt=entry.pk)
        .order_by("-id")
        .values_list("delta", flat=True)
    )
    deltas = list(later[: LATER_ENTRIES + 1])
    if len(deltas) > LATER_ENTRIES:
        return None
    after = txn.owner.balance - sum(deltas)
    return after - entry.delta, after


def _going(txn: PointTransaction) -> int:
    """Won of a refund that is under way."""
    return max(0, txn.pending_cancel_total - txn.cancel_amount)


def _is_unclear(open_ones: Iterable[PointCancellation]) -> bool:
    """Whether nobody knows yet how the open refund ended: the gateway has not even said that it
    takes it.
    """
    return not any(
        one.kind == PointCancellation.Kind.CANCEL and one.state == PointCancellation.State.ACCEPTED
        for one in open_ones
    )


def _refusal(cancellations: list[PointCancellation]) -> str | None:
    """The gateway's words on the newest cancel of ours, if it was refused."""
    ours = [one for one in cancellations if one.kind == PointCancellation.Kind.CANCEL]
    newest = max(ours, key=lambda one: one.pk, default=None)
    if newest is None or newest.state != PointCancellation.State.REFUSED:
        return None
    return newest.error if newest.error_code == ErrorCode.GATEWAY_REJECTED else ""


def _sent_back(cancellations: list[PointCancellation]) -> int | None:
    """Won of the one return; None where there are several, or another currency."""
    returns = [
        one
        for one in cancellations
        if one.kind == PointCancellation.Kind.MISMATCH_REFUND
        and one.state != PointCancellation.State.REFUSED
    ]
    return int(returns[0].amount) if len(returns) == 1 and returns[0].currency == "KRW" else None


def arrival_words(pay_method: str) -> str:
    """When money paid by this method is back with the payer."""
    if pay_method == "card":
        return _("Card companies take 3 to 7 working days to pay it back.")
    if pay_method == "phone":
        return _("It is taken off the phone bill of the month you paid in.")
    if pay_method in ("trans", "vbank"):
        return _("It takes 1 to 2 days, depending on your bank.")
    return _("It takes up to 7 working days, depending on how you paid.")


def left_words(seconds: int) -> str:
    """How long an account still takes a deposit, for a page without scripts: the largest unit that
    fits.
    """
    if seconds >= 86_400:
        days = seconds // 86_400
        return ngettext("%(count)s day left", "%(count)s days left", days) % {"count": days}
    hours = seconds // 3600
    if hours:
        return ngettext("%(count)s hour left", "%(count)s hours left", hours) % {"count": hours}
    minutes = max(1, seconds // 60)
    return ngettext("%(count)s minute left", "%(count)s minutes left", minutes) % {"count": minutes}


def recent(user: Any) -> dict[str, str] | None:
    """What a member should know before paying again: text, icon and url of a payment that is not
    settled, else of one made just now.

    Two queries, whatever there is: the newest attempts and their cancellations.
    """
    rows = (
        PointTransaction.objects.filter(owner_id=user.pk)
        .select_related("owner")
        .prefetch_related("cancellations")
        .order_by("-id")
    )
    named = [(txn, display_status(txn).status) for txn in rows[:RECENT]]
    for txn, name in sorted(
        named, key=lambda pair: pair[1] == DisplayStatus.PAID
    ):  # stable: newest first among both
        words = _recent_words(txn, name)
        if words:
            text, icon = words
            return {
                "text": text % {"amount": f"{_going(txn) or txn.amount:,}"},
                "icon": icon,
                "url": payment_url(txn),
            }
    return None


def _recent_words(txn: PointTransaction, name: str) -> tuple[str, str] | None:
    """A sentence with room for the amount, and an icon's name."""
    now = timezone.now()
    if name == DisplayStatus.WAITING:
        return _("An account waits for your deposit of %(amount)s won"), "vbank"
    if name == DisplayStatus.RETURNING:
        return _("We are sending your money back"), "back"
    if name == DisplayStatus.CANCELLING:
        if _is_unclear(txn.cancellations.all()):
            return _(
                "We are checking your refund of %(amount)s won. Its points are held until then"
            ), "clock"
        return _("A refund of %(amount)s won is under way"), "back"
    if (
        name in {DisplayStatus.CHECKING, DisplayStatus.UNFINISHED}
        and now - txn.created_at < JUST_BEGUN
    ):
        return _(
            "A payment of %(amount)s won is not finished. If you paid already, do not pay again"
        ), "clock"
    if name == DisplayStatus.PAID and txn.credited_at and now - txn.credited_at < JUST_PAID:
        return _("You received %(amount)sP just now"), "check"
    return None
