"""The member's own cancel: all that remains of a payment, unspent and in time. What may be, why not
otherwise, and the form for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.conf import conf
from billing.gateway.api import RefundAccount
from billing.gateway.payment import goes_to_an_account
from billing.models import PointTransaction
from billing.support.dates import short_date


@dataclass(frozen=True)
class RefundOffer:
    """Whether a member may cancel now. why: the reason against it, for the member; "" where
    allowed. amount: won that would go back.

    until: the last moment. needs_account: money paid into a virtual account goes to an account that
    the member names, at one of `banks` (the processor's code, name).
    """

    amount: int
    why: str = ""
    until: datetime | None = None
    needs_account: bool = False
    banks: list[tuple[str, str]] = field(default_factory=list)

    @property
    def allowed(self) -> bool:
        return not self.why


def refund_offer(txn: PointTransaction) -> RefundOffer:
    """What the member may cancel of this row; `txn.owner` must be loaded. No query, and no promise:
    `cancel` looks again under the lock.
    """
    left = txn.amount - txn.cancel_amount
    if not txn.is_matched:
        return RefundOffer(0, _("Nothing was paid."))
    if txn.pending_cancel_total:
        return RefundOffer(left, _("A refund of this payment is under way."))
    if not left:
        return RefundOffer(0, _("This payment has been refunded."))
    until = _last_moment(txn)
    by_account = goes_to_an_account(txn.paid_method, txn.pg_provider)
    banks = list(conf.BILLING_REFUND_BANKS.get(txn.pg_provider, {}).items()) if by_account else []
    if timezone.now() > until:
        why = _("The time for a refund is over: it ended on %(day)s. Our support can help you.") % {
            "day": _day(until)
        }
    elif txn.owner.balance < left:
        missing = f"{left - txn.owner.balance:,}"
        why = _(
            "Points of this payment have been spent: %(missing)sP are missing for a refund."
        ) % {"missing": missing}
    elif by_account and not banks:
        why = _("A deposit is refunded by our support. Tell them this payment number.")
    else:
        why = ""
    return RefundOffer(left, why, until, by_account, banks)


def _last_moment(txn: PointTransaction) -> datetime:
    """BILLING_SELF_CANCEL_DAYS after the payment; a phone bill only within its calendar month
    (documented by the vendor).
    """
    paid_at = txn.paid_at or txn.credited_at or txn.created_at
    until = paid_at + timedelta(days=conf.BILLING_SELF_CANCEL_DAYS)
    if txn.paid_method == "phone":
        first = timezone.localtime(paid_at).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        until = min(until, (first + timedelta(days=32)).replace(day=1) - timedelta(seconds=1))
    return until


def _day(moment: datetime) -> str:
    # Translators: date format of Django, for example "Thu 26 Nov, 23:59"
    return short_date(moment, _("D j M, H:i"))


class SelfCancelForm(forms.Form):
    """What the member sends. The limits of the refund account are the gateway's (4, 16 and 16
    characters).
    """

    reason = forms.CharField(required=False, max_length=200)
    refund_bank = forms.CharField(required=False, max_length=4)
    refund_account = forms.CharField(required=False, max_length=30)
    refund_holder = forms.CharField(required=False, max_length=16)

    def __init__(self, data: Any, *, offered: RefundOffer) -> None:
        super().__init__(data)
        self._offered = offered
        self.fields["refund_bank"].required = offered.needs_account
        self.fields["refund_account"].required = offered.needs_account
        self.fields["refund_holder"].required = offered.needs_account
        self.fields["refund_bank"].error_messages["required"] = gettext_lazy(
            "Choose the bank of your account."
        )
        self.fields["refund_account"].error_messages["required"] = gettext_lazy(
            "Enter your account number."
        )
        self.fields["refund_holder"].error_messages["required"] = gettext_lazy(
            "Enter the name of the account holder."
        )

    def clean_refund_bank(self) -> str:
        bank: str = self.cleaned_data["refund_bank"]
        if self._offered.needs_account and bank not in dict(self._offered.banks):
            raise forms.ValidationError(_("Choose the bank of your account."))
        return bank

    def clean_refund_account(self) -> str:
        """Hyphens and spaces are people's; the gateway takes at most 16 digits."""
        number = re.sub(r"[-\s]", "", self.cleaned_data["refund_account"])
        if self._offered.needs_account and not re.fullmatch(r"[0-9]{6,16}", number):
            raise forms.ValidationError(_("An account number has 6 to 16 digits."))
        return number

    def account(self) -> RefundAccount | None:
        """Where the money goes, for methods that need to be told."""
        if not self._offered.needs_account:
            return None
        found = self.cleaned_data
        return RefundAccount(
            bank=found["refund_bank"],
            account=found["refund_account"],
            holder=found["refund_holder"],
        )
