"""Why the back office is not to be seen, found by `manage.py check`. Nothing here may need Unfold
or Django's admin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning, register

from billing.admin_site import admin_site, shows_office
from billing.conf import conf


@register("billing_office")
def office_is_shown(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """The site that BILLING_ADMIN_SITE names shows the back office, all of it."""
    site = admin_site()
    if site is None:
        if apps.is_installed("django.contrib.admin"):
            return []  # billing.E021 says it
        return [_not_shown("Django's admin is not installed", 'Add "django.contrib.admin".')]
    if not apps.is_installed("unfold"):
        hint = (
            'pip install django-unfold XlsxWriter (the extra `office`), and "unfold" before '
            '"django.contrib.admin" in INSTALLED_APPS; or take "billing_office" out.'
        )
        return [_not_shown("django-unfold is not installed, so plain lists are", hint)]
    if not shows_office(site):
        hint = (
            'Name a site that inherits from unfold.sites.UnfoldAdminSite; with "unfold" before '
            '"django.contrib.admin" Django\'s own is one.'
        )
        why = f"{conf.BILLING_ADMIN_SITE} is no UnfoldAdminSite, so plain lists are"
        return [_not_shown(why, hint)]
    from billing_office.site import missing

    if names := missing(site):
        return [
            Warning(
                f"Pages of the back office are missing on {conf.BILLING_ADMIN_SITE}, and links to "
                f"them will fail: {', '.join(names)}.",
                hint=(
                    "Register none of billing's models there, or a class that inherits from the "
                    'one in billing_office; "unfold" stands before "django.contrib.admin".'
                ),
                id="billing_office.W002",
            )
        ]
    return []


def _not_shown(why: str, hint: str) -> Warning:
    return Warning(f"The back office is not shown: {why}.", hint=hint, id="billing_office.W001")
