"""Which database a job works on, and what it says where that one will not do."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder

from billing.db import database_state, environment_stamp
from billing.db.database_state import TablesMissing, describe_database
from billing.reports import integrity_checks

JOBS = ["audit_points", "make_bench_data", "nightly", "prune_webhooks", "reconcile", "roll_up"]


@pytest.mark.parametrize(
    ("configured", "words"),
    [
        (
            {"USER": "points", "HOST": "db.example", "PORT": "5432"},
            "postgresql points@db.example:5432/points",
        ),
        ({"USER": "", "HOST": "", "PORT": ""}, "postgresql /points"),
        (
            {"USER": "points", "HOST": "", "PORT": "", "OPTIONS": {"host": "/run/postgresql"}},
            "postgresql points@/run/postgresql/points",
        ),
        (
            {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/points/var/live.sqlite3"},
            "sqlite /srv/points/var/live.sqlite3",
        ),
    ],
)
def test_a_database_is_named_without_its_password(monkeypatch, configured, words):
    usual = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "points",
        "PASSWORD": "s3cret",
        "OPTIONS": {},
    }
    monkeypatch.setattr(connections["default"], "settings_dict", {**usual, **configured})
    assert describe_database() == words


@pytest.fixture
def partly_migrated(db: Any, monkeypatch: Any) -> None:
    """The code knows a migration that this database has not seen."""
    monkeypatch.setattr(database_state, "_complete", set())
    MigrationRecorder(connections["default"]).migration_qs.filter(app="billing").order_by("-name")[
        0
    ].delete()


@pytest.mark.parametrize("job", JOBS)
def test_a_job_refuses_a_database_without_all_its_tables(partly_migrated, job):
    with pytest.raises(CommandError) as refused:
        call_command(job, stdout=io.StringIO())
    assert str(refused.value).startswith("The changes of billing.00")
    assert str(refused.value).endswith(
        f"are missing in the database {describe_database()}: run `manage.py migrate`."
    )
    assert "\n" not in str(refused.value)


def test_a_server_refuses_it_too(partly_migrated, monkeypatch):
    # The test's transaction stays.
    monkeypatch.setattr(connections["default"], "close", lambda: None)
    with pytest.raises(TablesMissing):
        environment_stamp.check_database()


def test_what_is_complete_is_asked_about_once(db, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(database_state, "_complete", set())
    database_state.require_tables()
    with django_assert_num_queries(0):
        database_state.require_tables()


@pytest.mark.parametrize("job", JOBS)
def test_a_database_that_cannot_be_reached_is_one_sentence(monkeypatch, job):
    def silent() -> None:
        raise OperationalError("connection refused\n\tIs the server running?")

    monkeypatch.setattr("billing.management.output.require_tables", silent)
    with pytest.raises(CommandError) as refused:
        call_command(job, stdout=io.StringIO())
    assert (
        str(refused.value)
        == f"The database {describe_database()} cannot be used: connection refused"
    )


def test_a_database_that_fails_on_the_way_is_one_sentence(db, monkeypatch):
    def fails() -> Any:
        raise OperationalError("server closed the connection unexpectedly\n\tThis probably means …")

    monkeypatch.setitem(
        integrity_checks.CHECKS, "a balance is the sum of the member's entries", fails
    )
    with pytest.raises(CommandError) as refused:
        call_command("audit_points", stdout=io.StringIO())
    assert (
        str(refused.value)
        == f"The database {describe_database()} failed: server closed the connection unexpectedly"
    )


def test_jobs_begin_with_mode_and_database(db):
    out = io.StringIO()
    call_command("audit_points", stdout=out)
    assert out.getvalue().splitlines()[0] == f"Mode: sandbox · database: {describe_database()}"
    out = io.StringIO()
    call_command("audit_points", "--json", stdout=out)
    assert {name: json.loads(out.getvalue())[name] for name in ("iamport_mode", "database")} == {
        "iamport_mode": "sandbox", "database": describe_database(),
    }  # fmt: skip
