"""The two modes: separate keys, databases and files; what is found before going live."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / ".config_secret" / "settings_common.example.json"
SECRET = "x1y2z3-a-secret-that-must-not-be-shown"


def good():
    data = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    data["django"]["secret_key"] = SECRET * 3
    data["iamport"].update(
        iamport_code="imp12345678", iamport_key="1234567890123456", iamport_secret=SECRET
    )
    return data


def without(section, key=None):
    data = good()
    if key:
        del data[section][key]
    else:
        del data[section]
    return data


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """A copy of the program: keys and databases that it makes are the copy's own, not this
    checkout's.
    """
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(ROOT / "django_app", root / "django_app", ignore=ignored)
    return root


# Reads the settings once for each line of its input, in a child that begins with nothing of them
# imported: a tenth of the time of a new Python for each.
READER = """
import json, os, sys, traceback
from importlib import import_module
from config.env import exit_on_config_error, settings_module
for line in sys.stdin:
    case = json.loads(line)
    child = os.fork()
    if not child:
        os.environ.clear()
        os.environ.update(case["environment"])
        output = os.open(case["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = 0
        try:
            with exit_on_config_error():
                import_module(settings_module())
        except SystemExit as stop:
            code = stop.code
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


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


def one_sentence(output, *parts):
    assert "Traceback" not in output
    assert SECRET not in output
    assert len(output.strip().splitlines()) == 1, output
    assert output.startswith("error: ")
    for part in parts:
        assert part in output


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
