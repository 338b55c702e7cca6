"""Which database this process works on, in words, and whether it has the tables of this code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from billing.conf import conf
from billing.db.routing import write_alias

# Alias and name of databases that were found to have all tables.
_complete: set[tuple[str, str]] = set()


class TablesMissing(ImproperlyConfigured):
    """migrate has not run, or not to the end. The text is one sentence for the person who starts
    the program.
    """


def billing_alias() -> str:
    """The alias that money is written to."""
    return write_alias(apps.get_model("billing", "PointTransaction"))


def describe_database(alias: str | None = None) -> str:
    """Engine and place: "postgresql points@db.example:5432/points", "sqlite
    /srv/points/var/live.sqlite3". Never a password.
    """
    configured: dict[str, Any] = connections[alias or billing_alias()].settings_dict
    engine, name = str(configured["ENGINE"]).rpartition(".")[2], str(configured["NAME"])
    if engine == "sqlite3":
        return f"sqlite {Path(name).absolute()}"
    host = configured.get("HOST") or (configured.get("OPTIONS") or {}).get("host") or ""
    port = f":{configured['PORT']}" if host and configured.get("PORT") else ""
    user = f"{configured['USER']}@" if configured.get("USER") else ""
    return f"{engine} {user}{host}{port}/{name}"


def database_heading() -> str:
    """The line that a job begins with."""
    return f"Mode: {conf.IAMPORT_MODE} · database: {describe_database()}"


def require_tables() -> None:
    """Raise TablesMissing where migrations of billing, or of what it stands on, are not applied.
    Asked until it is well, then no more.

    Raises what the database raises where it cannot be reached.
    """
    alias = billing_alias()
    database = (alias, str(connections[alias].settings_dict["NAME"]))
    if database in _complete:
        return
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes("billing"))
    ours = [migration for migration, _backwards in plan if migration.app_label == "billing"]
    if plan:
        whole = len(ours) == len(
            [name for label, name in executor.loader.disk_migrations if label == "billing"]
        )
        what = (
            "The tables of billing are"
            if whole
            else f"The changes of {plan[0][0]} to the tables are"
        )
        raise TablesMissing(
            f"{what} missing in the database {describe_database(alias)}: run `manage.py migrate`."
        )
    _complete.add(database)
