"""Run by test_custom_user.py, under the settings beside this file."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing.models import Point, PointTransaction
from billing.notifications import mail_queue
from config.tests.plain_user.models import Member

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

GOOD = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}
LOGIN, PASSWORD = "/accounts/login/", "a-long-passphrase"


@pytest.fixture
def member():
    return Member.objects.create_user("payer", PASSWORD)


@pytest.fixture
def payer(member):
    client = Client(headers={"Accept-Language": "en"})
    assert client.post(LOGIN, {"username": "payer", "password": PASSWORD}).status_code == 302
    return client


def test_a_charge_from_the_login_to_the_refund(payer, member, gateway, settings, caplog):
    settings.BILLING_MAIL = True
    assert payer.get("/billing/charge/").status_code == 200
    begun = payer.post("/billing/checkout/", GOOD)
    assert begun.status_code == 201
    assert begun.json()["request_pay"]["buyer_name"] == "payer"
    assert "buyer_email" not in begun.json()["request_pay"]
    merchant_uid = begun.json()["merchant_uid"]
    done = payer.post(
        "/billing/validation/", {"imp_uid": gateway.pay(merchant_uid), "merchant_uid": merchant_uid}
    )
    assert done.json()["balance"] == 10_000
    for page in ("/billing/payments/", "/billing/entries/", f"/billing/payments/{merchant_uid}/"):
        assert payer.get(page).status_code == 200
    assert (
        payer.post(f"/billing/payments/{merchant_uid}/cancel/", {"reason": ""}).status_code == 200
    )
    assert mail_queue.wait(30)
    assert mail.outbox == []  # no address
    assert [
        record.message for record in caplog.records if record.levelname in ("WARNING", "ERROR")
    ] == []


def test_the_pages_of_staff(payer, member, gateway):
    payer.post("/billing/checkout/", GOOD)
    staff = Client(headers={"Accept-Language": "en"})
    staff.force_login(Member.objects.create_user("boss", PASSWORD, is_staff=True))
    address = f"/admin/billing/point/{member.pk}/"
    for page in (
        "/admin/",
        "/admin/billing/pointtransaction/",
        "/admin/billing/point/?q=payer",
        f"{address}change/",
        f"{address}change/?full=1",
    ):
        assert staff.get(page).status_code == 200, page
    # The attempt's window may still be open.
    assert staff.get(f"{address}leave/").status_code == 302
    PointTransaction.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert staff.get(f"{address}leave/").status_code == 200
    assert staff.post(f"{address}leave/", {"confirmed": "yes"}).status_code == 302
    assert Point.objects.get().user.login.startswith(f"left-{member.pk}-")
    assert not Member.objects.get(pk=member.pk).has_usable_password()


def test_sign_up_and_reset(client):
    fresh = {"login": "fresh", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post("/accounts/signup/", fresh).status_code == 302
    assert Client().get("/accounts/password_reset/").status_code == 200
