"""What should not be so on a live server: `manage.py check --deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from billing.checks.product import wrong_types
from billing.conf import VENDOR_API_URL, conf

BY_LAW = (
    "name",
    "representative",
    "registration_number",
    "mail_order_number",
    "address",
    "telephone",
    "email",
)


@register(Tags.security, deploy=True)
def deployment(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """What should not be so on a live server."""
    found: list[CheckMessage] = []
    if conf.IAMPORT_MODE != "live":
        found.append(
            Warning(
                "This is sandbox mode: no real money.",
                hint="Set IAMPORT_MODE=live.",
                id="billing.W001",
            )
        )
    if not set(conf.django.ALLOWED_HOSTS) - {"localhost", "127.0.0.1", "[::1]", "testserver"}:
        found.append(
            Warning(
                "Only this machine is served.",
                hint="Set DJANGO_ALLOWED_HOSTS and PUBLIC_URL.",
                id="billing.W005",
            )
        )
    if conf.BILLING_ACCEPT_TEST_CHANNEL:
        found.append(
            Warning(
                "Test-channel payments are credited: points for play money.",
                hint="Unset BILLING_ACCEPT_TEST_CHANNEL.",
                id="billing.W002",
            )
        )
    if conf.IAMPORT_MODE == "live" and conf.IAMPORT_API_URL != VENDOR_API_URL:
        found.append(
            Warning(
                "The gateway is not the vendor's.",
                hint=f"Unset IAMPORT_API_URL; the vendor's is {VENDOR_API_URL}",
                id="billing.W003",
            )
        )
    merchant = conf.BILLING_MERCHANT if "BILLING_MERCHANT" not in wrong_types() else {}
    missing = [key for key in BY_LAW if not merchant.get(key)]
    if conf.IAMPORT_MODE == "live" and missing:
        found.append(
            Warning(
                f"The foot of the pages does not say who sells: {', '.join(missing)}.",
                hint="Set BILLING_MERCHANT: the law on electronic commerce asks for these details.",
                id="billing.W006",
            )
        )
    if conf.IAMPORT_MODE == "live" and conf.django.EMAIL_BACKEND.endswith(".dummy.EmailBackend"):
        found.append(
            Warning(
                "No mail is sent: nobody hears of payments or can choose a new password.",
                hint="Set DJANGO_EMAIL_HOST and DJANGO_EMAIL_FROM.",
                id="billing.W007",
            )
        )
    return found
