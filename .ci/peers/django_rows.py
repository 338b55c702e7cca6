"""Rows of the sites that are Django's: its own test client for each thread, so that nobody's server
is in the figures.
"""

from __future__ import annotations

import threading
from typing import Any

from django.db import connection, connections
from django.test import Client

from peers.rows import Row, expect

_of_thread = threading.local()


class DjangoRow(Row):
    """A row whose acts are requests, or calls that use Django's connection."""

    def connect(self) -> None:
        connection.ensure_connection()
        _of_thread.client = Client()

    def disconnect(self) -> None:
        connections.close_all()

    def client(self) -> Client:
        """This thread's."""
        client: Client = _of_thread.client
        return client

    def post(self, address: str, body: bytes, status: int = 200, **headers: str) -> Any:
        """Post JSON, and insist on the answer's status."""
        answer = self.client().post(address, body, content_type="application/json", headers=headers)
        expect(address, answer.status_code, status)
        return answer
