"""Django looks for this module in every app: here the back office enters the site that
BILLING_ADMIN_SITE names. Where its pages do not work, `billing/admin.py` has plain lists there.
"""

from billing.admin_site import (
    admin_site,
    is_discovered_before,
    load_all_admin_modules,
    shows_office,
)


def show_office() -> None:
    """On the site that the setting names, if that is one of Unfold's."""
    site = admin_site()
    if site is not None and shows_office(site):
        from billing_office.site import register  # made of Unfold, which may be missing

        register(site)


if not is_discovered_before("billing_office"):  # else the app shows it when it is ready
    load_all_admin_modules()
    show_office()
