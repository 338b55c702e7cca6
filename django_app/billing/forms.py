"""What comes from outside, checked. Every mistake gets its own words."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from billing.errors import NotAnId
from billing.models import PayMethod
from billing.payment import check_imp_uid, check_merchant_uid

_WON = re.compile(r"[1-9][0-9]{0,11}")  # ASCII only; int() and forms.IntegerField also take １０００ and 1_000
_PHONE = re.compile(r"[0-9+][0-9 -]{6,18}[0-9]")


def pay_methods() -> list[tuple[str, str]]:
    """The methods a payer may choose, with their names."""
    names = dict(PayMethod.choices)
    return [(method, str(names.get(method, method))) for method in settings.BILLING_METHODS]


def won(amount: int) -> str:
    """12000 → "12,000"."""
    return f"{amount:,}"


class WonField(forms.CharField):
    """Whole won as ASCII digits without a leading zero, within the limits of the settings."""

    default_error_messages = {
        "required": _("Enter an amount."),
        "digits": _("Enter the amount in digits, such as 10000."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        if not _WON.fullmatch(text):
            raise forms.ValidationError(self.error_messages["digits"], "digits")
        amount = int(text)
        lowest, highest, step = settings.BILLING_MIN_AMOUNT, settings.BILLING_MAX_AMOUNT, settings.BILLING_AMOUNT_STEP
        if amount < lowest:
            raise forms.ValidationError(_("The smallest amount is %(amount)s won."), "min", {"amount": won(lowest)})
        if amount > highest:
            raise forms.ValidationError(_("The largest amount is %(amount)s won."), "max", {"amount": won(highest)})
        if amount % step:
            raise forms.ValidationError(_("Enter the amount in steps of %(step)s won."), "step", {"step": won(step)})
        return amount


class CheckoutForm(forms.Form):
    """An attempt to pay."""

    amount = WonField()
    pay_method = forms.ChoiceField(
        choices=pay_methods,
        error_messages={"required": _("Choose how to pay."), "invalid_choice": _("This way to pay is not offered. Choose another one.")},
    )
    buyer_tel = forms.CharField(required=False, max_length=40, error_messages={"max_length": _("Enter a telephone number.")})

    def clean_buyer_tel(self) -> str:
        """Digits and dashes as typed, at most 16 characters; needed where BILLING_ASK_PHONE says so."""
        phone = self.cleaned_data["buyer_tel"]
        if not phone and not settings.BILLING_ASK_PHONE:
            return ""
        if not phone:
            raise forms.ValidationError(_("Enter a telephone number: the payment company asks for it."), "required")
        if not _PHONE.fullmatch(phone):
            raise forms.ValidationError(_("Enter a telephone number such as 010-1234-5678."), "invalid")
        compact = phone.replace(" ", "")
        if len(compact) > 16:
            raise forms.ValidationError(_("Enter a telephone number such as 010-1234-5678."), "invalid")
        return compact


class ValidationForm(forms.Form):
    """The two ids that the page posts after the gateway's window."""

    imp_uid = forms.CharField(strip=False, error_messages={"required": _("The payment's number is missing.")})
    merchant_uid = forms.CharField(strip=False, error_messages={"required": _("The order's number is missing.")})

    def clean_imp_uid(self) -> str:
        try:
            return check_imp_uid(self.cleaned_data["imp_uid"])
        except NotAnId:
            raise forms.ValidationError(_("This is not a payment's number."), "invalid") from None


def is_merchant_uid(text: str) -> bool:
    """Whether a row could have this merchant_uid; what could not is simply unknown."""
    try:
        check_merchant_uid(text)
    except NotAnId:
        return False
    return True
