"""A virtual environment that is thrown away: what a public server of ours has, and the two peers at
versions that stand here.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The peers of the table. A newer one is taken by hand, with a fresh table in docs/performance.md.
PEERS = ("django-payments==4.1.0", "dj-stripe==2.11.0")
SHOWN = ("django", "psycopg", "django-payments", "dj-stripe", "gunicorn")


def make(folder: Path, *packages: str) -> Path:
    """An environment in `folder` with requirements-live.lock and these packages; its python."""
    print("Making an environment …", flush=True)
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(ROOT / "requirements-live.lock")])
    if packages:
        # What the lock names stays: the peers are measured on our Django and our driver.
        _run([*pip, "-c", str(_pins(folder, python)), *packages])
    return python


def _pins(folder: Path, python: Path) -> Path:
    """pip's list of what is installed, to hold the rest back."""
    freeze = [str(python), "-m", "pip", "freeze", "--disable-pip-version-check"]
    path = folder / "pins.txt"
    path.write_text(subprocess.check_output(freeze, text=True))
    return path


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pip ended with {done.returncode}: {done.stderr[-2_000:]}")


def versions() -> str:
    """Of this process: Python, and the packages that the figures depend on."""
    found = {each.name.lower(): each.version for each in distributions()}
    python = f"CPython {sys.version.split()[0]}"
    return ", ".join([python, *(f"{name} {found[name]}" for name in SHOWN if name in found)])
