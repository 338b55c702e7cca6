"""A gateway of its own process, for what is measured over HTTP: it answers whatever it was told
about, after a while, and counts.

python -m peers.gateway_server [MILLISECONDS]: prints its address, and serves on 127.0.0.1 until
standard input ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from peers import gateway

_payments: dict[str, bytes] = {}
_counts: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    """V1 under /, and two addresses for who measures: POST /told, GET /counts."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wait = 0.0  # seconds before an answer

    def setup(self) -> None:
        super().setup()
        self._counted = False

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/counts":
            self._answer(json.dumps(_counts).encode())
            _counts.clear()
        else:
            self._as_gateway(_payments[path.rpartition("/")[2]])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/told":
            for imp_uid, merchant_uid, amount in json.loads(body):
                _payments[imp_uid] = gateway.paid(imp_uid, merchant_uid, amount)
            self._answer(b"{}")
        elif self.path == "/users/getToken":
            self._as_gateway(gateway.token())
        else:
            self._as_gateway(gateway.enveloped(json.loads(body)))

    def _as_gateway(self, body: bytes) -> None:
        _counts["calls"] += 1
        _counts["connections"] += not self._counted
        self._counted = True
        time.sleep(self.wait)
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        """Head and body in one packet: in two, the second waits for the client's word."""
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class GatewayProcess:
    """The server, as who measures sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands before 127.0.0.1

    def tell(self, payments: list[tuple[str, str, int]]) -> None:
        """imp_uid, merchant_uid and won of payments that were made."""
        self._session.post(f"{self.url}told", json=payments, timeout=10).raise_for_status()

    def counts(self) -> dict[str, int]:
        """Calls and connections since the last time."""
        found: dict[str, int] = self._session.get(f"{self.url}counts", timeout=10).json()
        return {"calls": 0, "connections": 0, **found}


@contextmanager
def running(surroundings: dict[str, str], milliseconds: int = 0) -> Iterator[GatewayProcess]:
    """The server, for the time of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "peers.gateway_server", str(milliseconds)],
        env=surroundings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin  # noqa: S101
    assert process.stdout  # noqa: S101
    try:
        yield GatewayProcess(process.stdout.readline().strip())
    finally:
        process.stdin.close()
        process.wait(20)


def main() -> None:
    """Serve until standard input ends."""
    Handler.wait = float(sys.argv[1]) / 1_000 if len(sys.argv) > 1 else 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
