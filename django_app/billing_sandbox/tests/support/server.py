"""A stand-alone sandbox in a process of its own, on a free loopback port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

APP = Path(__file__).resolve().parents[3]
_CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DJANGO_", "SANDBOX_", "IAMPORT_", "BILLING_"))
}


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(port: int, *options: str) -> list[str]:
    """manage.py sandbox, as a person starts it."""
    return [sys.executable, str(APP / "manage.py"), "sandbox", "--port", str(port), *options]


def gunicorn(port: int, *options: str) -> list[str]:
    """The same under gunicorn; skips the test where that is not installed."""
    pytest.importorskip("gunicorn", reason="requirements-live.txt")
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "--chdir",
        str(APP),
        "--bind",
        f"127.0.0.1:{port}",
        *options,
        "billing_sandbox.standalone.wsgi",
    ]


@contextmanager
def running(arguments: list[str], port: int, **environment: str) -> Iterator[str]:
    """Start, wait until it answers, yield `http://127.0.0.1:port`, stop."""
    process = subprocess.Popen(
        arguments,
        env={**_CLEAN, **environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    here = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if process.poll() is not None:
                raise AssertionError(f"it ended: {process.stdout.read() if process.stdout else ''}")
            try:
                requests.get(f"{here}/sandbox/iamport.js", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        else:
            raise AssertionError("it did not answer within 15 seconds")
        yield here
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def token(here: str, key: str = "key", secret: str = "secret") -> str:
    """A running access token of that pair."""
    answer = requests.post(
        f"{here}/sandbox/api/users/getToken",
        json={"imp_key": key, "imp_secret": secret},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["response"]["access_token"])


def control(here: str, path: str, **body: object) -> dict[str, Any]:
    """One call of the control API that must succeed."""
    answer = requests.post(f"{here}/sandbox/control/{path}", json=body, timeout=30)
    assert answer.status_code < 300, answer.text
    values: dict[str, Any] = answer.json()
    return values
