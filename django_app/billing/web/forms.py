"""What comes from outside, checked. Every mistake gets its own words."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.conf import conf
from billing.errors import InvalidId
from billing.gateway.payment import check_imp_uid, check_merchant_uid
from billing.models import PayMethod

# ASCII only; int() and forms.IntegerField also take １０００ and 1_000.
_WON = re.compile(r"[1-9][0-9]{0,11}")
_PHONE = re.compile(r"[0-9+][0-9 -]{6,18}[0-9]")


# Each needs a contract, which a configured channel shows.
EASY_PAY = (
    "kakaopay",
    "naverpay",
    "tosspay",
    "payco",
)
_TRUE, _FALSE = {"true", "on", "1", "yes"}, {"false", "off", "0", "no", ""}


def pay_methods() -> list[tuple[str, str]]:
    """The methods a payer may choose, with their names: BILLING_METHODS, and every easy-pay method
    that has a channel. Without one it is not offered, even where BILLING_METHODS names it.
    """
    channels = conf.IAMPORT_CHANNELS
    offered = [
        method for method in conf.BILLING_METHODS if method not in EASY_PAY or method in channels
    ]
    offered += [method for method in EASY_PAY if method in channels and method not in offered]
    names = dict(PayMethod.choices)
    return [(method, str(names.get(method, method))) for method in offered]


def asks_phone(pay_method: str) -> bool:
    """Whether this method's processor wants a telephone number. Easy-pay services know
    their payer.
    """
    return conf.BILLING_ASK_PHONE and pay_method not in EASY_PAY


def won(amount: int) -> str:
    """12000 → "12,000"."""
    return f"{amount:,}"


def short_won(amount: int) -> str:
    """A round amount in few letters: 5000 → "5k", 30000 → "30k"; in Korean 5천, 3만."""
    if amount % 10_000 == 0:
        # Translators: an amount in ten thousands, for example "30k"; in Korean "3만"
        return gettext("%(tens)s0k") % {"tens": won(amount // 10_000)}
    if amount % 1_000 == 0 and amount < 10_000:
        return gettext("%(thousands)sk") % {"thousands": amount // 1_000}
    return won(amount)


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
        lowest, highest, step = (
            conf.BILLING_MIN_AMOUNT,
            conf.BILLING_MAX_AMOUNT,
            conf.BILLING_AMOUNT_STEP,
        )
        if amount < lowest:
            raise forms.ValidationError(
                _("The smallest amount is %(amount)s won."), "min", {"amount": won(lowest)}
            )
        if amount > highest:
            raise forms.ValidationError(
                _("The largest amount is %(amount)s won."), "max", {"amount": won(highest)}
            )
        if amount % step:
            raise forms.ValidationError(
                _("Enter the amount in steps of %(step)s won."), "step", {"step": won(step)}
            )
        return amount


class CheckoutForm(forms.Form):
    """An attempt to pay."""

    amount = WonField()
    pay_method = forms.ChoiceField(
        choices=pay_methods,
        error_messages={
            "required": _("Choose how to pay."),
            "invalid_choice": _("This way to pay is not offered. Choose another one."),
        },
    )
    buyer_tel = forms.CharField(
        required=False, max_length=40, error_messages={"max_length": _("Enter a telephone number.")}
    )
    agree = forms.CharField(required=False)

    def clean_buyer_tel(self) -> str | None:
        """Digits and dashes as typed, at most 16 characters. None: nothing was said about it, so
        nothing changes.

        The page always sends the field where it asks for it, and then an empty one is a mistake.
        """
        if "buyer_tel" not in self.data:
            return None
        phone: str = self.cleaned_data["buyer_tel"]
        if not phone:
            if asks_phone(self.cleaned_data.get("pay_method", "")):
                raise forms.ValidationError(
                    _("Enter a telephone number: the payment company asks for it."), "required"
                )
            return ""
        compact = phone.replace(" ", "")
        if not _PHONE.fullmatch(phone) or len(compact) > 16:
            raise forms.ValidationError(
                _("Enter a telephone number such as 010-1234-5678."), "invalid"
            )
        return compact

    def clean_agree(self) -> bool | None:
        """The consent to this purchase. The page always says yes or no, and no is refused. None: a
        program that does not know the field.
        """
        if "agree" not in self.data:
            return None
        said = self.cleaned_data["agree"].lower()
        if said not in _TRUE | _FALSE:
            raise forms.ValidationError(_("Please check what you entered."), "invalid")
        if said in _FALSE:
            raise forms.ValidationError(_("Please agree to the purchase first."), "required")
        return True


class ValidationForm(forms.Form):
    """The two ids that the page posts after the gateway's window."""

    imp_uid = forms.CharField(
        strip=False, error_messages={"required": _("The payment's number is missing.")}
    )
    merchant_uid = forms.CharField(
        strip=False, error_messages={"required": _("The order's number is missing.")}
    )

    def clean_imp_uid(self) -> str:
        try:
            return check_imp_uid(self.cleaned_data["imp_uid"])
        except InvalidId:
            raise forms.ValidationError(_("This is not a payment's number."), "invalid") from None


def is_merchant_uid(text: str) -> bool:
    """Whether a row could have this merchant_uid; what could not is simply unknown."""
    try:
        check_merchant_uid(text)
    except InvalidId:
        return False
    return True
