"""Amounts, methods and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from sandbox import serializer
from sandbox.models import Payment

_METHODS = {
    "card": _("Card"),
    "trans": _("Bank transfer"),
    "vbank": _("Virtual account"),
    "phone": _("Mobile phone"),
}


def money(amount: Decimal, currency: str) -> str:
    """`10,000원`, in both languages; other currencies by code."""
    return f"{serializer.number(amount):,}" + ("원" if currency == "KRW" else f" {currency}")


def pay_method(payment: Payment) -> str:
    """The method's name; brands keep their own."""
    return str(_METHODS.get(payment.pay_method, payment.pay_method))


def moment(seconds: int) -> datetime | None:
    """For Django's date filter, which shows it in the site's time zone. None for V1's 0."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
