"""The stand-in alone, in processes of its own, over real sockets."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from billing_sandbox.tests.support.server import (
    command,
    control,
    free_port,
    gunicorn,
    running,
    token,
)

CLIENTS = 8
ROUNDS = 6


class Receiver:
    """A merchant's webhook address that counts."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.got.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def customer(here: str, number: int) -> None:
    """One client's day: token, prepare, pay, look up, cancel a part and the rest."""
    with requests.Session() as session:
        for turn in range(ROUNDS):
            session.headers["Authorization"] = f"Bearer {token(here, f'key{number}')}"
            api = f"{here}/sandbox/api"
            name = f"order-{number}-{turn}"
            steps = [
                session.post(
                    f"{api}/payments/prepare",
                    json={"merchant_uid": name, "amount": 1000},
                    timeout=30,
                )
            ]
            imp_uid = control(
                here,
                "pay",
                merchant_uid=name,
                amount=1000,
                pay_method="card",
                outcome="paid",
                webhook=True,
            )["imp_uid"]
            steps.append(session.get(f"{api}/payments/{imp_uid}", timeout=30))
            steps.append(session.get(f"{api}/payments/find/{name}", timeout=30))
            cancel = {"imp_uid": imp_uid, "reason": "test"}
            steps.append(
                session.post(
                    f"{api}/payments/cancel",
                    json={**cancel, "amount": 400, "checksum": 1000},
                    timeout=30,
                )
            )
            steps.append(session.post(f"{api}/payments/cancel", json=cancel, timeout=30))
            for answer in steps:
                assert (answer.status_code, answer.json()["code"]) == (200, 0), answer.text
            assert steps[-1].json()["response"]["cancel_amount"] == 1000


def eight_clients(here: str, receiver: Receiver) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(customer, here, number) for number in range(CLIENTS)]:
            done.result()
    deadline = time.monotonic() + 20
    while len(receiver.got) < CLIENTS * ROUNDS and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    # Each once, whoever sent it.
    assert len(receiver.got) == len(set(receiver.got)) == CLIENTS * ROUNDS


def assert_malformed_is_400(here: str) -> None:
    """A charset that is none for text stops Django before any view."""
    answer = requests.get(
        f"{here}/sandbox/?a=1", headers={"Content-Type": "text/plain; charset=hex"}, timeout=10
    )
    assert (answer.status_code, answer.text) == (400, "unreadable request\n")


@pytest.mark.thorough
def test_the_command_serves_eight_clients_without_an_error():
    port = free_port()
    with (
        Receiver() as receiver,
        running(command(port, "--webhook-url", receiver.url), port) as here,
    ):
        eight_clients(here, receiver)
        imp_uid = control(
            here,
            "pay",
            merchant_uid="seen",
            amount=100,
            pay_method="card",
            outcome="paid",
            webhook=False,
        )["imp_uid"]
        for path in (
            "",
            "iamport.js",
            "control/log",
            f"panel/payments/{imp_uid}/",
            f"receipt/{imp_uid}/",
        ):
            answer = requests.get(f"{here}/sandbox/{path}", timeout=10)
            assert answer.status_code == 200
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert (
            requests.get(here, timeout=10, allow_redirects=False).headers["Location"] == "/sandbox/"
        )
        assert_malformed_is_400(here)
        assert requests.get(f"{here}/static/sandbox/sandbox.css", timeout=10).status_code == 200


@pytest.mark.thorough
def test_several_processes_under_gunicorn_serve_them_too(tmp_path):
    port = free_port()
    options = ("--workers", "2", "--threads", "4", "--log-level", "warning")
    database = {"SANDBOX_DB": str(tmp_path / "db.sqlite3")}
    with (
        Receiver() as receiver,
        running(
            gunicorn(port, *options), port, **database, SANDBOX_WEBHOOK_URL=receiver.url
        ) as here,
    ):
        eight_clients(here, receiver)
        assert_malformed_is_400(here)
        # Each pair has its own, whichever process answers.
        tokens = {token(here, f"key{number}") for number in range(4)}
        assert tokens == {token(here, f"key{number}") for number in range(4)}
        assert len(tokens) == 4


def test_keys_of_your_own(tmp_path):
    port = free_port()
    own = ("--imp-key", "mine", "--imp-secret", "hidden", "--db", str(tmp_path / "kept.sqlite3"))
    with running(command(port, *own), port) as here:
        assert token(here, "mine", "hidden")
        answer = requests.post(
            f"{here}/sandbox/api/users/getToken",
            json={"imp_key": "other", "imp_secret": "x"},
            timeout=10,
        )
        assert (answer.status_code, answer.json()["code"]) == (401, -1)
        imp_uid = control(
            here,
            "pay",
            merchant_uid="kept",
            amount=100,
            pay_method="card",
            outcome="paid",
            webhook=False,
        )["imp_uid"]
    with running(command(port, *own), port) as here:  # a named file is kept
        headers = {"Authorization": token(here, "mine", "hidden")}
        assert (
            requests.get(
                f"{here}/sandbox/api/payments/{imp_uid}", headers=headers, timeout=10
            ).status_code
            == 200
        )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--host", "0.0.0.0"), "is not an address of this machine alone"),
        (("--host", "192.168.0.9"), "is not an address of this machine alone"),
        (("--imp-key", "alone"), "belong together"),
        (("--webhook-url", "nowhere"), "is not a web address"),
        (("--db", "/nowhere/at/all.sqlite3"), "cannot be used"),
        (("--db", __file__), "cannot be used"),
    ],
)
def test_mistakes_are_one_sentence(options, sentence):
    done = subprocess.run(
        command(free_port(), *options), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_one_sentence_and_ctrl_c_is_clean(tmp_path):
    port = free_port()
    environment = {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1", "PATH": "/usr/bin:/bin"}
    first = subprocess.Popen(
        command(port), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for _ in range(200):
            try:
                requests.get(f"http://127.0.0.1:{port}/sandbox/iamport.js", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        second = subprocess.run(
            command(port), capture_output=True, text=True, timeout=30, check=False
        )
        assert (second.returncode, second.stderr) == (
            1,
            f"CommandError: port {port} is taken: choose another with --port.\n",
        )
        assert list(tmp_path.iterdir())
        first.send_signal(signal.SIGINT)
        out, errors = first.communicate(timeout=10)
    finally:
        first.kill()
    assert (first.returncode, errors) == (0, "")
    assert out.rstrip().endswith("Stopped.")
    assert f"http://127.0.0.1:{port}/sandbox/api/" in out
    assert not list(tmp_path.iterdir())  # nothing is left behind


def test_gunicorn_needs_to_know_the_file():
    done = subprocess.run(
        gunicorn(free_port()), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 3
    assert "error: SANDBOX_DB is not set" in done.stderr
