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
        from billing.db import environment_stamp
        from billing.notifications import member_mail

        connection_created.connect(
            environment_stamp.on_connection, dispatch_uid="billing.db.environment_stamp"
        )
        member_mail.connect()
        post_migrate.connect(_after_migrate, sender=self, dispatch_uid="billing.after_migrate")


def _after_migrate(sender: AppConfig, using: str, **kwargs: Any) -> None:
    from billing.db import environment_stamp, extra_indexes, permissions, triggers

    triggers.create_triggers(using)
    environment_stamp.write_stamp(using)
    extra_indexes.create_indexes(using)
    permissions.create_groups(using, sender)
