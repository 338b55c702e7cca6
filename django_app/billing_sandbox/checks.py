"""Whether the stand-in is where it should not be, told by `manage.py check --deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def not_where_money_is_real(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """W001 in a project whose mode is live. It does no harm there (no thread runs, no page answers
    that the project did not include), but it has no business there either.
    """
    if getattr(settings, "SANDBOX_ALONE", False):
        return []
    if getattr(settings, "IAMPORT_MODE", "live") != "live":
        return []  # play money, which billing.W001 speaks of
    return [
        Warning(
            "The stand-in gateway is installed where real money is taken.",
            hint="Name billing_sandbox in the INSTALLED_APPS of your tests only.",
            id="sandbox.W001",
        )
    ]
