"""Measures `manage.py reconcile --repair` over 1,000 and over 10,000 open rows without imp_uid:
calls to the gateway, and peak memory.

python .ci/bench_reconcile.py [--rows 1000 10000]      loopback only; its own databases, thrown away
  at the end

Every second row has a payment at the gateway (the stand-alone sandbox) whose window was left open.
1 where the calls are not three per 100 rows (addresses of 2 KB hold 35 ids), or where memory grows
with the rows.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench_sandbox import ROOT, free_port, ready

APP = ROOT / "django_app"
MANAGE = [sys.executable, str(APP / "manage.py")]
# MB by which more rows may raise the peak (SQLite's page cache fills up); a list of 9,000 more rows
# takes far more
GROWTH = 5
SLICE = 1_000


def environment(folder: Path, port: int) -> dict[str, str]:
    """Of an installation in sandbox mode whose data lie in `folder`, and whose gateway listens on
    `port`.
    """
    return {
        **os.environ,
        "IAMPORT_MODE": "sandbox",
        "DATABASE_URL": f"sqlite:///{folder}/billing.sqlite3",
        "CACHE_URL": f"file://{folder}/cache",
        "IAMPORT_API_URL": f"http://127.0.0.1:{port}/sandbox/api/",
    }


def fill(rows: int) -> None:
    """Open rows that are due, in the database of this environment."""
    sys.path.insert(0, str(APP))
    os.environ["DJANGO_SETTINGS_MODULE"] = f"config.settings.{os.environ['IAMPORT_MODE']}"
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from billing.models import Point, PointTransaction

    owner = Point.objects.create(user=get_user_model().objects.create_user("payer"), point=rows)
    due = timezone.now() - timedelta(minutes=1)
    for begin in range(0, rows, SLICE):
        PointTransaction.objects.bulk_create(
            PointTransaction(
                owner=owner,
                merchant_uid=f"20261123-{number:026}",
                amount=1_000,
                pay_method="card",
                next_check_at=due,
            )
            for number in range(begin, begin + SLICE)
        )


def fill_gateway(rows: int, path: str) -> None:
    """Windows left open for every second row, in the sandbox's own file."""
    sys.path.insert(0, str(APP))
    os.environ["DJANGO_SETTINGS_MODULE"] = "billing_sandbox.standalone.settings"
    import django

    django.setup()
    from billing_sandbox.models import Payment
    from billing_sandbox.standalone.setup import make_tables

    make_tables(Path(path))
    now = int(time.time())
    for begin in range(0, rows, SLICE):
        Payment.objects.bulk_create(
            Payment(
                imp_uid=f"imp_{number:012}", merchant_uid=f"20261123-{number:026}", amount=1_000,
                pay_method="card",
                started_at=now, updated_at=now, asked_pg="html5_inicis.INIpayTest",
                site="http://127.0.0.1",
            )
            for number in range(begin, begin + SLICE, 2)
        )  # fmt: skip


def run(
    arguments: list[str], surroundings: dict[str, str], folder: Path
) -> tuple[str, float, float]:
    """(what the program printed, seconds, peak of its memory in MB). It must end well."""
    said, log = folder / "out", folder / "log"
    since = time.monotonic()
    with said.open("w") as out, log.open("w") as errors:
        process = subprocess.Popen(arguments, env=surroundings, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(
            f"{' '.join(arguments[1:])} ended with {process.returncode}: {said.read_text()} "
            f"{log.read_text()}"
        )
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return said.read_text(), time.monotonic() - since, usage.ru_maxrss * unit / 1e6


def measure(rows: int) -> tuple[dict, float, float]:
    """(the report, seconds, MB) of one repair over so many open rows."""
    with tempfile.TemporaryDirectory(prefix="bench-reconcile-") as name:
        folder, port = Path(name), free_port()
        surroundings = environment(folder, port)
        run([*MANAGE, "migrate", "--verbosity", "0"], surroundings, folder)
        run([sys.executable, __file__, "--fill", str(rows)], surroundings, folder)
        run(
            [
                sys.executable,
                __file__,
                "--fill-gateway",
                str(rows),
                "--db",
                f"{folder}/gateway.sqlite3",
            ],
            surroundings,
            folder,
        )
        with (folder / "gateway.log").open("w") as log:
            gateway = subprocess.Popen(
                [*MANAGE, "sandbox", "--port", str(port), "--db", f"{folder}/gateway.sqlite3"],
                stdout=log,
                stderr=log,
            )
            try:
                ready(f"http://127.0.0.1:{port}", time.monotonic())
                said, seconds, peak = run(
                    [*MANAGE, "reconcile", "--repair", "--json"], surroundings, folder
                )
            finally:
                gateway.terminate()
                gateway.wait(20)
    return json.loads(said), seconds, peak


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[1_000, 10_000], help=f"multiples of {SLICE}"
    )
    parser.add_argument("--fill", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--fill-gateway", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--db", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(options.fill)
        return 0
    if options.fill_gateway:
        fill_gateway(options.fill_gateway, options.db)
        return 0
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} "
        "cores, SQLite, the gateway on the same cores"
    )
    print(
        f"{'open rows':>12} {'batch calls':>12} {'now known':>12} {'seconds':>12} {'peak MB':>12}"
    )
    peaks, wrong = [], 0
    for rows in options.rows:
        report, seconds, peak = measure(rows)
        sweep = report["sweeps"]["open rows"]
        print(
            f"{sweep['rows']:>12,} {sweep['calls']:>12,} {sweep['repaired']:>12,} "
            f"{seconds:>12.1f} {peak:>12.1f}"
        )
        wrong += (
            sweep["rows"] != rows
            or sweep["calls"] != 3 * -(-rows // 100)
            or sweep["repaired"] != rows // 2
        )
        peaks.append(peak)
    grows = max(peaks) > peaks[0] + GROWTH
    if wrong:
        print(
            "Wrong: three calls per 100 rows were promised, and that every second row becomes "
            "known."
        )
    if grows:
        print("Wrong: memory grows with the rows.")
    return 1 if wrong or grows else 0


if __name__ == "__main__":
    sys.exit(main())
