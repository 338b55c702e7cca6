"""What SANDBOX says, and what holds where it says nothing."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from billing_sandbox import database
from billing_sandbox.conf import conf


def test_without_the_setting_the_projects_own_keys_are_right(settings):
    del settings.SANDBOX
    assert (conf.code, conf.key, conf.secret) == (
        settings.IAMPORT_CODE,
        settings.IAMPORT_KEY,
        settings.IAMPORT_SECRET,
    )
    assert (conf.webhook_url, conf.worker, conf.webhook_anywhere) == ("", False, False)
    assert (conf.webhook_retries, conf.webhook_format) == (0, "json")


def test_without_keys_any_are(settings):
    del settings.SANDBOX, settings.IAMPORT_CODE, settings.IAMPORT_SECRET
    settings.IAMPORT_KEY = ""
    assert (conf.code, conf.key, conf.secret) == (None, None, None)


def test_none_in_the_setting_means_any(settings):
    settings.SANDBOX = {"key": None}
    assert conf.key is None
    assert conf.secret == settings.IAMPORT_SECRET


def test_without_the_router_the_tables_are_the_projects(settings):
    assert database.alias() == "sandbox"
    settings.DATABASE_ROUTERS = []
    assert database.alias() == "default"


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_a_transaction_begins_with_the_lock_whatever_the_project_says():
    connection = connections["sandbox"]
    connection.ensure_connection()
    connection.transaction_mode = None  # SQLite's own default
    try:
        with CaptureQueriesContext(connection) as captured, database.exclusive():
            assert connection.transaction_mode is None
    finally:
        connection.transaction_mode = "IMMEDIATE"
    assert captured.captured_queries[0]["sql"] == "BEGIN IMMEDIATE"
