"""No key in an address of the admin is a 500: overlong, odd or nobody's, on every page of every
model.
"""

from itertools import product

import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver

pytestmark = [pytest.mark.django_db(databases=["default", "sandbox"]), pytest.mark.money]

KEYS = {
    "overlong": "9" * 20,
    "beyond 64 bits": str(2**63),
    "below 64 bits": str(-(2**63) - 1),
    "very long": "7" * 5000,
    "no number": "abc",
    "full-width digits": "１２",
    "NUL": "1%00",
    "quoted": "_39999999999999999999999",
    "a date that is none": "2026-02-31",
    "infinite": "1e999",
    "blank": "%20",
}


def patterns(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, route)
        elif isinstance(pattern, URLPattern) and "<" in route:
            yield route, getattr(pattern, "name", "")


def routes():
    """Every address of the admin that holds a key of a row."""
    found, _app, _name = admin.site.urls

    class Root:
        url_patterns = found

    return sorted(
        {
            route
            for route, _name in patterns(Root)
            if "object_id" in route or "<id>" in route or "<path" in route
        }
    )


def filled(route, key):
    parts = [key if part.startswith("<") else part for part in route.split("/")]
    return "/admin/" + "/".join(parts)


def test_there_are_such_addresses():
    assert len(routes()) > 30
    assert "billing/point/<path:object_id>/delete/" in routes()


@pytest.mark.parametrize("name", KEYS)
def test_odd_keys_are_no_500(client, admin_user, name):
    client.force_login(admin_user)
    client.raise_request_exception = False
    bad = {}
    for route, method in product(routes(), ("get", "post")):
        response = getattr(client, method)(filled(route, KEYS[name]))
        if response.status_code not in (302, 301, 403, 404, 405):
            bad[method, route] = response.status_code
    assert bad == {}


@pytest.mark.parametrize(
    "path", ["billing/point", "auth/user", "auth/group", "billing/pointtransaction"]
)
def test_an_overlong_key_is_not_there(client, admin_user, path):
    client.force_login(admin_user)
    for page in ("change", "history"):
        assert client.get(f"/admin/{path}/{'9' * 20}/{page}/").status_code in (302, 404)
    assert client.get(f"/admin/{path}/{'9' * 20}/delete/").status_code in (302, 403, 404)
