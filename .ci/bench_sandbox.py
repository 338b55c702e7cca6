"""Measures the stand-alone sandbox: start-up, GET payment and the full pay sequence, with the
public load tool autocannon (npm).

python .ci/bench_sandbox.py [--seconds 8] [--workers 2] [--threads 4] [--connections 8]      needs
  Node; loopback only
"""

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AUTOCANNON = "autocannon@8.0.0"
SEQUENCE = ("getToken", "prepare", "pay", "GET payment", "cancel")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(url: str, body: object = None, token: str = "") -> dict:
    """One JSON call."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": token}
    request = urllib.request.Request(url, data, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def ready(here: str, since: float) -> float:
    """Seconds from `since` until the server answers."""
    while time.monotonic() - since < 30:
        try:
            urllib.request.urlopen(f"{here}/sandbox/iamport.js", timeout=5).read()  # noqa: S310
            return time.monotonic() - since
        except OSError:
            time.sleep(0.005)
    raise SystemExit("the server did not answer within 30 seconds")


def load(here: str, options: argparse.Namespace, token: str, imp_uid: str) -> dict:
    """autocannon's figures for the two loads; it is fetched once into var/bench."""
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "autocannon").exists():
        install = [
            "npm",
            "install",
            "--silent",
            "--no-fund",
            "--no-audit",
            "--prefix",
            str(folder),
            AUTOCANNON,
        ]
        if subprocess.run(install, check=False).returncode:
            raise SystemExit(f"npm could not fetch {AUTOCANNON}: nothing was measured")
    program = [
        "node",
        str(Path(__file__).with_suffix(".mjs")),
        str(folder),
        here,
        str(options.connections),
        str(options.seconds),
    ]
    program += [token, imp_uid]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=2 * options.seconds + 60, check=False
    )
    if done.returncode:
        raise SystemExit(f"autocannon failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Print the figures; 1 where something answered wrongly."""
    parser = argparse.ArgumentParser()
    for name, default in (("seconds", 8), ("workers", 2), ("threads", 4), ("connections", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    if not shutil.which("npm") or not shutil.which("node"):
        print("Node and npm are not installed: nothing was measured.")
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-sandbox-") as folder:
        port = free_port()
        here = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "SANDBOX_DB": f"{folder}/db.sqlite3"}
        gunicorn = [
            sys.executable,
            "-m",
            "gunicorn",
            "--chdir",
            str(ROOT / "django_app"),
            "--bind",
            f"127.0.0.1:{port}",
        ]
        gunicorn += [
            "--workers",
            str(options.workers),
            "--threads",
            str(options.threads),
            "--log-level",
            "warning",
            "billing_sandbox.standalone.wsgi",
        ]
        print(
            f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} "
            "cores, the load tool on the same cores"
        )
        starts = {}
        for label in ("first start, with all migrations", "second start, tables there"):
            since = time.monotonic()
            server = subprocess.Popen(gunicorn, env=environment)
            try:
                starts[label] = ready(here, since)
            finally:
                if label.startswith("first"):
                    server.terminate()
                    server.wait(20)
        try:
            token = call(f"{here}/sandbox/api/users/getToken", {"imp_key": "k", "imp_secret": "s"})[
                "response"
            ]["access_token"]
            facts = {
                "merchant_uid": "bench",
                "amount": 1000,
                "pay_method": "card",
                "outcome": "paid",
                "webhook": False,
            }
            imp_uid = call(f"{here}/sandbox/control/pay", facts)["imp_uid"]
            found = load(here, options, token, imp_uid)
            get, pay = found["get"], found["pay"]
            print(*(f"{label:36} {seconds:6.2f} s" for label, seconds in starts.items()), sep="\n")
            print(
                f"{'GET payment':36} {get['rate']:6.0f} requests/s    p50 {get['p50']} ms, p99 "
                f"{get['p99']} ms"
            )
            print(
                f"{'pay sequence':36} {pay['rate']:6.0f} requests/s    p50 {pay['p50']} ms, p99 "
                f"{pay['p99']} ms"
            )
            print(
                f"{'':36} {pay['rate'] / len(SEQUENCE):6.0f} sequences/s   of {', '.join(SEQUENCE)}"
            )
            print(f"{'answers that were not 200':36} {get['wrong'] + pay['wrong']:6}")
            return 1 if get["wrong"] + pay["wrong"] else 0
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    sys.exit(main())
