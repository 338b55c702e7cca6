"""A database is made for one mode, and says which: the demo's points can never become live.

migrate stamps it. Billing's verbs, pages, jobs and `check` look at the stamp, once in each process,
and refuse another mode's database; connections that a project uses for other things are not looked
at. docs/install.md tells the way from sandbox to live in one database.
"""

from __future__ import annotations

import logging
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.conf import conf
from billing.db.database_state import billing_alias, describe_database, require_tables

logger = logging.getLogger(__name__)

TABLE = "billing_installation"
_verified: set[tuple[str, str, str]] = set()  # alias, database, mode


class WrongDatabase(ImproperlyConfigured):
    """This database belongs to the other mode."""


def write_stamp(alias: str) -> None:
    """Write the mode into a fresh database. A second time: nothing changes."""
    connection = connections[alias]
    if not _has_table(connection) or stamped_mode(alias) is not None:
        return
    installation = apps.get_model("billing", "Installation")
    installation.objects.using(alias).get_or_create(pk=1, defaults={"mode": conf.IAMPORT_MODE})


def stamped_mode(alias: str) -> str | None:
    """The mode that this database was made for; None where migrate has not stamped it yet."""
    return _read_stamp(connections[alias])


def require_mode() -> None:
    """Raise WrongDatabase where the database of money was made for another mode. It is asked once
    for each process and mode; a database without a stamp is asked again.
    """
    alias = billing_alias()
    connection = connections[alias]
    if _known(connection) not in _verified:
        _verify(connection)


def require_money() -> None:
    """Raise WrongDatabase as `require_mode` does, TablesMissing where migrate has not run."""
    require_mode()
    if _known(connections[billing_alias()]) not in _verified:  # no stamp
        require_tables()


def on_connection(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receiver of connection_created, for a site whose whole database belongs to its mode: the
    connection is closed and WrongDatabase raised, whoever opened it.
    """
    if connection.alias != billing_alias() or _known(connection) in _verified:
        return
    try:
        _verify(connection)
    except WrongDatabase:
        connection.close()
        raise


def _verify(connection: BaseDatabaseWrapper) -> None:
    mode = _read_stamp(connection)
    if mode is None:
        return  # migrate will stamp it
    if mode != conf.IAMPORT_MODE:
        raise WrongDatabase(
            f"this database was made for {mode} mode and IAMPORT_MODE is "
            f"{conf.IAMPORT_MODE}: choose another database."
        )
    _verified.add(_known(connection))


def _known(connection: BaseDatabaseWrapper) -> tuple[str, str, str]:
    return connection.alias, str(connection.settings_dict["NAME"]), conf.IAMPORT_MODE


def _has_table(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        return TABLE in connection.introspection.table_names(cursor)


def _read_stamp(connection: BaseDatabaseWrapper) -> str | None:
    if not _has_table(connection):
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT mode FROM {TABLE}")  # noqa: S608
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def check_database() -> None:
    """Look at stamp and tables when a server starts; raises WrongDatabase, TablesMissing. A
    database that is silent is left to /readyz.
    """
    try:
        require_mode()
        require_tables()
    except DatabaseError as error:
        logger.warning(
            "the database %s does not answer yet: %s",
            describe_database(),
            str(error).strip().split("\n")[0],
        )
    finally:
        connections[billing_alias()].close()
