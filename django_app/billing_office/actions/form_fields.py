"""What the forms of several actions share. Limits are those of the columns and of the gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.conf import conf
from billing.gateway.api import RefundAccount

REASON = 200  # characters of a reason that are kept


class StaffForm(forms.Form):
    """Fields say that they are wrong, and where."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.adapt_fields()
        if self.is_bound:
            for name in self.errors:
                if name in self.fields:
                    self.fields[name].widget.attrs.update({"aria-invalid": "true"})

    def adapt_fields(self) -> None:
        """Adapt the fields to what the form is about, before anything is cleaned."""


class RefundAccountForm(StaffForm):
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
        self._banks: Mapping[str, str] = conf.BILLING_REFUND_BANKS.get(pg_provider, {})
        self._pg_provider = pg_provider
        super().__init__(*args, **kwargs)

    def adapt_fields(self) -> None:
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


def refund_account(data: dict[str, Any]) -> RefundAccount | None:
    """The account in the data of a valid form; None where none is named."""
    if not data.get("refund_account"):
        return None
    return RefundAccount(
        data["refund_bank"],
        data["refund_account"],
        data["refund_holder"],
        data.get("refund_tel", ""),
    )


def whole_number(typed: str) -> int | None:
    """10000 or 10,000; None for all else. int() alone takes "1_000" and full-width digits."""
    digits = typed.strip().replace(",", "")
    return int(digits) if re.fullmatch(r"[1-9][0-9]{0,14}", digits) else None
