"""The people whom `serve` makes in sandbox mode, with passwords that everybody knows: they must
never come into a database of live mode.
"""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connections

from billing.conf import conf
from billing.db.environment_stamp import WrongDatabase, stamped_mode

DEMO_PEOPLE = {"demo": "demo1234!", "admin": "admin1234!"}


def refuse_demo_people(alias: str) -> None:
    """Raise WrongDatabase where live mode would take over a database without a stamp that holds
    one of them. A stamped database was looked at when it was stamped.
    """
    users = get_user_model()
    if (
        conf.IAMPORT_MODE == "live"
        and users._meta.db_table in connections[alias].introspection.table_names()
        and apps.get_model("billing", "Installation")._meta.db_table
        in connections[alias].introspection.table_names()
        and stamped_mode(alias) is None
        and (name := _demo_person(alias))
    ):
        raise WrongDatabase(
            f"this database holds the demo's {name!r} with its published password: choose "
            "another DATABASE_URL for live mode."
        )


def _demo_person(alias: str) -> str | None:
    """The name of one whose password was never changed."""
    users = get_user_model()
    for name, password in DEMO_PEOPLE.items():
        person = users._default_manager.using(alias).filter(**{users.USERNAME_FIELD: name}).first()
        if person and person.check_password(password):
            return name
    return None
