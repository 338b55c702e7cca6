"""How long a newcomer waits: `make run` in a fresh clone until its first page is there, and the
second start, which finds everything made.

Packages come from the registry, or from pip's cache where it has them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from peers.environment import ROOT

PATIENCE = 300  # seconds


def measure() -> tuple[list[str], bool]:
    """(lines of Markdown, False: no goal is set)."""
    with tempfile.TemporaryDirectory(prefix="peers-clone-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        lines = ["| `make run` | seconds to the first page |", "|---|---:|"]
        for words in ("in a fresh clone", "the second time"):
            lines.append(f"| {words} | {_start(clone):.1f} |")
    return lines, False


def _start(clone: Path) -> float:
    """Seconds until the login page answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    surroundings = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    since = time.monotonic()
    with (clone.parent / "log").open("w") as log:
        process = subprocess.Popen(
            ["make", "run", f"PORT={port}"],
            cwd=clone,
            env=surroundings,
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that its children can be ended with it, and nobody else
        )
    try:
        while time.monotonic() - since < PATIENCE:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                return time.monotonic() - since
            except (OSError, urllib.error.URLError):
                if process.poll() is not None:
                    break
                time.sleep(0.05)
        raise SystemExit(f"make run: {(clone.parent / 'log').read_text()[-2_000:]}")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
