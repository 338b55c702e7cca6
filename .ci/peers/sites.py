"""The sites whose rows are measured: a database and a process for each, idle but for the row that
it is told to run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from peers.environment import ROOT
from peers.postgres import Server
from peers.timing import Measured

CI = ROOT / ".ci"
KEYS = {
    "django": {"secret_key": "nobody's, for measuring alone: 0123456789"},
    "iamport": {
        "iamport_code": "imp00000000",
        "iamport_key": "1000000000000000",
        "iamport_secret": "nobody's",
    },
}


class Site:
    """A process that answers for the rows of one site. package: its folder here."""

    def __init__(
        self, name: str, surroundings: dict[str, str], folder: Path, package: str = ""
    ) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        package = package or name
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "peers.rows", f"peers.{package}.rows"],
                env=surroundings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def run(self, row: str, threads: int, number: int) -> Measured:
        """Let it do this row so many times."""
        assert self._process.stdin  # noqa: S101
        assert self._process.stdout  # noqa: S101
        self._process.stdin.write(json.dumps([row, threads, number]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}, {row}: {self.log.read_text()[-3_000:]}")
        return Measured(*json.loads(line))

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()  # does nothing to one that has ended


def surroundings(
    package: str, database: str, folder: Path, code: Path = ROOT, label: str = ""
) -> dict[str, str]:
    """The environment of a site: its settings, its database, and for ours live mode with keys that
    are nobody's. code: where another revision of ours lies; label: its cache's name.
    """
    keys = folder / "settings_common.json"
    keys.write_text(json.dumps(KEYS))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(CI), str(code / "django_app"))),
        "DJANGO_SETTINGS_MODULE": f"peers.{package}.settings",
        "DATABASE_URL": database,
        "CACHE_URL": f"file://{folder}/cache-{label or package}",
        "IAMPORT_MODE": "live",
        "IAMPORT_API_URL": "",
        "SETTINGS_COMMON_FILE": str(keys),
        "DJANGO_ALLOWED_HOSTS": "testserver,127.0.0.1",
        "DJANGO_HTTPS": "0",
        "DJANGO_EMAIL_HOST": "",
        "BILLING_MAIL": "",
    }


def run(surroundings: dict[str, str], module: str, *arguments: str) -> str:
    """What `python -m module` prints there. It must end well."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{module} {arguments[:1]}: {done.stderr[-3_000:]}")
    return done.stdout


def migrate(surroundings: dict[str, str]) -> None:
    """Make the tables."""
    run(surroundings, "django", "migrate", "--run-syncdb", "--verbosity", "0")


@contextmanager
def sites(server: Server, folder: Path) -> Iterator[dict[str, Site]]:
    """All of them, with empty tables, for the time of the block."""
    print("Making their databases …", flush=True)
    made = {}
    for package in ("ours", "payments_site", "stripe_site"):
        made[package] = surroundings(package, server.create(package), folder)
        migrate(made[package])
    made["floor"] = surroundings("floor", server.create("floor", template="ours"), folder)
    made["sqlite"] = surroundings("ours", f"sqlite:///{folder}/ours.sqlite3", folder)
    migrate(made["sqlite"])
    with ExitStack() as stack:
        opened = {}
        for name, around in made.items():
            package = "ours" if name == "sqlite" else name
            opened[name] = Site(name, around, folder, package)
            stack.callback(opened[name].close)
        yield opened
