"""The money rules hold for a project with its own user model: one with a UUID as key, and one as
small as Django allows.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def passes(settings, *tests):
    """These files, in a Python of its own with these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", f"--ds=config.tests.{settings}.settings", "-p",
            "no:cacheprovider",
            *(f"django_app/{name}" for name in tests),
        ],
        cwd=ROOT, env=kept, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


@pytest.mark.thorough
def test_money_with_a_custom_user_model():
    passes(
        "custom_user",
        "billing/tests/test_apply.py",
        "billing/tests/test_start.py",
        "accounts/tests/test_accounts.py",
    )


@pytest.mark.thorough
def test_a_user_model_without_names_and_address():
    passes("plain_user", "config/tests/plain_user/member_tests.py")
