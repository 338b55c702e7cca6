"""Our indexes on other apps' tables: only by the command, built beside what goes on."""

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management import call_command
from django.db import connection, models

from billing.db import extra_indexes

NAMES = {"billing_user_by_email", "billing_staff_action_by_row"}

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def without():
    drop()
    yield
    drop()


def drop():
    with connection.cursor() as cursor:
        for name in NAMES:
            cursor.execute(f"DROP INDEX IF EXISTS {name}")


def there(table):
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return {name: found[name]["columns"] for name in NAMES & set(found)}


def test_the_command_makes_them_once(capsys):
    call_command("billing_indexes")
    assert there("auth_user") == {"billing_user_by_email": ["email"]}
    assert there("django_admin_log") == {
        "billing_staff_action_by_row": ["content_type_id", "object_id"]
    }
    assert capsys.readouterr().out.count(": made.") == 2
    call_command("billing_indexes")
    assert capsys.readouterr().out == ""


def test_migrate_makes_none():
    call_command("migrate", verbosity=0)
    assert there("auth_user") == there("django_admin_log") == {}


def test_what_would_be_run(capsys):
    call_command("billing_indexes", "--sql")
    out = capsys.readouterr().out
    assert out.count("CREATE INDEX") == 2
    assert ("CONCURRENTLY" in out) is (connection.vendor == "postgresql")
    assert there("auth_user") == {}


def test_a_build_that_was_stopped_is_made_anew():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no invalid index")
    call_command("billing_indexes", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false "
            "WHERE indexrelid = 'billing_user_by_email'::regclass"
        )
    missing = extra_indexes.missing_indexes("default")
    assert [index.name for index in missing] == ["billing_user_by_email"]
    call_command("billing_indexes", verbosity=0)
    assert extra_indexes.missing_indexes("default") == []


class Person(models.Model):  # noqa: DJ008
    email = models.EmailField()

    class Meta:
        app_label = "billing_tests"
        db_table = "tests_person"


class Child(Person, AbstractBaseUser):  # noqa: DJ008
    """A user whose address stands in its parent's table."""

    class Meta:
        app_label = "billing_tests"
        db_table = "tests_child"


def test_the_address_of_a_user_made_of_another_model(monkeypatch):
    monkeypatch.setattr(extra_indexes, "get_user_model", lambda: Child)
    [index] = [made for made in extra_indexes._wanted() if made.name == "billing_user_by_email"]
    assert (index.table, index.columns) == ("tests_person", ("email",))


def test_an_index_of_another_schema_is_not_ours():
    """As in a project that has a schema for each tenant."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no schemas")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA another")
        try:
            cursor.execute("CREATE TABLE another.auth_user (email text)")
            cursor.execute("CREATE INDEX billing_user_by_email ON another.auth_user (email)")
            call_command("billing_indexes", verbosity=0)
            assert "billing_user_by_email" in there("auth_user")
        finally:
            cursor.execute("DROP SCHEMA another CASCADE")
