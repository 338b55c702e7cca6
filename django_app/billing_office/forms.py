"""What staff fill in. Limits are those of the columns and of the gateway."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import unmatched
from billing.errors import InvalidId
from billing.gateway.api import RefundAccount
from billing.gateway.payment import check_imp_uid, goes_to_an_account
from billing.managers.decisions import Choice
from billing.managers.points import MOST_POINTS
from billing.models import PointCancellation, PointTransaction, UnmatchedPayment
from billing_office import searching
from billing_office.listing import key_of

REASON = 200  # characters of a reason that are kept
UNSPENT, NEGATIVE = "unspent", "negative"


class StaffForm(forms.Form):
    """Fields say that they are wrong, and where."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fit()
        if self.is_bound:
            for name in self.errors:
                if name in self.fields:
                    self.fields[name].widget.attrs.update({"aria-invalid": "true"})

    def fit(self) -> None:
        """Adapt the fields to what the form is about, before anything is cleaned."""


class AccountFields(StaffForm):
    """Where the money of a virtual account goes back to. The gateway takes 4, 16 and 16
    characters.
    """

    refund_bank = forms.CharField(
        label=gettext_lazy("Bank code"),
        max_length=4,
        help_text=gettext_lazy("The PG's own code, as its documentation lists it."),
    )
    refund_account = forms.CharField(label=gettext_lazy("Account number"), max_length=30)
    refund_holder = forms.CharField(label=gettext_lazy("Account holder"), max_length=16)
    refund_tel = forms.CharField(
        label=gettext_lazy("Telephone of the account holder"), max_length=20, required=False
    )

    def __init__(self, *args: Any, needs_account: bool, pg_provider: str, **kwargs: Any) -> None:
        self.needs_account = needs_account
        self._banks: dict[str, str] = settings.BILLING_REFUND_BANKS.get(pg_provider, {})
        self._pg_provider = pg_provider
        super().__init__(*args, **kwargs)

    def fit(self) -> None:
        """Leave out what this payment does not ask for."""
        if not self.needs_account:
            for name in ("refund_bank", "refund_account", "refund_holder"):
                del self.fields[name]
        if not self.needs_account or not self._pg_provider.startswith(
            "smartro"
        ):  # smartro alone asks for it
            del self.fields["refund_tel"]
        elif self.needs_account:
            self.fields["refund_tel"].required = True
        if self.needs_account and self._banks:
            known = ", ".join(f"{code} {name}" for code, name in self._banks.items())
            self.fields["refund_bank"].help_text = _(
                "The PG's own code, for example %(codes)s."
            ) % {"codes": known}

    def clean_refund_account(self) -> str:
        number = re.sub(r"[-\s]", "", self.cleaned_data["refund_account"])
        if not re.fullmatch(r"[0-9]{6,16}", number):
            raise ValidationError(_("An account number has 6 to 16 digits."))
        return number

    def account(self) -> RefundAccount | None:
        """The account of a valid form, None where none is needed."""
        if not self.needs_account:
            return None
        found = self.cleaned_data
        return RefundAccount(
            found["refund_bank"],
            found["refund_account"],
            found["refund_holder"],
            found.get("refund_tel", ""),
        )


def whole_number(typed: str) -> int | None:
    """10000 or 10,000; None for all else. int() alone takes "1_000" and full-width digits."""
    digits = typed.strip().replace(",", "")
    return int(digits) if re.fullmatch(r"[1-9][0-9]{0,14}", digits) else None


class CancelForm(AccountFields):
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

    def fit(self) -> None:
        super().fit()
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
        found = super().clean() or {}
        missing = found.get("amount", 0) - self._txn.owner.balance
        if missing > 0 and found.get("rule", UNSPENT) == UNSPENT:
            words = _("%(missing)s of these points have been spent already.") % {
                "missing": f"{missing:,}P"
            }
            self.add_error("rule" if "rule" in self.fields else "amount", ValidationError(words))
        return found


class SettleForm(AccountFields):
    """What becomes of a cancel or return that nothing else can finish."""

    choice = forms.ChoiceField(label=gettext_lazy("What to do"), widget=forms.RadioSelect)
    field_order = ["choice", "refund_bank", "refund_account", "refund_holder", "refund_tel"]

    def __init__(self, data: Any, *, cancellation: PointCancellation) -> None:
        txn = cancellation.txn
        accepted = cancellation.state == PointCancellation.State.ACCEPTED
        self._offered = [
            pair for pair in Choice.choices if not (accepted and pair[0] == Choice.SEND_AGAIN)
        ]
        self._must_name = goes_to_an_account(txn.paid_method, txn.pg_provider)
        # How wrong money was paid is the gateway's to say; the row need not have that payment's
        # facts.
        may_name = self._must_name or cancellation.kind == PointCancellation.Kind.MISMATCH_REFUND
        super().__init__(data, needs_account=may_name and not accepted, pg_provider=txn.pg_provider)

    def fit(self) -> None:
        super().fit()
        self.fields["choice"].choices = self._offered  # type: ignore[attr-defined]
        for name in self._names():
            self.fields[name].required = False
        if self.needs_account:
            self.fields["refund_holder"].help_text = _(
                "Only for a virtual account: accounts are not kept, so name it again to send it."
            )

    def _names(self) -> list[str]:
        return [name for name in self.fields if name.startswith("refund_")]

    def clean_refund_account(self) -> str:
        return super().clean_refund_account() if self.cleaned_data["refund_account"] else ""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        named = [name for name in self._names() if found.get(name)]
        if found.get("choice") == Choice.SEND_AGAIN and (named or self._must_name):
            for name in self._names():
                if name not in named and name not in self.errors:
                    self.add_error(name, ValidationError(_("Needed to send it again.")))
        return found

    def account(self) -> RefundAccount | None:
        again = self.cleaned_data.get("choice") == Choice.SEND_AGAIN
        return super().account() if again and self.cleaned_data.get("refund_account") else None


class ResolveForm(StaffForm):
    """Why a review is no longer needed."""

    note = forms.CharField(
        label=gettext_lazy("What was found and done"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AdoptForm(StaffForm):
    """A payment that no row knows, and the member to whom it belongs."""

    imp_uid = forms.CharField(label=gettext_lazy("Payment number (imp_uid)"), max_length=32)
    member = forms.CharField(label=gettext_lazy("Member: login name or e-mail"), max_length=200)

    def clean_imp_uid(self) -> str:
        try:
            return check_imp_uid(self.cleaned_data["imp_uid"].strip())
        except InvalidId:
            raise ValidationError(_("This is no payment number: imp_ and 12 digits.")) from None

    def clean_member(self) -> Any:
        """The member's key."""
        found = searching.members(self.cleaned_data["member"].strip())
        if len(found) != 1:
            raise ValidationError(
                _("Nobody has this name.")
                if not found
                else _("Several members have this address: give the login name.")
            )
        return found[0]


class AdjustForm(StaffForm):
    """A correction of a balance. key: names this form, so that it corrects once however often it is
    sent.
    """

    points = forms.CharField(
        label=gettext_lazy("Points, with + or −"),
        max_length=20,
        help_text=gettext_lazy("For example +5,000 or −300."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=REASON)
    key = forms.RegexField(r"^[0-9a-f-]{36}$", widget=forms.HiddenInput)

    def clean_points(self) -> int:
        typed = self.cleaned_data["points"].strip().replace("−", "-")
        number = whole_number(typed.lstrip("+-")) if re.fullmatch(r"[+-]?[0-9,]+", typed) else None
        if number is None or number > MOST_POINTS:
            raise ValidationError(_("A whole number of points, such as +5,000 or −300."))
        return -number if typed.startswith("-") else number


class NotOursForm(StaffForm):
    """Payments of another shop, and how that is known. rows: their keys, with commas between."""

    reason = forms.CharField(
        label=gettext_lazy("How it is known that they are not ours"), max_length=unmatched.REASON
    )
    rows = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        self._most = most
        super().__init__(*args, **kwargs)

    def clean_rows(self) -> list[int]:
        """Their keys, each once."""
        typed = list(dict.fromkeys(self.cleaned_data["rows"].split(",")))
        keys = [key_of(UnmatchedPayment._meta.pk, one) for one in typed]
        if len(keys) > self._most or None in keys:
            raise ValidationError(_("These are no payments of the list: choose them again."))
        return keys
