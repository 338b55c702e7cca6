"""Fixtures of the tests of settings, accounts and headers."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import config
from config.tests.support.programs import READER, ROOT

KEYS = {
    "django": {"secret_key": "a-key-of-nobody-" * 4},
    "iamport": {
        "iamport_code": "imp12345678",
        "iamport_key": "1234567890123456",
        "iamport_secret": "a-secret-of-nobody",
    },
}


@pytest.fixture
def live_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """live_settings(VARIABLE="…") → what config/settings/live.py makes of these environment variables in
    live mode.
    """

    def make(**variables: str) -> dict[str, Any]:
        for name in os.environ:
            if name.startswith(
                ("DJANGO_", "IAMPORT_", "BILLING_", "DATABASE_", "CACHE_", "PUBLIC_")
            ):
                monkeypatch.delenv(name)
        path = tmp_path / "settings_common.json"
        path.write_text(json.dumps(KEYS), encoding="utf-8")
        # Nothing is made in this checkout.
        monkeypatch.setattr("config.settings.base.ROOT_DIR", tmp_path)
        for name, value in {
            "SETTINGS_COMMON_FILE": str(path),
            "DATABASE_URL": "sqlite:///live.sqlite3",
            **variables,
        }.items():
            monkeypatch.setenv(name, value)
        # Read anew: it reads the environment when it is imported.
        monkeypatch.delitem(sys.modules, "config.settings.served", raising=False)
        monkeypatch.delattr("config.settings.served", raising=False)
        return runpy.run_path(str(Path(config.__file__).parent / "settings" / "live.py"))

    return make


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """A copy of the program: keys and databases that it makes are the copy's own, not this
    checkout's.
    """
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(ROOT / "django_app", root / "django_app", ignore=ignored)
    return root


@pytest.fixture(scope="session")
def read_settings(copy, tmp_path_factory):
    """read_settings(environment) → (exit code, output) of a program that reads its settings and
    does nothing else.
    """
    output = tmp_path_factory.mktemp("reader") / "output"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER],
        cwd=copy / "django_app",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def read(environment):
        reader.stdin.write(json.dumps({"environment": environment, "output": str(output)}) + "\n")
        reader.stdin.flush()
        return int(reader.stdout.readline()), output.read_text(encoding="utf-8")

    yield read
    reader.stdin.close()
    reader.wait(10)
    reader.stdout.close()


@pytest.fixture
def run(tmp_path, copy, read_settings):
    """run(settings, *arguments, VARIABLE=…) → (exit code, output) of manage.py in live mode;
    without arguments the settings are read only.
    """

    def start(settings=None, *arguments, raw=None, **variables):
        path = tmp_path / "settings_common.json"
        if raw is not None:
            path.write_bytes(raw)
        elif settings is not None:
            path.write_text(json.dumps(settings), encoding="utf-8")
        kept = {
            name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
        }
        variables.setdefault("DATABASE_URL", f"sqlite:///{tmp_path}/live.sqlite3")
        environment = {**kept, "SETTINGS_COMMON_FILE": str(path), **variables}
        if not arguments:
            return read_settings(environment)
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=copy / "django_app", env=environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return start
