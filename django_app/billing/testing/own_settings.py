"""What a test's gateway needs and a project's test settings may lack: keys, an address for
webhooks, a cache. Neither Django's settings nor the project's cache are touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from django.core.cache.backends.locmem import LocMemCache
from django.urls import NoReverseMatch, reverse

import billing_sandbox.conf as sandbox_conf
from billing.conf import BillingSettings, conf
from billing.support import safe_cache
from billing.testing.route import TEST_HOST

MADE_UP = {
    "IAMPORT_CODE": "imp00000000",
    "IAMPORT_KEY": "1000000000000000",
    "IAMPORT_SECRET": "made-up-for-tests",
}


@contextmanager
def own_settings() -> Iterator[None]:
    """Inside the block keys that the project leaves out or empty are made up, and the stand-in's
    console has the project's own webhook address, unless SANDBOX names another.
    """
    with ExitStack() as stack:
        for name, value in MADE_UP.items():
            if not getattr(conf, name):
                stack.enter_context(patch.object(BillingSettings, name, value))
        if not sandbox_conf.conf.webhook_url:
            stack.enter_context(
                patch.object(
                    sandbox_conf.SandboxSettings, "webhook_url", property(lambda _: webhook_url())
                )
            )
        yield


def webhook_url() -> str:
    """The address of the project's webhook, "" where it has not included billing.urls."""
    try:
        return f"http://{TEST_HOST}{reverse('billing:webhook', urlconf=conf.django.ROOT_URLCONF)}"
    except NoReverseMatch:
        return ""


@contextmanager
def own_cache() -> Iterator[None]:
    """Inside the block billing's token and throttles are kept in memory and begin empty, whatever
    cache the project has; a member with the number of yesterday's test is not throttled for it.
    """
    cache = LocMemCache("billing.testing", {})
    cache.clear()
    with patch.object(safe_cache, "cache", cache):
        yield
    cache.clear()
