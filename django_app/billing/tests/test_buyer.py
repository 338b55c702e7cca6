"""What the gateway is told about the buyer, whatever user model and hook a project has; nothing of
ours fails after an attempt is counted.
"""

import logging

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client

from billing.models import Point, PointTransaction
from billing.web import buyer

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

GOOD = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}


class Plain(AbstractBaseUser):
    """As small as Django allows: no names, no e-mail."""

    USERNAME_FIELD = "login"

    class Meta:
        app_label = "billing_tests"
        managed = False

    def get_username(self):
        return "somebody"


@pytest.fixture
def payer(user):
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


def test_a_user_model_without_names_and_address(rf):
    request = rf.get("/")
    request.user, request.session = Plain(), {"buyer_tel": "010-1234-5678"}
    assert buyer.buyer_of(request) == {"buyer_name": "somebody", "buyer_tel": "010-1234-5678"}


def raises(request):
    raise RuntimeError("the project's own")


def no_mapping(request):
    return None


@pytest.mark.parametrize("hook", ["raises", "no_mapping"])
def test_a_hook_that_fails_lets_no_attempt_begin(payer, gateway, settings, caplog, hook):
    settings.BILLING_BUYER = f"billing.tests.test_buyer.{hook}"
    with caplog.at_level(logging.ERROR, logger="billing.web.buyer"):
        response = payer.post("/billing/checkout/", GOOD)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert response["Retry-After"] == "60"
    assert PointTransaction.objects.count() == 0
    assert Point.objects.count() == 0
    assert gateway.calls == []
    assert [record.message for record in caplog.records if record.name == "billing.web.buyer"] == [
        f"BILLING_BUYER ({settings.BILLING_BUYER}) failed: no payment can begin"
    ]


def test_any_failure_of_ours_comes_before_the_attempt_is_counted(payer, gateway, monkeypatch):
    def broken(*args):
        raise RuntimeError("ours")

    monkeypatch.setattr("billing.web.request_pay.public_url", broken)
    payer.raise_request_exception = False
    assert payer.post("/billing/checkout/", GOOD).status_code == 500
    assert PointTransaction.objects.count() == 0
    assert gateway.calls == []
