"""A project that lets nobody in without a login (Django's LoginRequiredMiddleware): the gateway has
none, and scripts want JSON.
"""

import json

import pytest
from django.test import Client

from billing.models import Point, PointTransaction

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


@pytest.fixture(autouse=True)
def wall(settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]


def test_the_webhook_is_not_sent_to_the_login(gateway, user):
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    notice = {"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, "status": "paid"}
    answer = Client(enforce_csrf_checks=True).post(
        "/billing/webhook/", json.dumps(notice), content_type="application/json"
    )
    assert (answer.status_code, Point.objects.balance_of(user)) == (200, 10_000)


def test_a_phone_without_a_session_is_credited(gateway, user):
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    asked = {"imp_uid": gateway.pay(txn.merchant_uid), "merchant_uid": txn.merchant_uid}
    answer = Client().get("/billing/complete/", asked)
    assert answer["Location"] == f"/billing/payments/{txn.merchant_uid}/"
    assert Point.objects.balance_of(user) == 10_000


def test_the_terms_are_open_and_scripts_are_told_in_json(client):
    assert client.get("/billing/terms/").status_code == 200
    for path in ("checkout/", "validation/"):
        answer = client.post(f"/billing/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "login_required")


@pytest.mark.parametrize("path", ["charge/", "payments/", "entries/", "payments.csv"])
def test_members_pages_still_ask_for_it(client, path):
    answer = client.get(f"/billing/{path}")
    assert (answer.status_code, "next=" in answer["Location"]) == (302, True)
