"""Amounts, methods and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as formatted
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing_sandbox import serializer
from billing_sandbox.models import Payment

_METHODS = {
    "card": _("Card"),
    "trans": _("Bank transfer"),
    "vbank": _("Virtual account"),
    "phone": _("Mobile phone"),
}


def format_amount(amount: Decimal, currency: str) -> str:
    """`10,000원`, in both languages; other currencies by code."""
    return f"{serializer.json_number(amount):,}" + ("원" if currency == "KRW" else f" {currency}")


def pay_method_name(payment: Payment) -> str:
    """The method's name; brands keep their own."""
    return str(_METHODS.get(payment.pay_method, payment.pay_method))


def to_datetime(seconds: int) -> datetime | None:
    """For Django's date filter, which shows it in the site's time zone. None for V1's 0."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def format_time(seconds: int, now: int | None = None, *, seconds_shown: bool = True) -> str:
    """A time of day, with its date unless that is today by the gateway's clock `now` (None: with
    the date always).
    """
    at = timezone.localtime(datetime.fromtimestamp(seconds, UTC))
    clock_format = "H:i:s" if seconds_shown else "H:i"
    if now is not None and timezone.localtime(datetime.fromtimestamp(now, UTC)).date() == at.date():
        return formatted(at, clock_format)
    day = gettext("j M")
    return formatted(at, f"{day}, {clock_format}")


def describe_fault(rule: dict[str, Any]) -> dict[str, str]:
    """A rule in force, in words: what it meets, what it does, for how long."""
    what = gettext("webhooks") if rule["of"] == "delivery" else gettext("API calls")
    meets = " ".join(filter(None, (rule["method"], rule["path"])))
    does = " ".join(
        name if value is True else f"{name}={value}" for name, value in rule["effects"].items()
    )
    left = (
        gettext("until lifted")
        if rule["left"] is None
        else gettext("next %(number)s") % {"number": rule["left"]}
    )
    if rule["chance"] < 1:
        left += f" · {rule['chance']:.0%}"
    return {"what": what, "meets": meets, "does": does, "left": left}
