"""A database is made for one mode, and says which: the demo's points and passwords can never become live.

migrate stamps it; every process looks at the stamp on its first connection and refuses another mode's database.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "billing_installation"
_verified: set[tuple[str, str]] = set()


class WrongDatabase(ImproperlyConfigured):
    """This database belongs to the other mode."""


def stamp(alias: str) -> None:
    """Write the mode into a fresh database. A second time: nothing changes."""
    installation = apps.get_model("billing", "Installation")
    connection = connections[alias]
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return
    installation.objects.using(alias).get_or_create(pk=1, defaults={"mode": settings.IAMPORT_MODE})


def verify(connection: BaseDatabaseWrapper) -> None:
    """Raise WrongDatabase, with the connection closed, if this database was made for another mode. Asked once per process and database."""
    database = (connection.alias, str(connection.settings_dict["NAME"]))
    if connection.alias != "default" or database in _verified:
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
            f"this database was made for {row[0]} mode and IAMPORT_MODE is {settings.IAMPORT_MODE}: choose another DATABASE_URL."
        )
    _verified.add(database)


def verify_now() -> None:
    """Look at the stamp when a server starts. A database that does not answer yet is left to /readyz."""
    try:
        connections["default"].ensure_connection()
    except DatabaseError:
        return
    finally:
        connections["default"].close()


def on_connection(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receiver of connection_created."""
    verify(connection)
