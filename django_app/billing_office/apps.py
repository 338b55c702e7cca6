"""The back office, as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OfficeConfig(AppConfig):
    """Pages of staff in Django admin. No tables of its own: it shows those of billing."""

    name = "billing_office"
    verbose_name = _("Back office")

    def ready(self) -> None:
        from billing.admin_site import is_discovered_before
        from billing_office import checks  # noqa: F401  (they register themselves)

        if is_discovered_before("billing_office"):
            from billing_office.admin import show_office

            show_office()
