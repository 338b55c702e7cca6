"""What staff do to one payment: ask the gateway again, cancel, close a virtual account, resolve a
review.

Every view here runs outside the transaction that Django's admin wraps around its own form pages:
what asks the gateway may not hold one.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.errors import GatewayError, GatewayUnreachable, InvalidGatewayResponse
from billing.gateway.payment import AT_ONCE
from billing.managers.applying import ApplyResult
from billing.models import PointCancellation, PointTransaction
from billing.states import RefundMismatch
from billing_office import audit_log, columns, error_messages, masking, review_notes
from billing_office.actions import confirmation
from billing_office.base import MoneyAdmin
from billing_office.formatting import money, points, won
from billing_office.forms import NEGATIVE, CancelForm, ResolveForm
from billing_office.pages import gateway_diff, payment_detail

rows = PointTransaction.objects


def sync(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Take over what the gateway says now of every payment of this order."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    txn: PointTransaction = admin.row(request, object_id, permission=permissions.ASK)
    answer = gateway_diff.ask(txn)
    try:
        if answer.trouble:
            raise answer.trouble
        done = [rows.apply(payment) for payment in answer.payments]
    except GatewayError as error:
        audit_log.record(request, txn, "sync", result="failed", error=type(error).__name__)
        messages.error(request, error_messages.words(error))
    else:
        result = outcome(done, txn.version)
        audit_log.record(request, txn, "sync", result=result)
        messages.success(request, _told(result, sum(one.points for one in done)))
    return HttpResponseRedirect(columns.payment_url(txn.pk))


def outcome(done: list[ApplyResult], version: int) -> str:
    """What applying came to: charged, cancelled, return, changed or nothing. version: the row's,
    before.
    """
    gained = sum(one.points for one in done)
    if gained:
        return "charged" if gained > 0 else "cancelled"
    if any(isinstance(one.decision, RefundMismatch) for one in done):
        return "return"
    return "changed" if any(one.txn.version != version for one in done) else "nothing"


def _told(result: str, gained: int) -> str:
    return {
        "charged": _("The gateway was asked: %(points)s were credited.")
        % {"points": points(gained)},
        "cancelled": _("The gateway was asked: %(points)s were taken back.")
        % {"points": points(-gained)},
        "return": _("The gateway was asked: wrong money of this order is sent back."),
        "changed": _("The gateway was asked, and its answer taken over."),
        "nothing": _("The gateway was asked: nothing new."),
    }[result]


# -- cancel ----------------------------------------------------------------------------------------


def cancel(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Cancel all or a part of a payment."""
    txn: PointTransaction = admin.row(request, object_id, permission=permissions.CANCEL)
    left = payment_detail.can_be_cancelled(txn)
    back = columns.payment_url(txn.pk)
    if txn.pending_cancel_total:
        messages.error(
            request, _("Nothing can be cancelled now: a cancel of this payment is open.")
        )
        return HttpResponseRedirect(back)
    if not txn.is_matched or not left:
        messages.error(request, _("This payment cannot be cancelled as it stands."))
        return HttpResponseRedirect(back)
    may_go_negative = request.user.has_perm(permissions.CANCEL_INTO_NEGATIVE)
    form: CancelForm | None = None

    def make_form(data: Any) -> CancelForm:
        nonlocal form
        form = CancelForm(data, txn=txn, may_go_negative=may_go_negative)
        return form

    def act(found: dict[str, Any]) -> confirmation.Told:
        assert form is not None  # noqa: S101  (for the type checker)
        asked = {
            "amount": str(found["amount"]),
            "currency": "KRW",
            "kind": PointCancellation.Kind.CANCEL,
            "note": found["reason"],
        }
        with audit_log.logged_action(request, txn, "cancel", **asked) as facts:
            done = rows.cancel(
                txn,
                reason=found["reason"],
                by=request.user,
                amount=found["amount"],
                remaining=found["remaining"],
                refund_account=form.account(),
                allow_negative=may_go_negative and found.get("rule") == NEGATIVE,
            )
            facts.update(result=done.state, error=done.error)
        return how_it_went(done)

    return confirmation.walk(
        admin,
        request,
        title=_("Cancel a payment"),
        make_form=make_form,
        explain=lambda found: _what_a_cancel_does(txn, found),
        act=act,
        button=_("Cancel this amount"),
        back=back,
        about=[
            (_("Payment"), txn.merchant_uid),
            (_("Sum paid"), won(txn.amount)),
            (_("Can still be cancelled"), won(left)),
            (_("Member's balance now"), points(txn.owner.balance)),
        ],
        danger=True,
    )


def _what_a_cancel_does(txn: PointTransaction, found: dict[str, Any]) -> list[str]:
    amount, balance = found["amount"], txn.owner.balance
    method = columns.METHODS.get(txn.paid_method, txn.paid_method)
    member = masking.login(txn.owner.user.get_username())
    said = [
        _("%(points)s are taken from %(member)s first: %(before)s become %(after)s.")
        % {
            "points": points(amount),
            "member": member,
            "before": points(balance),
            "after": points(balance - amount),
        },
        _("Then the gateway is asked to give back %(amount)s of payment %(imp_uid)s (%(method)s).")
        % {"amount": won(amount), "imp_uid": txn.imp_uid, "method": method},
    ]
    if balance < amount:
        said.insert(1, _("The balance falls below zero."))
    if found.get("refund_account"):
        where = {
            "account": masking.account(found["refund_account"]),
            "bank": found["refund_bank"],
            "holder": masking.person_name(found["refund_holder"]),
        }
        said.append(
            _(
                "The money goes to account %(account)s at bank %(bank)s, holder %(holder)s. "
                "The account is not kept."
            )
            % where
        )
    if txn.paid_method not in AT_ONCE:
        said.append(
            _("The gateway may accept it now and pay later; until then the cancel stays open.")
        )
    said.append(_("What the gateway has cancelled cannot be undone."))
    return said


def how_it_went(done: PointCancellation) -> confirmation.Told:
    """A cancel's or return's state in words. Accepted and unknown are not done, and are never told
    as such.
    """
    state, amount = PointCancellation.State, {"amount": money(done.amount, done.currency)}
    if done.state == state.DONE:
        return messages.SUCCESS, _("Done: %(amount)s went back.") % amount
    if done.state == state.ACCEPTED:
        return messages.WARNING, _(
            "Accepted, not done yet: %(amount)s. The points stay held, and reconcile looks "
            "until it is done."
        ) % amount
    if done.state == state.REFUSED:
        if done.kind == PointCancellation.Kind.MISMATCH_REFUND:
            return messages.ERROR, _("Not sent back: %(amount)s. “%(error)s”") % {
                **amount,
                "error": review_notes.shown(done.error),
            }
        return messages.ERROR, _("Not cancelled: %(amount)s. “%(error)s” The points are back.") % {
            **amount,
            "error": review_notes.shown(done.error),
        }
    return messages.WARNING, _(
        "Not known yet whether %(amount)s went back. The points stay held, and nothing is sent "
        "again without asking first. Reconcile looks."
    ) % amount


# -- virtual account, review -----------------------------------------------------------------------


def close_account(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Close a virtual account that nobody has paid into."""
    txn: PointTransaction = admin.row(request, object_id, permission=permissions.CANCEL)

    def act(found: dict[str, Any]) -> confirmation.Told:
        with audit_log.logged_action(request, txn, "close_account") as facts:
            try:
                applied = rows.close_account(txn, by=request.user)
            except (GatewayUnreachable, InvalidGatewayResponse) as error:
                if getattr(error, "surely_not_sent", False):
                    raise
                facts.update(result="unknown", error=str(error))
                return messages.WARNING, _(
                    "Not known yet whether the account is closed: ask the gateway."
                )
            facts["result"] = "charged" if applied.points else "done"
        if applied.points:
            return messages.WARNING, _("The deposit was faster: %(points)s were credited.") % {
                "points": points(applied.points)
            }
        return messages.SUCCESS, _("The virtual account is closed.")

    return confirmation.walk(
        admin,
        request,
        title=_("Close the virtual account"),
        make_form=confirmation.NoForm,
        explain=lambda found: [
            _("The account %(account)s at %(bank)s takes no deposit any more.")
            % {"account": masking.account(txn.vbank_num), "bank": txn.vbank_name},
            _("The attempt ends without a payment. No points move."),
            _(
                "If the member has paid in meanwhile, the gateway refuses, and the deposit is "
                "credited as always."
            ),
        ],
        act=act,
        button=_("Close the account"),
        back=columns.payment_url(txn.pk),
        about=[(_("Payment"), txn.merchant_uid), (_("Amount"), won(txn.amount))],
        danger=True,
    )


def resolve(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Take a review off, with a note that stays."""
    txn: PointTransaction = admin.row(request, object_id, permission=permissions.CANCEL)

    def act(found: dict[str, Any]) -> confirmation.Told:
        with audit_log.logged_action(request, txn, "resolve", note=found["note"], result="done"):
            rows.resolve(txn, by=request.user, note=found["note"])
        return messages.SUCCESS, _("The review is resolved.")

    return confirmation.walk(
        admin,
        request,
        title=_("Resolve the review"),
        make_form=lambda data: ResolveForm(data),
        explain=lambda found: [
            _("The flag “%(review)s” is taken off. No money moves.")
            % {"review": txn.get_review_display()},
            _("Your note stays with the payment: “%(note)s”") % {"note": found["note"]},
        ],
        act=act,
        button=_("Resolve"),
        back=columns.payment_url(txn.pk),
        about=[(_("Payment"), txn.merchant_uid), (_("Review"), txn.get_review_display())],
    )
