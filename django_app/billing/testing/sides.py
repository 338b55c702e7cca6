"""The stand-in answers in the thread that asked, often on the same database connection. Here each
of the two sides, the stand-in and the project, gets what is its own: URLs, language, time zone, and
the list of statements that tests count.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation

from billing.conf import conf
from billing_sandbox.database import alias

URLCONF = "billing_sandbox.standalone.urls"
STATEMENTS_KEPT = 9_000  # as many as Django keeps


@dataclass
class _Notes:
    """What a connection notes down for whoever counts or watches its statements."""

    queries_log: deque[dict[str, str]] = field(
        default_factory=lambda: deque(maxlen=STATEMENTS_KEPT)
    )
    execute_wrappers: list[Callable[..., Any]] = field(default_factory=list)


class _Outside(threading.local):
    """The project's notes of each connection, while this thread is on the stand-in's side."""

    def __init__(self) -> None:
        self.notes: list[tuple[BaseDatabaseWrapper, _Notes]] = []


_outside = _Outside()


@contextmanager
def sandbox_side() -> Iterator[None]:
    """Inside the block the thread belongs to the stand-in: nothing of the project's request shows,
    and no statement counts as the project's. May be nested.
    """
    connection = connections[alias()]
    with ExitStack() as stack:
        stack.callback(set_urlconf, get_urlconf())
        stack.callback(set_script_prefix, get_script_prefix())
        set_urlconf(URLCONF)
        set_script_prefix("/")
        stack.enter_context(translation.override(conf.django.LANGUAGE_CODE))
        stack.enter_context(timezone.override(None))
        stack.enter_context(uncounted(connection))
        stack.callback(_forget_own_callbacks, connection)
        yield


@contextmanager
def uncounted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Statements on this connection inside the block are seen by nobody who counts them."""
    outside = _Notes(connection.queries_log, connection.execute_wrappers)
    _outside.notes.append((connection, outside))
    with _noted_by(connection, _Notes()):
        try:
            yield
        finally:
            _outside.notes.pop()


@contextmanager
def project_side() -> Iterator[None]:
    """Inside the block the thread belongs to the project again, as when a new request arrives: a
    webhook is handed to it while the stand-in is at work.
    """
    notes, _outside.notes = _outside.notes, []
    with ExitStack() as stack:
        stack.callback(setattr, _outside, "notes", notes)
        stack.callback(set_urlconf, get_urlconf())
        set_urlconf(None)
        # The request's middleware may choose another language and leave it so.
        stack.enter_context(translation.override(conf.django.LANGUAGE_CODE))
        stack.enter_context(timezone.override(None))
        if notes:
            stack.enter_context(_noted_by(*notes[0]))
        yield


@contextmanager
def _noted_by(connection: BaseDatabaseWrapper, notes: _Notes) -> Iterator[None]:
    before = connection.queries_log, connection.execute_wrappers
    connection.queries_log = notes.queries_log
    connection.execute_wrappers = notes.execute_wrappers
    try:
        yield
    finally:
        connection.queries_log, connection.execute_wrappers = before


def _forget_own_callbacks(connection: BaseDatabaseWrapper) -> None:
    """A test's transaction never commits, and the project may look at what waits for its commit."""
    connection.run_on_commit = [
        waiting
        for waiting in connection.run_on_commit
        if not str(getattr(waiting[1], "__module__", "")).startswith("billing_sandbox.")
    ]
