"""The money rules hold for a project with its own user model (here: a UUID as key)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.thorough
def test_money_with_a_custom_user_model():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    tests = ["billing/tests/test_apply.py", "billing/tests/test_start.py", "config/tests/test_accounts.py"]
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "--ds=config.tests.custom_user.settings", "-p", "no:cacheprovider",
            *(f"django_app/{name}" for name in tests),
        ],
        cwd=ROOT, env=kept, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "failed" not in done.stdout
