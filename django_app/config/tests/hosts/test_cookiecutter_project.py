"""(b) A project in the manner of cookiecutter-django: settings in layers in a package `config`, every
request a transaction, PostgreSQL, a user with one name.
"""

import json
import os
import uuid

import dj_database_url
import pytest
from django.db import connection

from config.tests.hosts import guide, steps
from config.tests.hosts.journey import Journey
from config.tests.hosts.project import HostProject

PREFIX = "/points/"
MEMBERS = (
    "from users.models import User as u; "
    f"u.objects.create_user('hong', password={steps.PASSWORD!r}, name='홍길동'); "
    f"u.objects.create_superuser('staff', password={steps.PASSWORD!r})"
)

pytestmark = [pytest.mark.thorough, pytest.mark.money]


@pytest.fixture
def database(django_db_setup, django_db_blocker):
    """An empty database beside the tests' own, as Django's settings name it."""
    if connection.vendor != "postgresql":
        pytest.skip("this project is on PostgreSQL: it runs in the second part")
    name = f"host_{uuid.uuid4().hex}"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield {**dj_database_url.parse(os.environ["DATABASE_URL"]), "NAME": name}
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_every_request_is_a_transaction(tmp_path, database):
    host = HostProject("cookie", tmp_path, "postgres,test", HOST_DATABASE=json.dumps(database))
    host.manage("makemigrations", "users")
    host.write(host.settings, guide.block("settings.py", "IAMPORT_CODE"))
    block = guide.block("urls.py").replace("pay/points/", PREFIX.strip("/") + "/")
    host.write(host.urls, block)
    host.write(host.settings, guide.block("settings.py", 'IAMPORT_MODE = "sandbox"'))
    assert steps.ids(host.manage("check")) == ["billing.W015"]
    cache = str(tmp_path / "cache")
    host.write(
        host.settings,
        guide.block("settings.py", "FileBasedCache").replace("/var/cache/points", cache),
    )
    steps.add_shop(host)
    assert "no issues" in host.manage("check")
    host.manage("shell", "-c", MEMBERS)
    with host.running(PREFIX) as (here, gateway):
        member = Journey(here, PREFIX, gateway)
        member.log_in("hong", steps.PASSWORD)
        page = member.page("charge/")
        assert '<nav id="project-nav">hong</nav>' in page
        head, body = page.split("</head>")
        assert "billing/charge.css" in head
        assert "billing/charge.js" in body
        steps.charge_spend_and_cancel(member)
        staff = Journey(here, PREFIX, gateway)
        staff.log_in("staff", steps.PASSWORD, "/secret-admin/login/?next=/secret-admin/")
        steps.plain_lists(staff, "/secret-admin/")
    steps.money_adds_up(host)
    from_sandbox_to_live(host)


def from_sandbox_to_live(host):
    """In one database, as the guide says; till then billing alone is closed."""
    host.write(host.settings, 'IAMPORT_MODE = "live"')
    said = host.manage("check", fails=True)
    assert steps.ids(said) == ["billing.E014"]
    assert "was made for sandbox mode and IAMPORT_MODE is live" in said
    host.manage("reconcile", fails=True)
    users = "from users.models import User; print(User.objects.count())"
    assert host.manage("shell", "-v0", "-c", users).strip() == "2"
    host.write(host.settings, 'IAMPORT_MODE = "sandbox"')
    host.manage("migrate", "-v0", "billing", "zero")
    host.write(host.settings, 'IAMPORT_MODE = "live"')
    host.manage("migrate", "-v0", "billing")
    assert "no issues" in host.manage("check")
    host.manage("audit_points")
