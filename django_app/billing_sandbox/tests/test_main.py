"""`python -m billing_sandbox`: the package alone, as it lies among others that pip installed."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import requests
from django.core.checks import Warning

from billing_sandbox import checks
from billing_sandbox.engine import worker
from billing_sandbox.tests.support.server import APP, control, free_port, running, token

# A package that is missing: Python finds None in its place.
WITHOUT = (
    "import runpy, sys; sys.modules[{name!r}] = None; "
    "runpy.run_module('billing_sandbox', run_name='__main__')"
)


@pytest.fixture
def installed(tmp_path):
    """A folder of packages that holds the sandbox and nothing else of ours."""
    folder = tmp_path / "site-packages"
    shutil.copytree(
        APP / "billing_sandbox",
        folder / "billing_sandbox",
        ignore=shutil.ignore_patterns("tests", "__pycache__"),
    )
    (folder / "locale").mkdir()  # another package's
    return folder


def test_it_serves_without_any_project(installed):
    port = free_port()
    start = [sys.executable, "-m", "billing_sandbox", "--port", str(port)]
    project = {"PYTHONPATH": str(installed), "DJANGO_SETTINGS_MODULE": "nobody.settings"}
    with running(start, port, **project) as here:
        assert token(here, "any", "pair")
        order = {"merchant_uid": "order", "amount": 1_000_000, "pay_method": "card"}
        imp_uid = control(here, "pay", outcome="paid", **order)["imp_uid"]
        for page in ("", f"panel/payments/{imp_uid}/", f"receipt/{imp_uid}/"):
            answer = requests.get(f"{here}/sandbox/{page}", timeout=10)
            assert answer.status_code == 200
            assert "1,000,000" in answer.text
        assert requests.get(f"{here}/static/sandbox/panel.js", timeout=10).status_code == 200


def ended(installed, arguments, **environment):
    """(exit code, what it wrote to stderr)"""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", ["whitenoise", "csp"])
def test_a_missing_package_is_one_sentence(installed, name):
    assert ended(installed, ["-c", WITHOUT.format(name=name)]) == (
        1,
        "error: the sandbox alone needs whitenoise and django-csp: "
        "pip install whitenoise django-csp (the extra `test` has them)\n",
    )


def test_mistakes_are_one_sentence(installed):
    start = ["-m", "billing_sandbox"]
    code, said = ended(installed, start, SANDBOX_WEBHOOK_RETRIES="9")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("error: SANDBOX_WEBHOOK_RETRIES is a number from 0 to 5")
    code, said = ended(installed, [*start, "--port", "0"])
    assert (code, said) == (
        1,
        "CommandError: --port 0 is not a port: write a number from 1 to 65535.\n",
    )


def test_a_live_project_is_told_that_it_does_not_belong_there(settings):
    assert checks.not_where_money_is_real(None) == []  # sandbox mode
    settings.IAMPORT_MODE = "live"
    [found] = checks.not_where_money_is_real(None)
    assert (found.id, type(found)) == ("sandbox.W001", Warning)
    del settings.IAMPORT_MODE  # a project that never says its mode is live
    assert len(checks.not_where_money_is_real(None)) == 1
    settings.SANDBOX_ALONE = True
    assert checks.not_where_money_is_real(None) == []


def test_no_thread_runs_where_nobody_asked_for_it(settings, monkeypatch):
    monkeypatch.setattr(worker, "_owner", 0)
    del settings.SANDBOX
    worker.ensure_running()
    assert worker._owner == 0
