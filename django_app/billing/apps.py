"""The app's wiring."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Prepaid points, charged through iamport."""

    name = "billing"
    verbose_name = _("Billing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from billing import checks  # noqa: F401  (registers them)
        from billing.admin_site import is_discovered_before
        from billing.notifications import member_mail

        member_mail.connect()
        if is_discovered_before("billing"):
            from billing.admin import show_lists

            show_lists()
        post_migrate.connect(_after_migrate, sender=self, dispatch_uid="billing.after_migrate")


def _after_migrate(sender: AppConfig, using: str, **kwargs: Any) -> None:
    from billing.db import environment_stamp, permissions, triggers

    triggers.create_triggers(using)
    environment_stamp.write_stamp(using)
    permissions.create_groups(using, sender)
