"""Values that come from outside the code: environment variables and the secret file.

Every mistake ends in one `ConfigurationError`: a sentence that names the file or variable and the
key. `exit_on_config_error` turns it into that sentence on standard error and an exit code, for
manage.py and the servers' entry points.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

# PostgreSQL's driver and the client of Redis are not among what every clone installs.
INSTALL_LIVE = "pip install --require-hashes -r requirements-live.lock"
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
_HOST = re.compile(r"https://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?")
_ADDRESS = re.compile(r"(https://[A-Za-z0-9.:-]+)?/[^\s;,]*")


class ConfigurationError(ImproperlyConfigured):
    """A setting is missing or wrong. The text is one sentence for the person who starts the
    program; it never holds a secret.
    """


@contextmanager
def exit_on_config_error(code: int = 1) -> Iterator[None]:
    """Print a configuration mistake, or that the database cannot be reached, as one sentence and
    leave with `code`; other exceptions pass.

    gunicorn stops for good on 3 and would start a worker that left with 1 over and over.
    """
    try:
        yield
    except ImproperlyConfigured as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(code) from None
    except Exception as error:
        if not _while_connecting(error):
            raise
        from django.apps import apps

        from billing.db.database_state import describe_database

        # The sandbox alone has a file of its own.
        which = f" {describe_database()}" if apps.is_installed("billing") else ""
        sys.stderr.write(
            f"error: the database{which} cannot be used: {str(error).strip().splitlines()[0]}\n"
        )
        raise SystemExit(code) from None


def _while_connecting(error: Exception) -> bool:
    """Whether a database did not let us in. (Once a command has ended, no connection is left to be
    asked.)
    """
    from django.db import OperationalError

    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, OperationalError) and any(
        frame.name == "get_new_connection" for frame in frames
    )


# -- environment variables -------------------------------------------------------------------------


def flag(name: str, default: bool) -> bool:
    """The on/off variable `name`; anything but 1 0 true false yes no on off is a
    ConfigurationError.
    """
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name} is {value!r}: write 1 or 0.")


def words(name: str) -> list[str]:
    """The comma-separated variable `name` as a list without empty items."""
    return [item.strip() for item in os.environ.get(name, "").split(",") if item.strip()]


def hosts(name: str, default: list[str]) -> list[str]:
    """The comma-separated variable `name` as sources of a Content-Security-Policy: https://host or
    https://*.host.
    """
    found = words(name)
    for host in found:
        if not _HOST.fullmatch(host):
            raise ConfigurationError(
                f"{name} has {host!r}: write origins such as https://pay.example or "
                "https://*.pay.example."
            )
    return found or default


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    """The variable `name`, which must be one of `options`."""
    value = os.environ.get(name, "").strip() or default
    if value not in options:
        raise ConfigurationError(f"{name} is {value!r}: write {' or '.join(options)}.")
    return value


MODES = ("live", "sandbox")


def mode() -> str:
    """IAMPORT_MODE. Where it is not set, the mode whose settings DJANGO_SETTINGS_MODULE names, else
    live. ConfigurationError where the two contradict each other, before any key is read.
    """
    named = os.environ.get("DJANGO_SETTINGS_MODULE", "").removeprefix("config.settings.")
    if named not in MODES:
        return choice("IAMPORT_MODE", MODES, "live")
    chosen = choice("IAMPORT_MODE", MODES, named)
    _refuse_other(named, chosen)
    return chosen


def settings_module() -> str:
    """The settings of the mode, for DJANGO_SETTINGS_MODULE."""
    return f"config.settings.{mode()}"


def require_mode(name: str) -> None:
    """ConfigurationError where the settings of one mode are loaded, also by a module of another
    name, while the mode is another: keys, database and gateway would be mixed.
    """
    _refuse_other(name, mode())


def _refuse_other(named: str, chosen: str) -> None:
    if chosen != named:
        raise ConfigurationError(
            f"DJANGO_SETTINGS_MODULE is config.settings.{named}, and IAMPORT_MODE is {chosen!r}: "
            "set one of them only."
        )


def port(name: str, default: int) -> int:
    """The variable `name` as a TCP port."""
    value = os.environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit() and 0 < int(value[:6]) < 65536):
        raise ConfigurationError(f"{name} is {value!r}: write a port from 1 to 65535.")
    return int(value)


def origin(name: str) -> str:
    """The variable `name` as scheme and host without a path, such as https://shop.example; "" where
    it is not set.
    """
    value = os.environ.get(name, "").strip().rstrip("/")
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        odd = (
            bool(
                parts.path
                or parts.query
                or parts.fragment
                or parts.username is not None
                or not parts.hostname
            )
            or parts.port == 0
        )
    except ValueError:
        odd = True
    if odd or parts.scheme not in {"http", "https"}:
        raise ConfigurationError(
            f"{name} is {value!r}: write scheme and host only, such as https://shop.example."
        )
    return value


def address(name: str) -> str:
    """The variable `name` as an absolute https address or a path of ours; "" where it is
    not set.
    """
    value = os.environ.get(name, "").strip()
    if value and not _ADDRESS.fullmatch(value):
        raise ConfigurationError(
            f"{name} is {value!r}: write an address such as https://reports.example/csp."
        )
    return value


def live_database_url() -> str:
    """DATABASE_URL, which live mode must be given.

    A job whose environment lacks it (cron's does) would work on another, empty database, and report
    that all is well.
    """
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        raise ConfigurationError(
            "DATABASE_URL is not set, and live mode does not guess where its money is: write, "
            "for the server and for every job alike, "
            "DATABASE_URL=postgres://user:password@host:5432/name or, for a SQLite file, "
            "DATABASE_URL=sqlite:////srv/points/var/live.sqlite3."
        )
    return url


def database(url: str, root: Path) -> dict[str, Any]:
    """Django's settings for DATABASE_URL: PostgreSQL, or a SQLite file. No other database has the
    locks and triggers that money needs.

    root: where a relative file name begins, whatever folder a program was started in.
    """
    try:
        parsed: dict[str, Any] = dict(
            dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
        )
        # Behind a pooler the next transaction may meet another server process, which knows neither
        # a cursor nor a statement of this one.
        parsed["DISABLE_SERVER_SIDE_CURSORS"] = flag("DATABASE_POOLED", False)
    except (ValueError, KeyError):
        raise ConfigurationError(
            "DATABASE_URL cannot be read: write postgres://user:password@host:5432/name."
        ) from None
    engine, name = parsed.get("ENGINE", ""), str(parsed.get("NAME") or "")
    if not engine.endswith((".postgresql", ".sqlite3")):
        raise ConfigurationError(
            "DATABASE_URL names a database that is not supported: use PostgreSQL or SQLite."
        )
    if not name or name == ":memory:":
        raise ConfigurationError(
            "DATABASE_URL names no database: write postgres://user:password@host:5432/name or "
            "sqlite:////folder/file."
        )
    if engine.endswith(".sqlite3"):
        parsed["NAME"] = str(_sqlite_file(url, root / name))
    else:
        _require_client("psycopg", "DATABASE_URL names PostgreSQL, but its driver")
    return parsed


def _require_client(module: str, what: str) -> None:
    """The package `module` of requirements-live.txt can be imported, or the sentence that begins
    with `what`.
    """
    try:
        importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(f"{what} is not installed: {INSTALL_LIVE}.") from None


def _sqlite_file(url: str, path: Path) -> Path:
    parts = urlsplit(url)
    if parts.netloc:
        raise ConfigurationError(
            "DATABASE_URL names a host for a SQLite file: write sqlite:////folder/file or "
            "sqlite:///file."
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(
            "DATABASE_URL has a ? or # in the name of a SQLite file: write %3F or %23 for it."
        )
    if path.is_dir() or not path.parent.is_dir():
        why = (
            "is a folder"
            if path.is_dir()
            else f"cannot be made, because there is no folder {path.parent}"
        )
        raise ConfigurationError(f"DATABASE_URL names the SQLite file {path}, which {why}.")
    return path


def cache(url: str, default_folder: Path) -> dict[str, Any]:
    """Django's cache settings for CACHE_URL: redis://…, rediss://…, file:///folder, or "" for files
    in `default_folder`.

    The cache holds the gateway's token and the counters of throttles, so all processes must share
    it.
    """
    scheme = urlsplit(url).scheme
    if scheme in {"redis", "rediss"}:
        _require_client("redis", "CACHE_URL names Redis, but its client")
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    if scheme not in {"", "file"}:
        raise ConfigurationError(
            f"CACHE_URL begins with {scheme!r}: write redis://…, rediss://… or file:///folder."
        )
    location = urlsplit(url).path if url else str(default_folder)
    if not location.startswith("/"):
        raise ConfigurationError("CACHE_URL names no folder: write file:///folder.")
    return {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": location,
        "OPTIONS": {"MAX_ENTRIES": 2000},
    }
