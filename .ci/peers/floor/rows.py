"""The floor: the statements of a charge on our tables without our code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection

from peers.floor.statements import one_commit, two_commits
from peers.ours.rows import MANY, Charge

_of_thread = threading.local()


class Psycopg(Charge):
    """A loop over a connection of psycopg, which prepares statements by itself. Prepared and
    checked as our charge is.
    """

    def __init__(self, statements: Callable[[Any, Any, bytes], None]) -> None:
        super().__init__(MANY)
        self.statements = statements

    def connect(self) -> None:
        facts = connection.get_connection_params()
        facts = {key: value for key, value in facts.items() if key in ("dbname", "user", "host")}
        _of_thread.connection = psycopg.connect(**facts, autocommit=True)
        _of_thread.cursor = _of_thread.connection.cursor()

    def disconnect(self) -> None:
        _of_thread.connection.close()

    def act(self, item: bytes) -> None:
        self.statements(_of_thread.cursor, _of_thread.connection.transaction, item)


class View(Charge):
    """Over Django."""

    def act(self, item: bytes) -> None:
        self.post("/charge/", item)


ROWS = {
    "psycopg": Psycopg(one_commit),
    "psycopg-ours": Psycopg(two_commits),
    "view": View(MANY),
}
