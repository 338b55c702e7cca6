"""The CPU that a full charge takes in the web process: gunicorn with one worker, asked over HTTP, a
gateway of its own process, and the same for an older revision in turn.

A full charge is checkout, the webhook that credits, and the validation by the page that the payer
came back to. Only what the worker itself uses is counted, from /proc, so this part needs Linux;
neither the database's nor the gateway's work is in it.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from itertools import count
from pathlib import Path
from tarfile import open as open_tar

import requests

from peers import environment, postgres
from peers.gateway_server import GatewayProcess, running
from peers.goals import CPU_OF_BASE, SLACK
from peers.sites import migrate, run, surroundings

THREADS = 4  # of the worker, and as many payers
STEPS = ("checkout", "webhook", "validation")
AMOUNT = 10_000
CSRF = "0" * 32  # nobody's: Django compares cookie and header

_numbers = count(1)


class Served:
    """One revision under gunicorn. code: the folder of its checkout."""

    def __init__(self, around: dict[str, str], code: Path, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/billing/"
        migrate(around)
        sessions = json.loads(run(around, "peers.ours.people", str(THREADS)))
        self.payers = [_payer(each) for each in sessions]
        self.senders = [_http() for _ in sessions]  # the gateway's: nobody's cookies
        gunicorn = ["-m", "gunicorn", "--chdir", str(code / "django_app"), "--workers", "1"]
        gunicorn += ["--threads", str(THREADS), "--bind", f"127.0.0.1:{port}"]
        # Payers' connections outlive the other revision's turn, as a proxy's would.
        gunicorn += ["--keep-alive", "600", "config.wsgi"]
        self._process = subprocess.Popen(
            [sys.executable, *gunicorn], env=around, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait(f"http://127.0.0.1:{port}/healthz")

    def close(self) -> None:
        """End gunicorn and its worker."""
        self._process.terminate()
        self._process.wait(60)

    def charges(self, number: int) -> dict[str, float]:
        """CPU seconds of the worker for so many charges, by step."""
        taken, txns = {}, []
        steps: dict[str, Callable] = {
            "checkout": self._checkout,
            "webhook": self._webhook,
            "validation": self._validation,
        }
        for step in STEPS:
            if step == "webhook":
                self.gateway.tell([(imp_uid, uid, AMOUNT) for imp_uid, uid in txns])
            before = self._cpu()
            txns = self._shared(steps[step], txns or [None] * number)
            taken[step] = self._cpu() - before
        return taken

    def _shared(self, step: Callable, items: list) -> list:
        """The step for each item, by all payers at once; each item stays with its payer."""
        results: list = [None] * len(items)

        def work(first: int) -> None:
            for index in range(first, len(items), THREADS):
                results[index] = step(first, items[index])

        threads = [threading.Thread(target=work, args=(each,)) for each in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        if None in results:
            raise SystemExit("not every request was answered well")
        return results

    def _checkout(self, payer: int, _: object) -> tuple[str, str]:
        form = {"amount": str(AMOUNT), "pay_method": "card", "buyer_tel": "010-0000-0000"}
        answer = self.payers[payer].post(f"{self.url}checkout/", form, timeout=30)
        answer.raise_for_status()
        return f"imp_{next(_numbers):012}", answer.json()["merchant_uid"]

    def _webhook(self, payer: int, ids: tuple[str, str]) -> tuple[str, str]:
        body = {"imp_uid": ids[0], "merchant_uid": ids[1], "status": "paid"}
        answer = self.senders[payer].post(f"{self.url}webhook/", json=body, timeout=30)
        answer.raise_for_status()
        return ids

    def _validation(self, payer: int, ids: tuple[str, str]) -> tuple[str, str]:
        form = {"imp_uid": ids[0], "merchant_uid": ids[1]}
        answer = self.payers[payer].post(f"{self.url}validation/", form, timeout=30)
        answer.raise_for_status()
        if answer.json()["status"] != "paid":
            raise SystemExit(f"a charge is {answer.json()['status']}")
        return ids

    def _cpu(self) -> float:
        """Seconds that gunicorn's worker has used, once it rests."""
        time.sleep(0.3)  # mail that waits
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        (worker,) = children.read_text().split()
        after_name = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def _wait(self, url: str) -> None:
        for _ in range(300):
            try:
                requests.get(url, timeout=5).raise_for_status()
                return
            except requests.RequestException:
                if self._process.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit("gunicorn did not start")


def _http() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy stands before 127.0.0.1
    return session


def _payer(session: str) -> requests.Session:
    """The browser of a member who is logged in."""
    payer = _http()
    payer.cookies.update({"sessionid": session, "csrftoken": CSRF})
    payer.headers["X-CSRFToken"] = CSRF
    return payer


def measure(against: str, number: int, rounds: int) -> tuple[list[str], bool]:
    """(lines of Markdown, whether the goal is missed). against: a revision in git."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name, postgres.server() as server:
        folder = Path(name)
        base = folder / "base"
        _check_out(against, base)
        found: dict[str, list[dict[str, float]]] = {"base": [], "now": []}
        with ExitStack() as stack:
            served = {}
            for label, code in (("base", base), ("now", environment.ROOT)):
                around = surroundings("ours", server.create(label), folder, code, label)
                gateway = stack.enter_context(running(around))
                around["PEERS_GATEWAY"] = gateway.url
                served[label] = Served(around, code, gateway)
                stack.callback(served[label].close)
            for round_ in range(rounds + 1):
                for label, each in served.items():
                    taken = each.charges(number if round_ else 10)
                    if round_:  # in the first, everything that happens once happens
                        found[label].append(taken)
        heading = (
            f"{environment.versions()}, PostgreSQL {server.version}, one worker with {THREADS} "
            f"threads, {os.cpu_count()} cores; the median of {rounds} rounds of {number} charges"
        )
    lines = [f"| CPU ms in the worker | {against} | now | ratio |", "|---|---:|---:|---:|"]
    for step in (*STEPS, "full charge"):
        base_ms, now_ms = (
            [sum(each.values()) if step == "full charge" else each[step] for each in found[label]]
            for label in ("base", "now")
        )
        ratio = statistics.median(
            after / before for before, after in zip(base_ms, now_ms, strict=True)
        )
        lines.append(
            f"| {step} | {statistics.median(base_ms) / number * 1_000:.1f} "
            f"| {statistics.median(now_ms) / number * 1_000:.1f} | {ratio:.2f} |"
        )
    return [heading, "", *lines], ratio > CPU_OF_BASE * (1 + SLACK)


def _check_out(revision: str, folder: Path) -> None:
    """The files of this revision."""
    command = ["git", "-C", str(environment.ROOT), "archive", revision]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"git has no revision {revision} here: {done.stderr.decode().strip()}")
    with open_tar(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
