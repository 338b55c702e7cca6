"""A database is made for one mode, and says which: the demo's points and passwords can never become
live.

migrate stamps it; every process looks at the stamp on its first connection and refuses another
mode's database.
"""

from __future__ import annotations

import logging
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.db.database_state import billing_alias, describe_database, require_tables

logger = logging.getLogger(__name__)

TABLE = "billing_installation"
DEMO_PEOPLE = {"demo": "demo1234!", "admin": "admin1234!"}  # made by `serve` in sandbox mode
_verified: set[tuple[str, str]] = set()


class WrongDatabase(ImproperlyConfigured):
    """This database belongs to the other mode."""


def write_stamp(alias: str) -> None:
    """Write the mode into a fresh database. A second time: nothing changes."""
    installation = apps.get_model("billing", "Installation")
    connection = connections[alias]
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return
    if installation.objects.using(alias).exists():
        return
    if settings.IAMPORT_MODE == "live" and (name := _demo_person(alias)):
        raise WrongDatabase(
            f"this database holds the demo's {name!r} with its published password: choose "
            "another DATABASE_URL for live mode."
        )
    installation.objects.using(alias).get_or_create(pk=1, defaults={"mode": settings.IAMPORT_MODE})


def _demo_person(alias: str) -> str | None:
    """The name of a user whom `serve` made in sandbox mode and whose password was never changed."""
    users = get_user_model()
    for name, password in DEMO_PEOPLE.items():
        person = users._default_manager.using(alias).filter(**{users.USERNAME_FIELD: name}).first()
        if person and person.check_password(password):
            return name
    return None


def check_stamp(connection: BaseDatabaseWrapper) -> None:
    """Raise WrongDatabase, with the connection closed, if this database was made for another mode.
    Asked once per process and database.
    """
    database = (connection.alias, str(connection.settings_dict["NAME"]))
    if connection.alias != billing_alias() or database in _verified:
        return
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return  # not migrated yet: migrate will stamp it
        cursor.execute("SELECT mode FROM billing_installation")
        row = cursor.fetchone()
    if row is None:
        return
    if row[0] != settings.IAMPORT_MODE:
        connection.close()
        raise WrongDatabase(
            f"this database was made for {row[0]} mode and IAMPORT_MODE is "
            f"{settings.IAMPORT_MODE}: choose another DATABASE_URL."
        )
    _verified.add(database)


def check_database() -> None:
    """Look at stamp and tables when a server starts; raises WrongDatabase, TablesMissing. A
    database that is silent is left to /readyz.
    """
    try:
        connections[billing_alias()].ensure_connection()
        require_tables()
    except DatabaseError as error:
        logger.warning(
            "the database %s does not answer yet: %s",
            describe_database(),
            str(error).strip().split("\n")[0],
        )
    finally:
        connections[billing_alias()].close()


def on_connection(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receiver of connection_created."""
    check_stamp(connection)
