"""The site's own wiring, as a Django app: the commands that serve it, and what guards its
database.
"""

from typing import Any

from django.apps import AppConfig, apps
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class SiteConfig(AppConfig):
    """This site. It stands first in INSTALLED_APPS: what it refuses is refused before billing
    stamps the database.
    """

    name = "config"
    verbose_name = "Site"

    def ready(self) -> None:
        from billing.db import environment_stamp

        # The site's logins live in the same database, so the whole of it is closed to the other
        # mode, not billing's verbs alone.
        connection_created.connect(
            environment_stamp.on_connection, dispatch_uid="config.environment_stamp"
        )
        post_migrate.connect(
            _after_migrate,
            sender=apps.get_app_config("billing"),
            dispatch_uid="config.after_migrate",
        )


def _after_migrate(sender: AppConfig, using: str, **kwargs: Any) -> None:
    from config.demo import refuse_demo_people

    refuse_demo_people(using)
