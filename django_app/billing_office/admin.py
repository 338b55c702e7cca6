"""Django looks for this module in every app: here the back office enters the site that
BILLING_ADMIN_SITE names, where its pages work. Else `billing/admin.py` has plain lists there.
"""

from billing.admin_site import admin_site, shows_office

named_site = admin_site()
if named_site is not None and shows_office(named_site):
    from billing_office.site import register  # made of Unfold, which may be missing

    register(named_site)
