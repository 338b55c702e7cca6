"""Who is served in sandbox mode, and where the tables live."""

import pytest
from django.apps import apps
from django.db import connections

from billing_sandbox.middleware import is_loopback
from billing_sandbox.models import Payment
from billing_sandbox.router import SandboxRouter

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LOCAL_ONLY = [
    "/sandbox/",
    "/sandbox/control/log",
    "/sandbox/control/nothing",
    "/sandbox/api/payments/imp_1",
    "/accounts/login/",
]


@pytest.mark.parametrize("path", LOCAL_ONLY)
@pytest.mark.parametrize(
    "address",
    [
        "192.168.0.7",
        "203.0.113.9",
        "::2",
        "",
        "unix:",
        "localhost",
        "::ffff:10.0.0.1",
        "127.0.0.1\n",
    ],
)
def test_the_site_is_for_this_machine(client, path, address):
    answer = client.get(path, REMOTE_ADDR=address)
    assert answer.status_code == 403
    assert answer.content == b"Sandbox mode serves only this machine.\n"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_served(client, address):
    assert client.get("/sandbox/control/log", REMOTE_ADDR=address).status_code == 200
    assert client.get("/sandbox/", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *LOCAL_ONLY,
        "/sandbox/api/payments/imp_1",
        "/sandbox/iamport.js",
        "/healthz",
        "/billing/charge/",
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        "HTTP_FORWARDED",
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PROTO",
        "HTTP_X_REAL_IP",
        "HTTP_VIA",
    ],
)
def test_whatever_a_proxy_forwarded_is_refused(client, path, name):
    answer = client.get(path, **{name: ""})
    assert answer.status_code == 403
    assert (
        answer.content
        == b"Sandbox mode serves only this machine, but this request was forwarded by a proxy.\n"
    )


def test_foreign_host_names_are_refused(client):
    for path in ("/sandbox/", "/sandbox/control/log", "/sandbox/api/payments/imp_1"):
        assert client.get(path, HTTP_HOST="evil.example").status_code == 400


@pytest.mark.parametrize(
    "address", ["x", "127.0.0", "127.0.0.1.1", "0", "10.0.0.1", "fe80::1%lo", "١٢٧.0.0.1"]
)
def test_what_is_no_loopback_address(address):
    assert not is_loopback(address)


def test_router():
    router = SandboxRouter()
    assert router.allow_migrate("sandbox", "sandbox") is True
    assert router.allow_migrate("sandbox", "auth") is False
    assert router.allow_migrate("default", "sandbox") is False
    assert router.allow_migrate("default", "auth") is None
    assert (router.db_for_read(Payment), router.db_for_write(Payment)) == ("sandbox", "sandbox")


def test_the_tables_are_apart():
    here = {
        name
        for name in connections["sandbox"].introspection.table_names()
        if name != "django_migrations"
    }
    assert here == {model._meta.db_table for model in apps.get_app_config("sandbox").get_models()}
    assert not {
        name
        for name in connections["default"].introspection.table_names()
        if name.startswith("sandbox_")
    }
