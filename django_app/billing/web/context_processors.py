"""What every page knows."""

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from billing.conf import conf


def mode(request: HttpRequest) -> dict[str, Any]:
    """`sandbox_mode`: whether this site plays with the stand-in gateway."""
    return {"sandbox_mode": conf.IAMPORT_MODE == "sandbox"}


def merchant(request: HttpRequest) -> dict[str, Any]:
    """`merchant`: who sells (the setting BILLING_MERCHANT). `terms_url`: the refund terms, "" for a
    site that has no such page.
    """
    try:
        terms_url = reverse("billing:terms")
    except NoReverseMatch:
        terms_url = ""
    return {"merchant": conf.BILLING_MERCHANT, "terms_url": terms_url}
