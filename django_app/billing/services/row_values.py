"""What an answer of the gateway makes of a row: the decision about it, and the columns as it wants
them. Nothing is written here.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from billing.conf import conf
from billing.db.routing import primary
from billing.gateway.payment import Payment
from billing.models import PointCancellation, PointTransaction
from billing.models.gateway_facts import GatewayFacts
from billing.note_codes import Note, NoteCode
from billing.services.decide import decide
from billing.services.notes import has_note
from billing.states import Credit, Decision, NoChange, Review, UpdateFacts

# Facts that are copied as they are, by name: a new column of GatewayFacts needs only a field of
# Payment. The wire's pay_method is what was really used, ours is what the payer chose.
_FACTS = tuple(
    field.name for field in GatewayFacts._meta.local_fields if field.name != "paid_method"
)


def decide_for_row(txn: PointTransaction, payment: Payment) -> Decision:
    """What this answer means for this row, as settings and earlier answers have it."""
    decision = decide(txn, payment, accept_test_channel=conf.BILLING_ACCEPT_TEST_CHANNEL)
    if isinstance(decision, Credit) and is_being_refunded(txn, payment):
        return NoChange()  # wrong once, never credited: not even when a setting changes its mind
    return decision


def is_being_refunded(txn: PointTransaction, payment: Payment) -> bool:
    """Whether this payment's money goes back, or went. Every mismatch refund leaves a note, so a
    row without notes is not asked about.
    """
    return (
        txn.has_notes
        and primary(PointCancellation)
        .filter(txn_id=txn.pk, kind="return", imp_uid=payment.imp_uid)
        .exists()
    )


def values_from(txn: PointTransaction, payment: Payment, decision: Decision) -> dict[str, Any]:
    """The columns as this decision wants them. `credited` is always the target: amount −
    max(cancel_amount, pending_cancel_total) once bound.
    """
    if not isinstance(decision, Credit | UpdateFacts):
        return {}
    whole = isinstance(decision, Credit) or decision.whole
    values = _facts(txn, payment, whole=whole)
    values.update(status=decision.status, cancel_amount=decision.cancel_amount)
    if whole and payment.imp_uid != txn.imp_uid:
        values["account_closed_at"] = None
    if isinstance(decision, Credit):
        values.update(imp_uid=payment.imp_uid, credited_at=timezone.now(), next_check_at=None)
        values["credited"] = txn.amount - decision.cancel_amount
    elif txn.is_matched:
        # Our own open cancel has taken its points already: the greater of both, never the sum, and
        # never back because of an answer.
        values["credited"] = txn.amount - max(decision.cancel_amount, txn.pending_cancel_total)
    else:
        values["imp_uid"] = payment.imp_uid
    return values


def _facts(txn: PointTransaction, payment: Payment, *, whole: bool) -> dict[str, Any]:
    """The gateway's facts; unless `whole`, what is filled never becomes empty."""
    found = {name: getattr(payment, name) for name in _FACTS}
    found["paid_method"] = payment.pay_method
    return found if whole else {name: value or getattr(txn, name) for name, value in found.items()}


def news_for_staff(txn: PointTransaction, payment: Payment, decision: Decision) -> Note | None:
    """What staff should look at although it is no money; None where this row has a note of it."""
    review = decision.review if isinstance(decision, UpdateFacts | NoChange) else None
    if review == Review.CARD_REGISTRATION:
        note = Note(review, {"imp_uid": payment.imp_uid, "status": payment.status})
        return None if has_note(txn, review, **note.params) else note
    if review is not None:
        # What staff closed themselves is nothing to review.
        known = has_note(txn, review, NoteCode.ACCOUNT_CLOSED, imp_uid=payment.imp_uid)
        return None if known else Note(review, {"imp_uid": payment.imp_uid})
    return None
