"""Sets the stand-in alone up: its database, and what several processes must share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connections

from billing_sandbox.router import ALIAS


def set_up_shared_database() -> None:
    """For one of several processes on the file SANDBOX_DB: one key for all, tables made by whoever
    comes first.

    Raises ImproperlyConfigured, one sentence. Doing it again changes nothing.
    """
    name = os.environ.get("SANDBOX_DB", "").strip()
    if not name:
        raise ImproperlyConfigured(
            "SANDBOX_DB is not set: name the database file that all processes of the sandbox share."
        )
    path = Path(name)
    with _one_process_at_a_time(path.with_name(path.name + ".lock")):
        settings.SECRET_KEY = _shared_secret_key(path.with_name(path.name + ".key"))
        django.setup()
        make_tables(path)


def make_tables(path: Path) -> None:
    """Bring the database at `path` up to date. Raises ImproperlyConfigured where that is
    impossible.
    """
    settings.DATABASES[ALIAS]["NAME"] = str(path)
    try:
        call_command("migrate", database=ALIAS, interactive=False, verbosity=0)
        for wanted in ("sandbox_payment", "sandbox_token"):
            if wanted not in connections[ALIAS].introspection.table_names():
                raise ImproperlyConfigured(f"{path} is not a database of the sandbox.")
    except DatabaseError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be used as the sandbox's database ({error})."
        ) from None
    finally:
        connections[ALIAS].close()


@contextmanager
def _one_process_at_a_time(path: Path) -> Iterator[None]:
    """Let one process at a time in."""
    import fcntl  # where gunicorn runs, this is; elsewhere the command must do without

    try:
        file = path.open("w")
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path.parent} cannot be written: {os.strerror(error.errno or 0)}."
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _shared_secret_key(path: Path) -> str:
    """The key of all processes on this file, made by the first; only the owner may read it."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text()
