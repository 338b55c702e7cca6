"""What applying an answer, or cancelling, came to: for the audit log and in words."""

from __future__ import annotations

from django.contrib import messages
from django.utils.translation import gettext as _

from billing.models import ApplyResult, PointCancellation
from billing.states import RefundMismatch
from billing_office import review_notes
from billing_office.actions.staff_action import ActionResult
from billing_office.formatting import money


def apply_outcome(applied: list[ApplyResult], version: int) -> str:
    """What applying came to: charged, cancelled, return, changed or nothing. version: the row's,
    before.
    """
    gained = sum(one.points for one in applied)
    if gained:
        return "charged" if gained > 0 else "cancelled"
    if any(isinstance(one.decision, RefundMismatch) for one in applied):
        return "return"
    return "changed" if any(one.txn.version != version for one in applied) else "nothing"


def cancel_result(cancellation: PointCancellation) -> ActionResult:
    """A cancel's or return's state in words. Accepted and unknown are not done, and are never told
    as such.
    """
    state = PointCancellation.State
    amount = {"amount": money(cancellation.amount, cancellation.currency)}
    if cancellation.state == state.DONE:
        return ActionResult(messages.SUCCESS, _("Done: %(amount)s went back.") % amount)
    if cancellation.state == state.ACCEPTED:
        words = _(
            "Accepted, not done yet: %(amount)s. The points stay held, and reconcile looks "
            "until it is done."
        )
        return ActionResult(messages.WARNING, words % amount)
    if cancellation.state == state.REFUSED:
        if cancellation.kind == PointCancellation.Kind.MISMATCH_REFUND:
            words = _("Not sent back: %(amount)s. “%(error)s”")
        else:
            words = _("Not cancelled: %(amount)s. “%(error)s” The points are back.")
        return ActionResult(
            messages.ERROR, words % {**amount, "error": review_notes.trouble_of(cancellation)}
        )
    words = _(
        "Not known yet whether %(amount)s went back. The points stay held, and nothing is sent "
        "again without asking first. Reconcile looks."
    )
    return ActionResult(messages.WARNING, words % amount)
