"""The checkout: what opens an attempt, and what is refused. Statements and gateway calls are
counted.
"""

import pytest
from django.test import Client

from billing.models import Installation, Point, PointTransaction
from billing.states import Status
from billing.tests.support.counting import counted
from billing.tests.support.json_contract import CHECKOUT, GOOD, TROUBLE, VALIDATION, plan, refused

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


def test_checkout_answers_what_request_pay_needs(payer, gateway, user):
    user.first_name, user.email = "길동", "hong@example.com"
    user.save()
    response = payer.post(CHECKOUT, GOOD)
    assert response.status_code == 201
    txn = PointTransaction.objects.get()
    assert response.json() == {
        "merchant_uid": txn.merchant_uid,
        "request_pay": {
            "pg": "html5_inicis",
            "pay_method": "card",
            "merchant_uid": txn.merchant_uid,
            "name": "Points 10,000P",
            "amount": 10_000,
            "currency": "KRW",
            "language": "en",
            "digital": True,
            "m_redirect_url": "http://testserver/billing/complete/",
            # the stand-in gateway has no console that names it
            "notice_url": "http://testserver/billing/webhook/",
            "buyer_name": "길동",
            "buyer_email": "hong@example.com",
            "buyer_tel": "010-1234-5678",
        },
    }
    assert (Point.objects.get().point, Point.objects.get().balance) == (1, 0)
    assert gateway.token_calls == 1
    assert [call.path for call in gateway.calls] == ["payments/prepare"]


def test_checkout_with_channel_notice_and_virtual_account(payer, gateway, settings):
    settings.IAMPORT_CHANNELS = {"vbank": "channel-key-1"}
    settings.BILLING_NOTICE_URL = "https://points.example/billing/webhook/"
    settings.PUBLIC_URL = "https://points.example"
    params = payer.post(CHECKOUT, {**GOOD, "pay_method": "vbank"}).json()["request_pay"]
    assert params["channelKey"] == "channel-key-1"
    assert "pg" not in params
    assert params["notice_url"] == "https://points.example/billing/webhook/"
    assert params["m_redirect_url"] == "https://points.example/billing/complete/"
    assert len(params["vbank_due"]) == 8
    assert params["vbank_due"].isdigit()


def test_in_live_mode_the_console_says_where_webhooks_go(payer, gateway, settings):
    settings.IAMPORT_MODE = "live"
    Installation.objects.update(mode="live")
    params = payer.post(CHECKOUT, GOOD).json()["request_pay"]
    assert "notice_url" not in params


@pytest.mark.parametrize("name", ["가" * 40, "x" * 40])
def test_buyer_facts_fit_the_gateway(payer, gateway, user, name):
    user.first_name, user.email = name, "a" * 60 + "@example.com"
    user.save()
    params = payer.post(CHECKOUT, GOOD).json()["request_pay"]
    assert params["buyer_name"] == name[:16]
    assert "buyer_email" not in params


AMOUNTS = {
    "missing": None, "empty": "", "text": "ten", "negative": "-1000", "zero": "0",
    "decimal": "1000.5", "point": "1.000",
    "over": "1000100", "under": "900", "off the step": "1050", "exponent": "1e9",
    "underscore": "1_000", "full-width": "１０００",
    "arabic": "١٠٠٠", "long": "9" * 10_000, "spaces": " 10000", "comma": "10,000", "plus": "+1000",
    "leading zero": "010000",
    "hex": "0x2710", "nul": "10\x0000", "newline": "10000\n",
}  # fmt: skip


WORDS = {
    "over": "The largest amount is 1,000,000 won.",
    "under": "The smallest amount is 1,000 won.",
    "off the step": "Enter the amount in steps of 100 won.",
    "missing": "Enter an amount.",
    "empty": "Enter an amount.",
}


@pytest.mark.parametrize("name", AMOUNTS)
def test_a_bad_amount(payer, gateway, name):
    form = {**GOOD, "amount": AMOUNTS[name]}
    response = payer.post(
        CHECKOUT, {key: value for key, value in form.items() if value is not None}
    )
    message = refused(response, 400, "bad_input")
    if name not in {"nul"}:  # Django has its own word for that one
        assert message == WORDS.get(name, "Enter the amount in digits, such as 10000.")
    assert response.json()["fields"] == {"amount": [message]}
    assert PointTransaction.objects.count() == 0
    assert gateway.all_calls == []


@pytest.mark.parametrize("amount", ["1000", "1000000", "999900"])
def test_an_amount_at_the_edge(payer, gateway, amount):
    assert payer.post(CHECKOUT, {**GOOD, "amount": amount}).json()["request_pay"]["amount"] == int(
        amount
    )


@pytest.mark.parametrize("method", ["", "bitcoin", "CARD", "card\x00", "x" * 10_000, None])
def test_a_bad_method(payer, gateway, method):
    form = {
        key: value for key, value in {**GOOD, "pay_method": method}.items() if value is not None
    }
    refused(payer.post(CHECKOUT, form), 400, "bad_input")
    assert gateway.all_calls == []


@pytest.mark.parametrize(
    "phone", ["", "no", "1", "0" * 30, "010-1234-567a", "０１０-1234-5678", "010\x00123456"]
)
def test_a_bad_telephone(payer, gateway, phone):
    response = payer.post(CHECKOUT, {**GOOD, "buyer_tel": phone})
    refused(response, 400, "bad_input")
    assert list(response.json()["fields"]) == ["buyer_tel"]


def test_the_telephone_is_asked_by_setting_and_kept_in_the_session(payer, gateway, settings):
    payer.post(CHECKOUT, GOOD)
    assert payer.session["buyer_tel"] == "010-1234-5678"
    settings.BILLING_ASK_PHONE = False
    assert "buyer_tel" not in payer.post(CHECKOUT, {**GOOD, "buyer_tel": ""}).json()["request_pay"]


def test_twenty_a_minute(payer, gateway, one_minute):
    for _ in range(20):
        assert payer.post(CHECKOUT, GOOD).status_code == 201
    response = payer.post(CHECKOUT, GOOD)
    refused(response, 429, "too_many")
    assert response["Retry-After"] == "60"
    assert PointTransaction.objects.count() == 20
    assert Point.objects.get().point == 20
    one_minute[0] += 60
    assert payer.post(CHECKOUT, GOOD).status_code == 201


def test_one_members_haste_is_not_anothers(payer, other, gateway, settings, one_minute):
    settings.BILLING_CHECKOUTS_PER_MINUTE = 1
    assert [client.post(CHECKOUT, GOOD).status_code for client in (payer, payer, other)] == [
        201,
        429,
        201,
    ]


@pytest.mark.parametrize("path", [CHECKOUT, VALIDATION, "/billing/payments/m-1/status/"])
def test_scripts_without_session_get_401(path, gateway):
    client = Client()
    refused(
        client.get(path) if path.endswith("status/") else client.post(path, GOOD),
        401,
        "login_required",
    )


@pytest.mark.parametrize("path", [CHECKOUT, VALIDATION])
def test_scripts_without_csrf_token_get_403(path, user, gateway):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    refused(client.post(path, GOOD), 403, "csrf")


@pytest.mark.parametrize("path", [CHECKOUT, VALIDATION])
def test_scripts_that_get_instead_of_post(path, payer, gateway):
    response = payer.get(path)
    refused(response, 405, "method_not_allowed")
    assert response["Allow"] == "POST"


def test_checkout_stays_within_its_budget(payer, gateway, django_assert_max_num_queries):
    with django_assert_max_num_queries(20) as captured:
        payer.post(CHECKOUT, GOOD)
    first = counted(captured)
    # Read, and the telephone kept.
    assert len([sql for sql in first if "django_session" in sql]) == 2
    assert len(first) == 8
    with django_assert_max_num_queries(20) as captured:
        payer.post(CHECKOUT, GOOD)
    assert len(counted(captured)) == 5
    assert [call.path for call in gateway.calls] == ["payments/prepare"] * 2
    assert gateway.token_calls == 1


@pytest.mark.parametrize("name", TROUBLE)
def test_checkout_when_the_gateway_has_trouble(payer, gateway, name):
    trouble, status, code = TROUBLE[name]
    plan(gateway, "payments/prepare", trouble, times=2)  # 401 is asked again once
    if name == "404":
        status, code = 502, "gateway_refused"  # there is nothing to be found yet
    response = payer.post(CHECKOUT, GOOD)
    refused(response, status, code)
    assert ("Retry-After" in response) == (status == 503)
    txn = PointTransaction.objects.get()
    assert txn.status == Status.FAILED
    assert txn.fail_reason
    assert Point.objects.get().point == 1
