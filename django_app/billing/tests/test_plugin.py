"""The pytest plugin in a project that is not this site."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from billing.tests.support import host_project

HOST = Path(__file__).parent / "host"

# What projects have that could be in the way.
UNLIKE_OURS = """
SECURE_SSL_REDIRECT = True
BILLING_WEBHOOK_ADDRESSES = ["52.78.100.0/24"]
IAMPORT_SECRET = ""
USE_I18N = True
LANGUAGES = [("en-us", "English"), ("ko", "한국어")]
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
"""


ON_SQLITE = """
DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}
"""


def passes(folder: Path, *tests: str, **more: str) -> None:
    """Run these files in the project."""
    for name in tests:
        shutil.copy(HOST / f"{name}_tests.py", folder / f"test_{name}.py")
    host_project.make(folder, **more)
    code, output = host_project.run_pytest(folder)
    assert code == 0, output[-6000:]
    assert " passed" in output


@pytest.mark.money
def test_its_fixtures(tmp_path):
    passes(tmp_path, "plugin", "own_things", settings=UNLIKE_OURS)


@pytest.mark.money
@pytest.mark.parametrize("tests", ["emptying", "serialized"])
def test_the_end_of_tests(tmp_path, tests):
    passes(tmp_path, tests)


def test_a_missing_line_is_named(tmp_path):
    host_project.make(tmp_path, test_it="def test_it(charge): ...")
    settings = tmp_path / "shop" / "settings_test.py"
    settings.write_text(settings.read_text().replace(host_project.SETTINGS_OF_TESTS, ""))
    code, output = host_project.run_pytest(tmp_path)
    assert code == 1
    assert 'write INSTALLED_APPS += ["billing_sandbox"] in the settings of your tests' in output
    assert "Traceback" not in output


def test_without_the_plugin_the_ledger_stops_the_flush(tmp_path):
    """Negative control of test_the_end_of_tests."""
    test = """
import pytest
from billing.models import Point
from billing.testing import create_member

@pytest.mark.django_db(transaction=True)
def test_it():
    member = create_member()
    Point.objects.adjust(user=member, delta=5, idempotency_key="one", reason="r", by=member)
"""
    host_project.make(tmp_path, test_it=test, conftest="", settings=ON_SQLITE)
    code, output = host_project.run_pytest(tmp_path)
    assert code == 1
    assert "append-only" in output
