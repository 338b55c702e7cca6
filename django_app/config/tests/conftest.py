"""Fixtures of the tests of settings, accounts and headers."""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import config

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
