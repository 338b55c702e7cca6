"""Decide about a cancel or return that nothing but staff can finish."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.gateway.payment import goes_to_an_account
from billing.models import PointCancellation, PointTransaction
from billing.states import RefundChoice
from billing.support.people import login_name
from billing_office import audit_log, columns, masking
from billing_office.actions.ask_cancel_result import cancellation_facts
from billing_office.actions.form_fields import RefundAccountForm, refund_account
from billing_office.actions.results import cancel_result
from billing_office.actions.staff_action import ActionResult, StaffAction
from billing_office.formatting import money, points


class DecideRefundForm(RefundAccountForm):
    """What becomes of a cancel or return that nothing else can finish."""

    choice = forms.ChoiceField(label=gettext_lazy("What to do"), widget=forms.RadioSelect)
    field_order = ["choice", "refund_bank", "refund_account", "refund_holder", "refund_tel"]

    def __init__(self, data: Any, *, cancellation: PointCancellation) -> None:
        txn = cancellation.txn
        accepted = cancellation.state == PointCancellation.State.ACCEPTED
        self._offered = [
            pair
            for pair in RefundChoice.choices
            if not (accepted and pair[0] == RefundChoice.SEND_AGAIN)
        ]
        self._must_name = goes_to_an_account(txn.paid_method, txn.pg_provider)
        # How wrong money was paid is the gateway's to say; the row need not have that payment's
        # facts.
        may_name = self._must_name or cancellation.kind == PointCancellation.Kind.MISMATCH_REFUND
        super().__init__(data, needs_account=may_name and not accepted, pg_provider=txn.pg_provider)

    def adapt_fields(self) -> None:
        super().adapt_fields()
        self.fields["choice"].choices = self._offered  # type: ignore[attr-defined]
        for name in self._account_fields():
            self.fields[name].required = False
        if self.needs_account:
            self.fields["refund_holder"].help_text = _(
                "Only for a virtual account: accounts are not kept, so name it again to send it."
            )

    def _account_fields(self) -> list[str]:
        return [name for name in self.fields if name.startswith("refund_")]

    def clean_refund_account(self) -> str:
        return super().clean_refund_account() if self.cleaned_data["refund_account"] else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        named = [name for name in self._account_fields() if data.get(name)]
        if data.get("choice") == RefundChoice.SEND_AGAIN and (named or self._must_name):
            for name in self._account_fields():
                if name not in named and name not in self.errors:
                    self.add_error(name, ValidationError(_("Needed to send it again.")))
        return data


class DecideRefund(StaffAction):
    """Send it again, wait, or give it up."""

    model = PointCancellation
    name = "settle"
    permission = permissions.CANCEL
    title = gettext_lazy("Decide")
    confirm_button = gettext_lazy("Do this")
    danger = True
    audit_texts = {
        RefundChoice.SEND_AGAIN: gettext_lazy("Decided to send %(amount)s back again: %(result)s"),
        RefundChoice.WAIT: gettext_lazy("Decided to wait for %(amount)s: %(result)s"),
        RefundChoice.GIVE_UP: gettext_lazy("Gave up sending %(amount)s back: %(result)s"),
    }

    row: PointCancellation

    @classmethod
    def is_offered(cls, row: PointCancellation) -> bool:
        return row.state in row.OPEN and row.needs_staff

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("txn__owner__user")

    def back_url(self) -> str:
        return columns.payment_url(self.row.txn_id)

    def refusal(self) -> str:
        return "" if self.is_offered(self.row) else _("This does not wait for a decision.")

    def form(self, data: Any) -> DecideRefundForm:
        return DecideRefundForm(data, cancellation=self.row)

    def about(self) -> list[tuple[Any, Any]]:
        login = login_name(self.row.txn.owner.user)
        return [*cancellation_facts(self.row), (_("Member"), masking.login(login))]

    def explain(self, data: dict[str, Any]) -> list[str]:
        amount = money(self.row.amount, self.row.currency)
        sentences = [
            _(
                "The gateway is asked first: if it has done it already, that counts, whatever is "
                "chosen here."
            )
        ]
        if data["choice"] == RefundChoice.SEND_AGAIN:
            sentences.append(
                _(
                    "%(amount)s are sent once more. Do this only if the gateway's console shows "
                    "nothing registered."
                )
                % {"amount": amount}
            )
            if data.get("refund_account"):
                sentences.append(
                    _("To account %(account)s.")
                    % {"account": masking.account(data["refund_account"])}
                )
        elif data["choice"] == RefundChoice.WAIT:
            sentences.append(_("It counts as accepted: reconcile looks for 7 more days."))
        elif self.row.kind == PointCancellation.Kind.MISMATCH_REFUND:
            sentences.append(
                _(
                    "It is closed as not sent. %(amount)s stay at the gateway: send them back at "
                    "its console."
                )
                % {"amount": amount}
            )
        else:
            sentences.append(
                _(
                    "It is closed as refused, and %(points)s go back to the member. If the gateway "
                    "pays later after all, they are taken again."
                )
                % {"points": points(int(self.row.amount))}
            )
        return sentences

    def act(self, data: dict[str, Any]) -> ActionResult:
        choice = data["choice"]
        account = refund_account(data) if choice == RefundChoice.SEND_AGAIN else None
        with self.logged(self.row.txn, choice, **audit_log.money_facts(self.row)) as logged:
            cancellation = PointTransaction.objects.decide_refund(
                self.row, choice=choice, by=self.request.user, refund_account=account
            )
            logged.update(audit_log.money_facts(cancellation), result=cancellation.state)
        return cancel_result(cancellation)
