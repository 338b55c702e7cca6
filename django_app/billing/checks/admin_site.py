"""A mistake in BILLING_ADMIN_SITE, found by `manage.py check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning, register

from billing.admin_site import import_admin_site, shows_office
from billing.checks.database import MONEY
from billing.checks.product import wrong_types
from billing.conf import conf


@register("billing")
def admin_site_can_be_found(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """The setting names an AdminSite, where Django's admin is installed at all."""
    if not apps.is_installed("django.contrib.admin") or "BILLING_ADMIN_SITE" in wrong_types():
        return []
    try:
        site = import_admin_site(conf.BILLING_ADMIN_SITE)
    except ImportError as error:
        return [
            Error(
                f"BILLING_ADMIN_SITE names no AdminSite, so no list of money is shown: {error}.",
                hint='Name the object, as in "shop.admin.site" or "django.contrib.admin.site".',
                id="billing.E021",
            )
        ]
    missing = [] if shows_office(site) else _not_shown(site)  # the office says it itself
    if missing:
        return [
            Warning(
                f"Lists of money are missing on {conf.BILLING_ADMIN_SITE}: {', '.join(missing)}.",
                hint=(
                    "Make the site in a module that imports nothing of billing's `admin.py`, and "
                    'name "django.contrib.admin" before "billing" in INSTALLED_APPS.'
                ),
                id="billing.W018",
            )
        ]
    return []


def _not_shown(site: Any) -> list[str]:
    return [model.__name__ for model in MONEY if not site.is_registered(model)]
