"""How commands speak: which database they work on, a table, progress on a terminal, a log that does
not drown them, and a clean stop.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, OperationalError

from billing.db.database_state import (
    TablesMissing,
    database_heading,
    describe_database,
    require_tables,
)
from billing.db.environment_stamp import WrongDatabase, require_mode

REFRESH = 0.2  # seconds between two lines of progress
WIDTH = 100


class JobCommand(BaseCommand):
    """A command that works on the tables of money. Where they are missing or silent it ends in one
    sentence and exit code 1.
    """

    stealth_options = ("within",)  # the job whose step this is: it has named the database already

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            require_tables()
            require_mode()
        except (TablesMissing, WrongDatabase) as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(
                f"The database {describe_database()} cannot be used: {first_line(error)}"
            ) from None
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            raise CommandError(
                f"The database {describe_database()} failed: {first_line(error)}"
            ) from error

    def name_database(self, options: dict[str, Any]) -> None:
        """Say in which mode and on which database this job works; a step of another job leaves that
        to it.
        """
        if not options.get("within"):
            self.stdout.write(database_heading())


def first_line(error: Exception) -> str:
    """What the database says, without its hints; drivers put no password there."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def table(lines: Sequence[Sequence[str]]) -> str:
    """Aligned columns: the first to the left, numbers to the right. The first line is the
    heading.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    made = []
    for line in lines:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        made.append("  ".join(cells).rstrip())
    return "\n".join(made)


class Progress:
    """One line on a terminal that is written over and over, and gone at the end; nothing elsewhere.
    `out`: a command's stderr.
    """

    def __init__(self, out: Any) -> None:
        self._out = out if out.isatty() else None
        self._next = 0.0

    def __enter__(self) -> Progress:
        return self

    def __call__(self, line: str) -> None:
        if self._out is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + REFRESH
            self._out.write(f"\r{line[:WIDTH].ljust(WIDTH)}", ending="")
            self._out.flush()

    def __exit__(self, *error: object) -> None:
        if self._out is not None and self._next:
            self._out.write(f"\r{' ' * WIDTH}\r", ending="")


@contextmanager
def quiet_log(verbosity: int) -> Iterator[None]:
    """Without a line for every call to the gateway, unless --verbosity 2 asks for them."""
    logger = logging.getLogger("billing")
    level = logger.level
    if verbosity < 2:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def clean_stop() -> Iterator[None]:
    """A supervisor's stop (SIGTERM) is as clean as Ctrl-C. Only a main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # None: set by other than Python
