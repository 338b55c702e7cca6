"""Mistakes in the settings, found by `manage.py check`. They do not run under a server: what is dangerous raises in settings.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.module_loading import import_string

from billing.addresses import network
from billing.forms import pay_methods

BY_LAW = ("name", "representative", "registration_number", "mail_order_number", "address", "telephone", "email")
VENDOR_API = "https://api.iamport.kr/"


@register("billing")
def product_settings(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Amounts, methods and hooks."""
    found: list[CheckMessage] = []
    lowest, highest, step = settings.BILLING_MIN_AMOUNT, settings.BILLING_MAX_AMOUNT, settings.BILLING_AMOUNT_STEP
    numbers = all(type(value) is int and value > 0 for value in (lowest, highest, step))
    if not numbers or lowest > highest or lowest % step or highest % step:
        found.append(
            Error(
                "The amounts do not fit together.",
                hint="0 < BILLING_MIN_AMOUNT ≤ BILLING_MAX_AMOUNT, both multiples of BILLING_AMOUNT_STEP.",
                id="billing.E001",
            )
        )
    elif any(type(value) is not int or not lowest <= value <= highest or value % step for value in settings.BILLING_PRESETS):
        found.append(
            Error(
                "A preset cannot be charged.", hint="Every value of BILLING_PRESETS must be an amount within the limits.", id="billing.E002"
            )
        )
    if not pay_methods():
        found.append(Error("No way to pay is offered.", hint='BILLING_METHODS = ["card", …]', id="billing.E003"))
    try:
        import_string(settings.BILLING_BUYER)
    except ImportError:
        found.append(
            Error("BILLING_BUYER names nothing that can be imported.", hint='BILLING_BUYER = "billing.buyer.facts"', id="billing.E004")
        )
    odd = unreadable_senders(settings.BILLING_WEBHOOK_ADDRESSES)
    if odd:
        found.append(
            Error(
                f"BILLING_WEBHOOK_ADDRESSES holds {odd[0]}, which is no address: nobody can deliver from there.",
                hint='A list of addresses and networks: ["52.78.100.19", "52.78.48.0/24"].',
                id="billing.E005",
            )
        )
    unknown = sorted(set(settings.IAMPORT_CHANNELS) - {method for method, _name in pay_methods()})
    if unknown:
        found.append(
            Warning(
                f"A channel is configured for {unknown[0]!r}, which nobody can choose.",
                hint="The keys of channels are values of BILLING_METHODS, or kakaopay, naverpay, tosspay, payco.",
                id="billing.W004",
            )
        )
    return found


def unreadable_senders(entries: Any) -> list[str]:
    """What of this setting is no address and no network."""
    if not isinstance(entries, list | tuple):
        return [repr(entries)]
    found = []
    for entry in entries:
        try:
            network(entry)
        except ValueError:
            found.append(repr(entry))
    return found


@register(Tags.security, deploy=True)
def deployment(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """What should not be so on a live server."""
    found: list[CheckMessage] = []
    if settings.IAMPORT_MODE != "live":
        found.append(Warning("This is sandbox mode: no real money.", hint="Set IAMPORT_MODE=live.", id="billing.W001"))
    if not set(settings.ALLOWED_HOSTS) - {"localhost", "127.0.0.1", "[::1]", "testserver"}:
        found.append(Warning("Only this machine is served.", hint="Set DJANGO_ALLOWED_HOSTS and PUBLIC_URL.", id="billing.W005"))
    if settings.BILLING_ACCEPT_TEST_CHANNEL:
        found.append(
            Warning(
                "Test-channel payments are credited: points for play money.", hint="Unset BILLING_ACCEPT_TEST_CHANNEL.", id="billing.W002"
            )
        )
    if settings.IAMPORT_MODE == "live" and settings.IAMPORT_API_URL != VENDOR_API:
        found.append(
            Warning("The gateway is not the vendor's.", hint=f"Unset IAMPORT_API_URL; the vendor's is {VENDOR_API}", id="billing.W003")
        )
    missing = [key for key in BY_LAW if not settings.BILLING_MERCHANT.get(key)]
    if settings.IAMPORT_MODE == "live" and missing:
        found.append(
            Warning(
                f"The foot of the pages does not say who sells: {', '.join(missing)}.",
                hint="Set BILLING_MERCHANT: the law on electronic commerce asks for these details.",
                id="billing.W006",
            )
        )
    if settings.IAMPORT_MODE == "live" and settings.EMAIL_BACKEND.endswith(".dummy.EmailBackend"):
        found.append(
            Warning(
                "No mail is sent: nobody hears of payments or can choose a new password.",
                hint="Set DJANGO_EMAIL_HOST and DJANGO_EMAIL_FROM.",
                id="billing.W007",
            )
        )
    return found
