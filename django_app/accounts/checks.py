"""What `check --deploy` says about who is told apart. Checks do not run under a server; the log
warns there (config/middleware.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from billing.conf import conf

THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]", "testserver"}


@register(Tags.security, deploy=True)
def trusted_proxy(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Behind a proxy whose headers do not count every visitor has the proxy's address."""
    if conf.IAMPORT_MODE != "live" or settings.NO_PROXY:
        return []
    if conf.TRUSTED_PROXY_HEADERS:
        return [*_half_said(), *_webhooks()]
    is_public = conf.PUBLIC_URL or set(settings.ALLOWED_HOSTS) - THIS_MACHINE
    if not is_public and not conf.BILLING_WEBHOOK_ADDRESSES:
        return []
    return [
        Error(
            "DJANGO_TRUSTED_PROXY is not set: behind a proxy all visitors have its address, "
            "and one of them can use up the tries of all.",
            hint=(
                "The headers that your proxy writes itself "
                "(X-Forwarded-For,X-Forwarded-Proto); none where there is no proxy."
            ),
            id="accounts.E001",
        ),
        *_webhooks(),
    ]


def _half_said() -> list[CheckMessage]:
    """A warning only: a server that is told the client by other means (the PROXY protocol) is right
    without the header.
    """
    if "x-forwarded-for" in conf.TRUSTED_PROXY_HEADERS:
        return []
    return [
        Warning(
            "DJANGO_TRUSTED_PROXY names a proxy, but not X-Forwarded-For: all visitors have "
            "its address, and share its limits.",
            hint="Let the proxy write X-Forwarded-For, and add it to DJANGO_TRUSTED_PROXY.",
            id="accounts.W001",
        )
    ]


def _webhooks() -> list[CheckMessage]:
    if not conf.BILLING_WEBHOOK_ADDRESSES or "x-forwarded-for" in conf.TRUSTED_PROXY_HEADERS:
        return []
    return [
        Error(
            "BILLING_WEBHOOK_ADDRESSES is set, but X-Forwarded-For does not count: behind a "
            "proxy every webhook is refused.",
            hint=(
                "Add X-Forwarded-For to DJANGO_TRUSTED_PROXY, or write none there where "
                "there is no proxy."
            ),
            id="accounts.E002",
        )
    ]
