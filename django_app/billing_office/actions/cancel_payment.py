"""Cancel all or a part of a payment."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.gateway.payment import AT_ONCE, goes_to_an_account
from billing.models import PointCancellation, PointTransaction
from billing.states import Review
from billing.support.people import login_name
from billing_office import columns, masking
from billing_office.actions.form_fields import (
    REASON,
    RefundAccountForm,
    refund_account,
    whole_number,
)
from billing_office.actions.results import cancel_result
from billing_office.actions.staff_action import ActionResult, Button, StaffAction
from billing_office.formatting import points, won

UNSPENT, NEGATIVE = "unspent", "negative"


class CancelForm(RefundAccountForm):
    """How much goes back, why, and whether points that are spent already may be taken."""

    amount = forms.CharField(label=gettext_lazy("Amount (won)"), max_length=20)
    reason = forms.CharField(
        label=gettext_lazy("Reason, for the gateway and for us"), max_length=REASON
    )
    rule = forms.ChoiceField(
        label=gettext_lazy("Points"),
        choices=[
            (UNSPENT, gettext_lazy("Take the points only if the member still has them")),
            (NEGATIVE, gettext_lazy("Take them in any case: the balance may fall below zero")),
        ],
        initial=UNSPENT,
        widget=forms.RadioSelect,
    )
    remaining = forms.IntegerField(widget=forms.HiddenInput)
    field_order = [
        "amount",
        "reason",
        "rule",
        "refund_bank",
        "refund_account",
        "refund_holder",
        "refund_tel",
        "remaining",
    ]

    def __init__(self, data: Any, *, txn: PointTransaction, may_go_negative: bool) -> None:
        self._txn, self._left = txn, txn.amount - max(txn.cancel_amount, txn.pending_cancel_total)
        by_account = goes_to_an_account(txn.paid_method, txn.pg_provider)
        initial = {"amount": f"{self._left:,}", "remaining": self._left, "rule": UNSPENT}
        self._may_go_negative = may_go_negative
        super().__init__(
            data, initial=initial, needs_account=by_account, pg_provider=txn.pg_provider
        )

    def adapt_fields(self) -> None:
        super().adapt_fields()
        if not self._may_go_negative:
            del self.fields["rule"]

    def clean_amount(self) -> int:
        amount = whole_number(self.cleaned_data["amount"])
        if amount is None or amount > self._left:
            raise ValidationError(
                _("Between 1 and %(most)s won can be cancelled.") % {"most": f"{self._left:,}"}
            )
        return amount

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        missing = data.get("amount", 0) - self._txn.owner.balance
        if missing > 0 and data.get("rule", UNSPENT) == UNSPENT:
            words = _("%(missing)s of these points have been spent already.") % {
                "missing": f"{missing:,}P"
            }
            self.add_error("rule" if "rule" in self.fields else "amount", ValidationError(words))
        return data


def cancellable_amount(txn: PointTransaction) -> int:
    """Won that a new cancel could give back: nothing while one is open, whose end may take what is
    left.
    """
    return (
        txn.amount - max(txn.cancel_amount, txn.pending_cancel_total)
        if txn.is_matched and not txn.pending_cancel_total
        else 0
    )


class CancelPayment(StaffAction):
    """Give money back, and take the points for it first."""

    model = PointTransaction
    name = "cancel"
    permission = permissions.CANCEL
    title = gettext_lazy("Cancel a payment")
    page_button = gettext_lazy("Cancel all or a part")
    confirm_button = gettext_lazy("Cancel this amount")
    danger = True
    audit_texts = {"cancel": gettext_lazy("Cancel of %(amount)s: %(result)s · “%(note)s”")}

    row: PointTransaction

    @classmethod
    def buttons(cls, row: PointTransaction) -> list[Button]:
        left = cancellable_amount(row)
        if not left:
            return []
        part = super().buttons(row)
        if row.review != Review.MEMBER_LEFT:
            return part
        fields = (
            ("amount", f"{left:,}"),
            ("remaining", f"{left}"),
            ("rule", UNSPENT),
            ("reason", _("The member has left")),
        )
        return [Button(_("Refund all of it"), cls.url(row), danger=True, fields=fields), *part]

    def back_url(self) -> str:
        return columns.payment_url(self.row.pk)

    def refusal(self) -> str:
        if self.row.pending_cancel_total:
            return _("Nothing can be cancelled now: a cancel of this payment is open.")
        if not self.row.is_matched or not cancellable_amount(self.row):
            return _("This payment cannot be cancelled as it stands.")
        return ""

    def may_go_negative(self) -> bool:
        return self.request.user.has_perm(permissions.CANCEL_INTO_NEGATIVE)

    def form(self, data: Any) -> CancelForm:
        return CancelForm(data, txn=self.row, may_go_negative=self.may_go_negative())

    def about(self) -> list[tuple[Any, Any]]:
        return [
            (_("Payment"), self.row.merchant_uid),
            (_("Sum paid"), won(self.row.amount)),
            (_("Can still be cancelled"), won(cancellable_amount(self.row))),
            (_("Member's balance now"), points(self.row.owner.balance)),
        ]

    def explain(self, data: dict[str, Any]) -> list[str]:
        txn, amount, balance = self.row, data["amount"], self.row.owner.balance
        method = columns.METHODS.get(txn.paid_method, txn.paid_method)
        member = masking.login(login_name(txn.owner.user))
        sentences = [
            _("%(points)s are taken from %(member)s first: %(before)s become %(after)s.")
            % {
                "points": points(amount),
                "member": member,
                "before": points(balance),
                "after": points(balance - amount),
            },
            _(
                "Then the gateway is asked to give back %(amount)s of payment %(imp_uid)s "
                "(%(method)s)."
            )
            % {"amount": won(amount), "imp_uid": txn.imp_uid, "method": method},
        ]
        if balance < amount:
            sentences.insert(1, _("The balance falls below zero."))
        if data.get("refund_account"):
            where = {
                "account": masking.account(data["refund_account"]),
                "bank": data["refund_bank"],
                "holder": masking.person_name(data["refund_holder"]),
            }
            sentences.append(
                _(
                    "The money goes to account %(account)s at bank %(bank)s, holder %(holder)s. "
                    "The account is not kept."
                )
                % where
            )
        if txn.paid_method not in AT_ONCE:
            sentences.append(
                _("The gateway may accept it now and pay later; until then the cancel stays open.")
            )
        sentences.append(_("What the gateway has cancelled cannot be undone."))
        return sentences

    def act(self, data: dict[str, Any]) -> ActionResult:
        facts = {
            "amount": str(data["amount"]),
            "currency": "KRW",
            "kind": PointCancellation.Kind.CANCEL,
            "note": data["reason"],
        }
        with self.logged(self.row, **facts) as logged:
            cancellation = PointTransaction.objects.cancel(
                self.row,
                reason=data["reason"],
                by=self.request.user,
                amount=data["amount"],
                remaining=data["remaining"],
                refund_account=refund_account(data),
                allow_negative=self.may_go_negative() and data.get("rule") == NEGATIVE,
            )
            logged.update(
                result=cancellation.state,
                error_code=cancellation.error_code,
                error=cancellation.error,
            )
        return cancel_result(cancellation)
