"""The two modes: separate keys, databases and files; what is found before going live."""

import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from config.tests.support.programs import ROOT, SECRET, good, one_sentence


@pytest.mark.thorough
def test_the_demos_people_never_become_live(run, tmp_path):
    """Not even if somebody takes the stamp away."""
    database = f"sqlite:///{tmp_path}/one.sqlite3"
    sandbox = {"IAMPORT_MODE": "sandbox", "DATABASE_URL": database}
    run(None, "migrate", "-v0", **sandbox)
    people = (
        "from django.contrib.auth.models import User; User.objects.create_superuser('admin', "
        "password='admin1234!')"
    )
    assert run(None, "shell", "-v0", "-c", people, **sandbox)[0] == 0
    assert run(None, "migrate", "-v0", "billing", "zero", **sandbox)[0] == 0
    code, output = run(good(), "migrate", "-v0", DATABASE_URL=database)
    assert code == 1
    one_sentence(output, "holds the demo's 'admin'")


def test_a_server_stops_for_good(tmp_path, copy):
    """gunicorn gives up on exit code 3 instead of starting workers over and over."""
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"], cwd=ROOT / "django_app", capture_output=True,
        text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], "SETTINGS_COMMON_FILE": str(tmp_path / "none.json")},
    )  # fmt: skip
    assert done.returncode == 3
    one_sentence(done.stderr, "does not exist")


@pytest.mark.thorough
def test_the_modes_do_not_share_a_database(run, tmp_path, copy):
    """A database says for which mode it was made; the other one refuses to start."""
    database = f"sqlite:///{tmp_path}/one.sqlite3"
    code, output = run(None, "migrate", "-v0", IAMPORT_MODE="sandbox", DATABASE_URL=database)
    assert code == 0, output
    with sqlite3.connect(tmp_path / "one.sqlite3") as connection:
        assert connection.execute("SELECT mode FROM billing_installation").fetchall() == [
            ("sandbox",)
        ]
    for arguments in (
        ["migrate"],
        ["shell", "-v0", "-c", "from billing.models import Point; print(Point.objects.count())"],
    ):
        code, output = run(good(), *arguments, DATABASE_URL=database)
        assert code == 1
        one_sentence(output, "made for sandbox mode and IAMPORT_MODE is live")
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"], cwd=ROOT / "django_app", capture_output=True,
        text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"],
            "SETTINGS_COMMON_FILE": str(tmp_path / "settings_common.json"),
            "DATABASE_URL": database},
    )  # fmt: skip
    assert done.returncode == 3
    one_sentence(done.stderr, "made for sandbox mode")


def shell(run, code, settings=None, **variables):
    status, output = run(
        settings, "shell", "-v0", "-c", f"from django.conf import settings; {code}", **variables
    )
    assert status == 0, output
    return output.strip().splitlines()[-1]


def test_sandbox_mode_serves_loopback_only_whatever_else_is_set(run):
    hosts = shell(
        run,
        "print(settings.ALLOWED_HOSTS)",
        IAMPORT_MODE="sandbox",
        DJANGO_ALLOWED_HOSTS="points.example,*",
    )
    assert hosts == "['localhost', '127.0.0.1', '[::1]']"


def test_sandbox_mode_never_reads_the_live_file(run, copy):
    key = shell(
        run,
        "print(settings.IAMPORT_KEY, settings.IAMPORT_SECRET)",
        raw=None,
        settings=good(),
        IAMPORT_MODE="sandbox",
    )
    assert SECRET not in key
    assert "1234567890123456" not in key
    # Made once.
    assert (
        shell(run, "print(settings.IAMPORT_KEY, settings.IAMPORT_SECRET)", IAMPORT_MODE="sandbox")
        == key
    )
    mode = stat.S_IMODE((copy / ".config_secret" / "sandbox.json").stat().st_mode)
    assert mode == 0o600


def test_live_mode_has_no_sandbox(run):
    seen = shell(
        run,
        "print('sandbox' in settings.INSTALLED_APPS, 'sandbox' in settings.DATABASES, "
        "settings.IAMPORT_API_URL)",
        good(),
    )
    assert seen == "False False https://api.iamport.kr/"
    for address in ("/sandbox/", "/preview/", "/preview/404/"):
        code, output = run(
            good(), "shell", "-v0", "-c", f"from django.urls import resolve; resolve('{address}')"
        )
        assert code == 1
        assert "Resolver404" in output


def test_the_sandbox_has_a_file_without_being_told(run, copy):
    name = shell(
        run, "print(settings.DATABASES['default']['NAME'])", IAMPORT_MODE="sandbox", DATABASE_URL=""
    )
    assert name == str(copy / "var" / "sandbox.sqlite3")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (
            "sqlite:///live.sqlite3",
            "{root}/live.sqlite3",
        ),  # from the root, whatever folder a job is started in
        ("sqlite:///{tmp}/live.sqlite3", "{tmp}/live.sqlite3"),
        ("sqlite:///{tmp}/a folder/50%25 of it.sqlite3", "{tmp}/a folder/50% of it.sqlite3"),
    ],
)
def test_a_sqlite_file_is_the_one_that_was_named_and_holds_money(
    live_settings, tmp_path, url, path
):
    (tmp_path / "a folder").mkdir()
    database = live_settings(DATABASE_URL=url.format(tmp=tmp_path))["DATABASES"]["default"]
    assert database["NAME"] == path.format(root=tmp_path, tmp=tmp_path)
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert database["OPTIONS"]["timeout"] == 30
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]


def test_live_cookies_are_secure_and_serve_says_otherwise_only_if_told(run):
    code = (
        "print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, "
        "settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS)"
    )
    assert shell(run, code, good()) == "True True True 2592000"
    assert shell(run, code, good(), DJANGO_HTTPS="0") == "False False False 0"
    assert shell(run, code, IAMPORT_MODE="sandbox") == "False False False 0"


@pytest.mark.thorough
def test_a_proxy_nobody_spoke_of_is_an_error_before_going_live(run):
    public = {"DJANGO_ALLOWED_HOSTS": "points.example", "PUBLIC_URL": "https://points.example"}
    code, output = run(good(), "check", "--deploy", **public)
    assert code == 1
    assert "(accounts.E001)" in output
    for said in ("none", "X-Forwarded-For,X-Forwarded-Proto"):
        code, output = run(good(), "check", "--deploy", DJANGO_TRUSTED_PROXY=said, **public)
        assert (code, "accounts.E" in output) == (0, False), output
    code, output = run(
        good(),
        "check",
        "--deploy",
        BILLING_WEBHOOK_ADDRESSES="52.78.100.19",
        DJANGO_TRUSTED_PROXY="X-Forwarded-Proto",
        **public,
    )
    assert (code, "(accounts.E002)" in output) == (1, True)


# -- make run --------------------------------------------------------------------------------------


# -- the settings module that somebody names -------------------------------------------------------


def test_the_sandbox_settings_alone_are_enough(run):
    code, output = run(None, "check", "--settings", "config.settings.sandbox")
    assert code == 0, output


@pytest.mark.parametrize(("module", "mode"), [("sandbox", "live"), ("live", "sandbox")])
def test_settings_of_one_mode_refuse_the_other(run, module, mode):
    """Before any key is read: whose they would be is what is not clear."""
    module = f"config.settings.{module}"
    code, output = run(None, "check", DJANGO_SETTINGS_MODULE=module, IAMPORT_MODE=mode)
    assert code == 1
    one_sentence(output, module, f"IAMPORT_MODE is '{mode}'", "set one of them only")
