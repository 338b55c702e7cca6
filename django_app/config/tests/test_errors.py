"""Pages for when something is wrong: for people in the site's design, for scripts as JSON, never
with a trace of how it happened.
"""

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from billing.models import Point, PointTransaction
from billing.urls import urlpatterns
from config import preview
from config.maintenance import OPEN_VIEWS

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

CHARGE, LOGIN, PAYMENT = "/billing/charge/", "/accounts/login/", "/billing/payments/20261123-abc/"


def in_our_design(response, status):
    page = response.content.decode()
    assert response.status_code == status
    assert "/static/billing/frame.css" in page
    assert page.count("<h1") == 1
    assert "Traceback" not in page
    return page


STATUSES = {
    "400": 400,
    "403": 403,
    "csrf": 403,
    "404": 404,
    "404-payment": 404,
    "429": 429,
    "429-login": 429,
    "500": 500,
    "maintenance": 503,
}


@pytest.mark.parametrize("name", STATUSES)
@pytest.mark.parametrize("who", ["a member", "anybody"])
def test_each_can_be_looked_at(client, user, name, who):
    if who == "a member":
        client.force_login(user)
    assert f"/preview/{name}/" in client.get("/preview/").content.decode()
    in_our_design(client.get(f"/preview/{name}/"), STATUSES[name])


def test_all_that_can_be_looked_at_is_tested(client):
    assert set(STATUSES) == set(preview.PAGES)
    in_our_design(client.get("/preview/nothing/"), 404)


def test_previews_are_for_this_machine_only(client, settings):
    assert (
        client.get("/preview/404/", REMOTE_ADDR="192.0.2.1").content
        == b"Sandbox mode serves only this machine.\n"
    )


# -- in earnest ------------------------------------------------------------------------------------


def test_a_page_that_is_not_there(client):
    in_our_design(client.get("/nowhere/"), 404)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_host_that_is_not_ours(client, language):
    other = "en" if language == "ko" else "ko"
    with translation.override(other):  # the thread's last reader
        page = in_our_design(
            client.get(LOGIN, headers={"Host": "evil.example", "Accept-Language": language}), 400
        )
    assert f'<html lang="{language}">' in page


@pytest.mark.parametrize("host", ["evil.example", "testserver"])
def test_who_returns_from_a_payment_is_told_nothing_untrue(client, host):
    """The money may have been taken: nothing is claimed about it, only that it is not lost."""
    many = "&".join(f"p{number}=1" for number in range(2_000))
    page = client.get(
        f"/billing/complete/?imp_uid=imp_1&merchant_uid=m&{many}",
        headers={"Host": host, "Accept-Language": "en"},
    )
    text = in_our_design(page, 400)
    assert "If you were paying, nothing is lost and your points arrive by themselves." in text
    for claim in ("Nothing was taken", "nothing has changed", "was not"):
        assert claim not in text


def test_a_form_without_its_token(user):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    in_our_design(strict.post("/accounts/password_change/"), 403)
    answer = strict.post("/billing/checkout/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf")


def test_what_breaks(client, user, monkeypatch):
    client.force_login(user)
    client.raise_request_exception = False

    def broken(*args, **kwargs):
        raise DatabaseError("secret words")

    monkeypatch.setattr("billing.web.history.history_query.payments", broken)
    page = in_our_design(client.get("/billing/payments/"), 500)
    assert "secret words" not in page


@pytest.mark.parametrize("language", ["ko", "en"])
def test_somebody_elses_payment_and_none_at_all_look_the_same(client, user, make_user, language):
    other = make_user("other")
    Point.objects.create(user=other)
    theirs = PointTransaction.objects.create(
        owner_id=other.pk, merchant_uid="20261123-theirs", amount=1000, pay_method="card"
    )
    client.force_login(user)
    pages = []
    for number in (theirs.merchant_uid, "20261123-nobody"):
        response = client.get(f"/billing/payments/{number}/", headers={"Accept-Language": language})
        page = in_our_design(response, 404)
        assert f"/accounts/login/?next=/billing/payments/{number}/" in page
        assert "payer" in page
        pages.append(page.replace(number, "NUMBER"))
    strip = [
        [line for line in page.splitlines() if "csrfmiddlewaretoken" not in line] for page in pages
    ]
    assert strip[0] == strip[1]


def test_from_there_to_another_account(client, user):
    client.force_login(user)
    page = client.get(f"{LOGIN}?next={PAYMENT}")
    assert page.status_code == 200
    assert f'value="{PAYMENT}"' in page.content.decode()


# -- maintenance -----------------------------------------------------------------------------------

CLOSED = [
    "/",
    CHARGE,
    LOGIN,
    "/accounts/signup/",
    "/accounts/password_reset/",
    "/billing/payments/",
    "/billing/entries/",
    PAYMENT,
]
CLOSED_SCRIPTS = ["/billing/checkout/", f"{PAYMENT}cancel/"]
OPEN = {
    "/billing/validation/": 400,
    f"{PAYMENT}status/": 404,
    "/healthz": 200,
    "/readyz": 200,
    "/static/billing/billing.css": 200,
    "/admin/login/": 200,
    "/sandbox/": 200,
}


@pytest.fixture
def maintenance(settings):
    settings.MAINTENANCE = True


@pytest.mark.usefixtures("maintenance")
@pytest.mark.parametrize("address", CLOSED)
def test_maintenance_closes_the_pages_and_asks_no_database(client, user, address):
    client.force_login(user)
    for method in ("GET", "POST"):
        with CaptureQueriesContext(connection) as captured:
            response = client.generic(method, address, headers={"Accept-Language": "en"})
        in_our_design(response, 503)
        assert response["Retry-After"] == "300"
        assert response["Cache-Control"] == "no-store"
        assert len(captured) == 0


@pytest.mark.usefixtures("maintenance")
@pytest.mark.parametrize("address", CLOSED_SCRIPTS)
def test_maintenance_tells_scripts_in_json(client, user, address):
    client.force_login(user)
    response = client.post(address)
    assert (response.status_code, response.json()["error"]["code"], response["Retry-After"]) == (
        503,
        "maintenance",
        "300",
    )


@pytest.mark.usefixtures("maintenance")
@pytest.mark.parametrize(("address", "status"), OPEN.items())
def test_maintenance_leaves_these_open(client, user, address, status):
    client.force_login(user)
    method = "POST" if address.endswith("validation/") else "GET"
    assert client.generic(method, address).status_code == status


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_money_under_way_arrives_during_maintenance(client, user, gateway, settings):
    """Paid before the doors closed: callback, phone's return and webhook still credit, each
    alone.
    """
    txns = [
        PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
        for _ in range(3)
    ]
    by_callback, by_return, by_webhook = [
        (gateway.pay(txn.merchant_uid), txn.merchant_uid) for txn in txns
    ]
    settings.MAINTENANCE = True
    client.force_login(user)
    imp_uid, merchant_uid = by_callback
    assert (
        client.post(
            "/billing/validation/", {"imp_uid": imp_uid, "merchant_uid": merchant_uid}
        ).json()["status"]
        == "paid"
    )
    imp_uid, merchant_uid = by_return
    assert (
        client.get(
            "/billing/complete/", {"imp_uid": imp_uid, "merchant_uid": merchant_uid}
        ).status_code
        == 302
    )
    imp_uid, merchant_uid = by_webhook
    body = {"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": "paid"}
    assert (
        client.post("/billing/webhook/", body, content_type="application/json").status_code == 200
    )
    assert Point.objects.get().balance == 30_000


def test_every_door_of_money_is_one_that_exists():
    assert {f"billing:{pattern.name}" for pattern in urlpatterns} > OPEN_VIEWS
