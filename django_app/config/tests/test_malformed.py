"""Requests that Django cannot build are a 400 of ours, never the server's bare 500."""

import asyncio
import http.client
import io
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.malformed import ASGIApplication, WSGIApplication
from config.tests.support.programs import free_port

APP = Path(__file__).resolve().parents[2]
ODD_CHARSETS = [
    "hex",
    "zip",
    "bz2",
    "rot13",
    "base64",
    "uu",
    "quopri",
    "punycode",
    "idna",
    "undefined",
]
PATHS = [
    "/accounts/login/",
    "/healthz",
    "/readyz",
    "/billing/webhook/",
    "/admin/login/",
    "/nowhere/",
]
MANY_NAMES = "a&" * 1500

pytestmark = pytest.mark.django_db


def ask(path, query, content_type, method="GET"):
    """(status, headers, body) of the WSGI application itself."""
    seen = {}

    def start_response(status, headers, *_more):
        seen["status"], seen["headers"] = int(status[:3]), dict(headers)

    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query,
        "CONTENT_TYPE": content_type, "CONTENT_LENGTH": "0",
        "SERVER_NAME": "testserver", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost", "wsgi.input": io.BytesIO(b""), "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr, "wsgi.version": (1, 0),
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    answer = WSGIApplication()(environ, start_response)
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return seen["status"], seen["headers"], body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("charset", ODD_CHARSETS)
def test_a_charset_that_is_none_for_text_is_a_400_at_every_address(path, charset):
    for method in ("GET", "POST", "HEAD"):
        status, headers, body = ask(path, "a=%ff", f"text/plain; charset={charset}", method)
        if path in ("/healthz", "/readyz") and status in (
            200,
            405,
        ):  # idna reads it, and a probe looks at nothing
            assert charset in ("punycode", "idna")
            continue
        assert status == 400, (method, path, charset)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert body in (b"unreadable request\n", b"")


def test_too_many_names_with_a_charset_are_a_400(caplog):
    with caplog.at_level(logging.WARNING, logger="config.malformed"):
        status, headers, body = ask("/healthz", MANY_NAMES, "text/plain; charset=utf-8")
    assert (status, headers["Cache-Control"], body) == (400, "no-store", b"unreadable request\n")
    assert [(record.message, record.exc_info) for record in caplog.records] == [
        ("unreadable request (TooManyFieldsSent): 'GET' '/healthz'", None)
    ]


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "euc-kr", "UTF8", "nobody-knows-it"])
def test_odd_but_possible_charsets_go_on(charset):
    status, _headers, body = ask("/healthz", "a=1", f"text/plain; charset={charset}")
    assert (status, body) == (200, b"ok\n")


def test_an_error_of_a_later_stage_is_not_taken_for_the_clients(monkeypatch):
    def broken(*args):
        raise LookupError("ours")

    monkeypatch.setattr(WSGIApplication, "get_response", broken)
    with pytest.raises(LookupError, match="ours"):
        ask("/healthz", "", "text/plain")


@pytest.mark.parametrize(("query", "charset"), [(b"a=1", b"hex"), (MANY_NAMES.encode(), b"utf-8")])
def test_asgi_answers_the_same(query, charset):
    sent = []

    async def talk():
        events = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive():
            try:
                return next(events)
            except StopIteration:
                await asyncio.sleep(60)

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/accounts/login/",
            "query_string": query,
            "http_version": "1.1",
        }
        headers = [(b"host", b"localhost"), (b"content-type", b"text/plain; charset=" + charset)]
        await ASGIApplication()(
            {**scope, "client": ["127.0.0.1", 50000], "headers": headers}, receive, send
        )

    asyncio.run(talk())
    assert sent[0]["status"] == 400
    assert dict(sent[0]["headers"])[b"X-Content-Type-Options"] == b"nosniff"


@pytest.mark.thorough
@pytest.mark.parametrize("server", ["gunicorn", "serve"])
def test_real_servers_answer_400_and_log_one_line(server, tmp_path):
    if server == "gunicorn":
        pytest.importorskip("gunicorn", reason="requirements-live.txt")
    port = free_port()
    command = {
        "gunicorn": [
            "-m",
            "gunicorn",
            "--bind",
            f"127.0.0.1:{port}",
            "--threads",
            "2",
            "config.wsgi",
        ],
        "serve": ["manage.py", "serve"],
    }[server]
    environment = {
        "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    if server == "serve":
        (tmp_path / "served.py").write_text(
            f"from config.settings.test import *\nHOST, PORT = '127.0.0.1', {port}\n",
            encoding="utf-8",
        )
        environment.update(DJANGO_SETTINGS_MODULE="served", PYTHONPATH=str(tmp_path))
    else:  # gunicorn's application refuses to start without its tables; `serve` makes them
        environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/served.sqlite3"
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=APP,
            env=environment,
            check=True,
            timeout=120,
        )
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=APP,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        answer = None
        for _ in range(300):
            try:
                answer = _get(port, "/healthz", "text/plain")
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        assert answer == (200, None)
        for path in PATHS:
            assert _get(port, f"{path}?a=1", "text/plain; charset=hex") == (400, "nosniff")
            assert _get(port, f"{path}?{MANY_NAMES}", "text/plain; charset=utf-8") == (
                400,
                "nosniff",
            )
    finally:
        process.terminate()
        process.wait(30)
    written = log.read_text(encoding="utf-8")
    assert "Traceback" not in written
    assert written.count("unreadable request (") == 2 * len(PATHS)


def _get(port, path, content_type):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Content-Type": content_type})
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("X-Content-Type-Options")
    finally:
        connection.close()
