"""The app's wiring."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Prepaid points, charged through iamport."""

    name = "billing"
    verbose_name = _("Billing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from billing import checks, installation, mail  # noqa: F401  (checks register themselves)

        connection_created.connect(installation.on_connection, dispatch_uid="billing.installation")
        mail.connect()
        post_migrate.connect(_after_migrate, sender=self, dispatch_uid="billing.after_migrate")


def _after_migrate(sender: AppConfig, using: str, **kwargs: Any) -> None:
    from billing import foreign_indexes, installation, permissions, triggers

    triggers.install(using)
    installation.stamp(using)
    foreign_indexes.install(using)
    permissions.install(using, sender)
