"""The AdminSite that shows the lists of money: the one that BILLING_ADMIN_SITE names. A project may
have several, and one without Django's admin has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.urls import reverse
from django.utils.module_loading import autodiscover_modules, import_string

from billing.conf import conf

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite


def admin_site() -> AdminSite | None:
    """None without Django's admin, and where the setting names no AdminSite: `manage.py check` says
    so (`checks/admin_site.py`).
    """
    if not apps.is_installed("django.contrib.admin"):
        return None
    try:
        return import_admin_site(conf.BILLING_ADMIN_SITE)
    except ImportError:
        return None


def import_admin_site(path: str) -> AdminSite:
    """The AdminSite of this dotted path. Raises ImportError where there is none."""
    from django.contrib.admin import AdminSite

    try:
        site = import_string(str(path))
    except TypeError as error:  # "..": a relative import
        raise ImportError(f"{path} is no dotted path") from error
    if not isinstance(site, AdminSite):
        raise ImportError(f"{path} is a {type(site).__name__}")
    return site


def admin_url(name: str, *args: Any, site: AdminSite | None = None) -> str:
    """The address of a page of `site`, else of the site that shows the lists:
    admin_url("billing_point_change", 7). Another site may stand beside it, so its name is told.
    """
    site = site or admin_site()
    return reverse(f"admin:{name}", args=args, current_app=site.name if site else None)


def is_discovered_before(label: str) -> bool:
    """Whether Django's admin has loaded every `admin.py` of the project by the time that the app
    `label` is made ready: it stands before it in INSTALLED_APPS. What this app shows is registered
    then, behind all that the project registers.
    """
    from django.contrib.admin.apps import AdminConfig

    order = list(apps.app_configs)
    return (
        "admin" in order
        and isinstance(apps.app_configs["admin"], AdminConfig)
        and order.index("admin") < order.index(label)
    )


def load_all_admin_modules() -> None:
    """For an app that stands before Django's admin: load the `admin.py` of the others first, so
    that what they register is there. A second time: nothing happens.
    """
    autodiscover_modules("admin")


def shows_office(site: AdminSite) -> bool:
    """Whether the back office (the app `billing_office`) is what this site shows; else plain lists.
    Asked by both, so that it does not matter which of them stands first in INSTALLED_APPS.

    Its pages are made of Unfold's, which work on a site of Unfold's only.
    """
    if not (apps.is_installed("billing_office") and apps.is_installed("unfold")):
        return False
    from unfold.sites import UnfoldAdminSite

    return isinstance(site, UnfoldAdminSite)
