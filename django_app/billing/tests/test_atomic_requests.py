"""A project with ATOMIC_REQUESTS=True: our addresses commit by themselves, and no call to the
gateway lies inside a transaction.
"""

import pytest
from django.contrib import admin
from django.db import connections
from django.test import Client

from billing import urls
from billing.models import Point, PointCancellation, PointTransaction
from billing_office.actions.cancel_payment import UNSPENT
from billing_office.tests.conftest import url

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

GOOD = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}
YES = {"confirmed": "yes"}


@pytest.fixture(autouse=True)
def atomic_requests():
    settings = connections["default"].settings_dict
    before = settings["ATOMIC_REQUESTS"]
    settings["ATOMIC_REQUESTS"] = True
    yield
    settings["ATOMIC_REQUESTS"] = before


@pytest.fixture
def payer(user):
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def checkout(payer, gateway):
    response = payer.post("/billing/checkout/", GOOD)
    assert response.status_code == 201, response.content
    return response.json()["merchant_uid"]


def test_every_address_of_billing_is_non_atomic_for_every_database():
    assert {
        alias for pattern in urls.urlpatterns for alias in pattern.callback._non_atomic_requests
    } == set(connections)
    for pattern in urls.urlpatterns:
        assert pattern.callback._non_atomic_requests == set(connections), pattern


def test_every_page_of_the_office_that_acts_is_non_atomic():
    found = {
        f"{model._meta.model_name} {pattern.pattern}": pattern.callback
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label == "billing"
        for pattern in model_admin.get_urls()
        if pattern.name  # without one it only leads on to the page
    }
    assert len(found) > 40
    assert [
        name
        for name, view in found.items()
        if getattr(view, "_non_atomic_requests", set()) != set(connections)
    ] == []


def test_a_charge_and_its_cancel(payer, gateway, checkout, user):
    imp_uid = gateway.pay(checkout)
    done = payer.post("/billing/validation/", {"imp_uid": imp_uid, "merchant_uid": checkout})
    assert (done.status_code, done.json()["balance"]) == (200, 10_000)
    assert payer.get(f"/billing/payments/{checkout}/status/").json()["status"] == "paid"
    cancelled = payer.post(f"/billing/payments/{checkout}/cancel/", {"reason": ""})
    assert (cancelled.status_code, cancelled.json()["balance"]) == (200, 0)
    assert PointCancellation.objects.get().state == PointCancellation.State.DONE


@pytest.mark.parametrize("door", ["complete", "webhook", "status"])
def test_the_other_doors_credit_too(payer, gateway, checkout, user, door):
    imp_uid = gateway.pay(checkout)
    ids = {"imp_uid": imp_uid, "merchant_uid": checkout}
    if door == "complete":
        assert payer.get("/billing/complete/", ids).status_code == 302
    elif door == "webhook":
        assert (
            Client()
            .post("/billing/webhook/", {**ids, "status": "paid"}, content_type="application/json")
            .status_code
            == 200
        )
    else:
        assert payer.get(f"/billing/payments/{checkout}/status/").json()["status"] == "paid"
    assert Point.objects.get(pk=user.pk).balance == 10_000


def test_staff_ask_cancel_and_take_over(payer, gateway, checkout, admin_client, user):
    gateway.pay(checkout)
    txn = PointTransaction.objects.get()
    asked = admin_client.post(url("pointtransaction", txn.pk, "sync"), YES)
    assert asked.status_code == 302
    assert Point.objects.get(pk=user.pk).balance == 10_000
    form = {
        "amount": "10000",
        "reason": "wrong order",
        "rule": UNSPENT,
        "remaining": "10000",
        **YES,
    }
    assert admin_client.post(url("pointtransaction", txn.pk, "cancel"), form).status_code == 302
    assert Point.objects.get(pk=user.pk).balance == 0
    imp_uid = gateway.pay("lost-1", amount=7_000)
    taken = admin_client.post(
        "/admin/billing/pointtransaction/adopt/", {"imp_uid": imp_uid, "member": "payer", **YES}
    )
    assert taken.status_code == 302
    assert Point.objects.get(pk=user.pk).balance == 7_000


@pytest.mark.parametrize("view", ["checkout"])
def test_without_the_wrapping_a_checkout_fails(payer, gateway, monkeypatch, view):
    """Negative control: these tests can fail."""
    callback = next(pattern.callback for pattern in urls.urlpatterns if pattern.name == view)
    monkeypatch.setattr(callback, "_non_atomic_requests", set())
    with pytest.raises(RuntimeError, match="durable"):
        payer.post("/billing/checkout/", GOOD)
