"""README's scheduled jobs as cron runs them: with its own short environment, and the file of
variables that README names.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.tests.conftest import KEYS

ROOT = Path(__file__).resolve().parents[3]
SECRET = KEYS["iamport"]["iamport_secret"]
LINE = re.compile(r"^    (?:\S+ ){5} +(cd /srv/points && .*)$", re.MULTILINE)


def readme(name):
    return LINE.findall((ROOT / name).read_text(encoding="utf-8"))


RECONCILE, NIGHTLY = readme("README.md")


@pytest.fixture(scope="module")
def srv(tmp_path_factory):
    """A checkout as README's lines expect it at /srv/points."""
    root = tmp_path_factory.mktemp("srv")
    shutil.copytree(
        ROOT / "django_app",
        root / "django_app",
        ignore=shutil.ignore_patterns("__pycache__", "node_modules"),
    )
    (root / ".config_secret").mkdir()
    (root / ".config_secret" / "settings_common.json").write_text(
        json.dumps(KEYS), encoding="utf-8"
    )
    (root / ".venv").symlink_to(sys.prefix)
    return root


@pytest.fixture
def cron(srv, tmp_path):
    """cron(line, VARIABLE=…) → (exit code, output), with these variables in the file and no others
    anywhere.
    """

    def run(line, **variables):
        file = tmp_path / "points.env"
        file.write_text(
            "".join(f"{name}='{value}'\n" for name, value in variables.items()), encoding="utf-8"
        )
        line = line.replace("/srv/points", str(srv)).replace("/etc/points.env", str(file))
        command = ["env", "-i", f"HOME={tmp_path}", "PATH=/usr/bin:/bin", "sh", "-c", line]
        done = subprocess.run(
            command, cwd="/", capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def like(job):
    """README's line for nightly with another command of manage.py."""
    return NIGHTLY.replace("manage.py nightly", f"manage.py {job}")


def one_sentence(output, *parts):
    assert len(output.strip().splitlines()) == 1, output
    assert "Traceback" not in output
    assert SECRET not in output
    for part in parts:
        assert part in output


def test_both_readmes_have_the_same_lines():
    assert readme("README.ko.md") == [RECONCILE, NIGHTLY]
    assert (RECONCILE.split("manage.py ")[1], NIGHTLY.split("manage.py ")[1]) == (
        "reconcile --repair --quiet",
        "nightly",
    )
    for name in ("README.md", "README.ko.md"):
        unit = (
            (ROOT / name)
            .read_text(encoding="utf-8")
            .split("# points-reconcile.service")[1]
            .split("# points-reconcile.timer")[0]
        )
        assert "EnvironmentFile=/etc/points.env" in unit
        assert "User=points" in unit


@pytest.mark.parametrize(
    "job", ["reconcile --repair --quiet", "nightly", "audit_points", "migrate", "serve"]
)
def test_no_job_guesses_where_the_money_is(cron, srv, job):
    code, output = cron(like(job))
    assert code == 1
    one_sentence(
        output,
        "error: DATABASE_URL is not set",
        "sqlite:////srv/points/var/live.sqlite3",
        "postgres://",
    )
    assert not list(srv.rglob("*.sqlite3"))


def test_no_server_guesses_where_the_money_is(srv):
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"], cwd=srv / "django_app", capture_output=True,
        text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 3
    one_sentence(done.stderr, "error: DATABASE_URL is not set")


def test_a_job_works_on_the_database_of_the_file_and_says_that_its_tables_are_missing(
    cron, tmp_path
):
    path = tmp_path / "the site.sqlite3"
    code, output = cron(RECONCILE, DATABASE_URL=f"sqlite:///{path}")
    assert code == 1
    one_sentence(
        output,
        f"The tables of billing are missing in the database sqlite {path}: run `manage.py "
        "migrate`.",
    )


@pytest.mark.thorough
@pytest.mark.parametrize("job", ["nightly", "audit_points", "roll_up", "prune_webhooks"])
def test_every_job_says_that_its_tables_are_missing(cron, tmp_path, job):
    code, output = cron(like(job), DATABASE_URL=f"sqlite:///{tmp_path}/site.sqlite3")
    assert code == 1
    one_sentence(output, "The tables of billing are missing", f"{tmp_path}/site.sqlite3")


@pytest.mark.thorough
@pytest.mark.parametrize("job", ["reconcile --repair --quiet", "audit_points", "migrate", "serve"])
def test_a_database_that_is_not_there_is_one_sentence(cron, job):
    pytest.importorskip("psycopg", reason="requirements-live.txt")
    code, output = cron(
        like(job), DATABASE_URL="postgres://points:a-secret-of-nobody@127.0.0.1:1/points"
    )
    assert code == 1
    one_sentence(
        output, "atabase postgresql points@127.0.0.1:1/points cannot be used: ", "127.0.0.1"
    )


@pytest.mark.thorough
def test_readmes_lines_do_the_work_of_the_site(cron, srv, tmp_path):
    """With the variables in the file: migrate makes the tables, the server starts, the jobs name
    that database. The gateway is not there.
    """
    site = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3",
        "IAMPORT_API_URL": "https://127.0.0.1:1/",
    }
    heading = f"Mode: live · database: sqlite {tmp_path}/site.sqlite3\n"
    wsgi = NIGHTLY.replace(
        "django_app/manage.py nightly",
        "-c 'import sys; sys.path.insert(0, \"django_app\"); import config.wsgi'",
    )
    code, output = cron(wsgi, **site)
    assert code == 3
    one_sentence(output, "error: The tables of billing are missing")
    assert cron(like("migrate -v0"), **site) == (0, "")
    assert cron(wsgi, **site) == (0, "")
    code, output = cron(RECONCILE, **site)
    assert (code, output.count(heading)) == (2, 1)
    code, output = cron(NIGHTLY, **site)
    assert code == 2
    assert output.count("database: sqlite") == 1
    assert output.startswith(heading)
    assert cron(like("migrate -v0 billing 0004"), **site)[0] == 0
    code, output = cron(like("audit_points"), **site)
    assert code == 1
    one_sentence(output, "The changes of billing.0005_event_by_source to the tables are missing")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("host", "said"),
    [
        (
            "127.0.0.1",
            [
                "Database: var/live.sqlite3 (set DATABASE_URL=sqlite:///var/live.sqlite3 for "
                "other commands, too)",
                "CommandError: port ",
            ],
        ),
        (
            "192.0.2.1",
            ["error: DATABASE_URL is not set"],
        ),  # a public address is for a server, whose database somebody names
    ],
)
def test_make_run_names_a_database_on_this_machine_only(srv, host, said):
    """The port is taken, so that nothing is served; .venv is as it is."""
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, srv / name)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            ["make", "-o", ".venv/.runtime", "run", f"HOST={host}",
                f"PORT={taken.getsockname()[1]}"],
            cwd=srv, capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Mode: live (its keys are in .config_secret/settings_common.json)" in output
    assert "Traceback" not in output
    for words in said:
        assert words in output
    assert ("Database:" in output) == (host == "127.0.0.1")
