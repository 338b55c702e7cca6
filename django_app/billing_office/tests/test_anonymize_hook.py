"""What a project adds when a member leaves (BILLING_ANONYMIZE_USER), and sessions wherever they are
kept.
"""

from __future__ import annotations

from importlib import import_module

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from billing.db.transactions import money_transaction
from billing.models import Point, PointTransaction
from billing.tests.support.aging import let_pass
from billing_office.personal_data import HookFailed, anonymize
from billing_office.tests.conftest import told, url

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

User = get_user_model()
YES = {"confirmed": "yes"}
HERE = __name__
seen: list[tuple[str, str, bool]] = []


def look(user):
    """A hook that clears one more field: the column stands for a nickname."""
    seen.append((user.username, user.email, connection.in_atomic_block))
    user.last_login = None


def fail(user):
    """A hook that breaks after it has written."""
    user.email = "half@example.com"
    user.save()
    Group.objects.create(name="half done")
    raise RuntimeError("the newsletter does not answer")


@pytest.fixture
def hong(make_user, settings):
    seen.clear()
    user = make_user("hong", email="hong@example.com")
    client = Client()
    client.force_login(user)  # sets last_login
    return User.objects.get(pk=user.pk)


def test_it_sees_the_user_as_it_was_and_need_not_save(settings, boss, hong):
    settings.BILLING_ANONYMIZE_USER = f"{HERE}.look"
    assert hong.last_login
    response = boss.post(url("point", hong.pk, "leave"), YES, follow=True)
    assert "has left" in told(response)[0]
    assert seen == [("hong", "hong@example.com", True)]
    gone = User.objects.get(pk=hong.pk)
    assert (gone.last_login, gone.email, gone.is_active) == (None, "", False)
    anonymize(gone)  # again
    assert seen[1:] == [(gone.username, "", True)]


@pytest.mark.parametrize("hook", [f"{HERE}.fail", f"{HERE}.nothing", "nowhere.at.all"])
def test_where_it_fails_nothing_is_changed_and_staff_are_told(
    settings, boss, hong, make_txn, caplog, hook
):
    settings.BILLING_ANONYMIZE_USER = hook
    txn = make_txn(owner=hong)
    PointTransaction.objects.filter(pk=txn.pk).update(vbank_holder="Hong")
    let_pass(minutes=61)
    before = User.objects.filter(pk=hong.pk).values().get()
    response = boss.post(url("point", hong.pk, "leave"), YES, follow=True)
    assert response.status_code == 200
    assert told(response) == [
        "The member has not left: what this site adds (BILLING_ANONYMIZE_USER) failed. Nothing was "
        "changed; the log says why."
    ]
    assert User.objects.filter(pk=hong.pk).values().get() == before
    assert PointTransaction.objects.get().vbank_holder == "Hong"
    assert Point.objects.get().left_at is None
    assert not Group.objects.filter(name="half done").exists()
    assert Session.objects.count() == 2  # theirs and the staff's
    [record] = [one for one in caplog.records if one.name == "billing.staff" and one.exc_info]
    assert hook in record.getMessage()


def test_programs_hear_of_it_too(settings, hong):
    settings.BILLING_ANONYMIZE_USER = f"{HERE}.fail"
    with pytest.raises(HookFailed) as raised, money_transaction():
        anonymize(hong)
    assert isinstance(raised.value.__cause__, RuntimeError)
    assert User.objects.get(pk=hong.pk).email == "hong@example.com"


# -- sessions --------------------------------------------------------------------------------------


def log_in(settings, engine, user):
    """A client whose session that engine keeps."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("engine", ["db", "cached_db"])
def test_sessions_in_the_database_end_with_their_copies(settings, hong, engine):
    client = log_in(settings, engine, hong)
    key = client.session.session_key
    anonymize(hong)
    assert Session.objects.count() == 0
    store = import_module(settings.SESSION_ENGINE).SessionStore
    assert store(key).load() == {}


@pytest.mark.parametrize("engine", ["cache", "signed_cookies", "file"])
def test_sessions_elsewhere_are_not_looked_for(settings, hong, engine, tmp_path):
    settings.SESSION_FILE_PATH = str(tmp_path)
    client = log_in(settings, engine, hong)
    anonymize(hong)
    assert client.get("/billing/charge/").status_code == 302  # the login is closed


def test_a_project_without_sessions_in_the_database(hong, monkeypatch):
    """As Django says it where the app of sessions is not installed."""
    store = import_module("django.contrib.sessions.backends.db").SessionStore

    def missing():
        raise RuntimeError("Model class Session isn't in an application in INSTALLED_APPS.")

    monkeypatch.setattr(store, "get_model_class", missing)
    anonymize(hong)
    assert User.objects.get(pk=hong.pk).is_active is False


def test_this_site_forgets_failed_logins(settings):
    """test_users.py looks whether it does."""
    assert settings.BILLING_ANONYMIZE_USER == "accounts.logins.forget"
