"""The status: where an own payment stands, and when the gateway is asked."""

import pytest

from billing.models import PointTransaction
from billing.states import Status
from billing.tests.support.json_contract import (
    CHECKOUT,
    GOOD,
    TROUBLE,
    VALIDATION,
    plan,
    refused,
    status_of,
)
from billing.tests.support.payments import envelope, payment_json

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


def test_status_finds_a_payment_that_nobody_told_us_about(payer, gateway, checkout):
    gateway.pay(checkout)
    body = status_of(payer, checkout).json()
    assert (body["status"], body["balance"]) == ("paid", 10_000)


def test_status_asks_at_most_once_in_five_seconds(payer, gateway, checkout):
    gateway.pay(checkout, outcome="ready")
    asked = len(gateway.calls)
    for _ in range(5):
        assert status_of(payer, checkout).json()["status"] == "ready"
    assert len(gateway.calls) == asked + 1


def test_one_members_polls_do_not_silence_anothers(payer, other, gateway, checkout):
    theirs = other.post(CHECKOUT, GOOD).json()["merchant_uid"]
    for merchant_uid in (checkout, theirs):
        gateway.pay(merchant_uid)
    assert [
        status_of(payer, checkout).json()["status"],
        status_of(other, theirs).json()["status"],
    ] == ["paid", "paid"]


def test_status_asks_nothing_once_it_is_decided(payer, gateway, checkout, validate):
    validate(gateway.pay(checkout), checkout)
    asked = len(gateway.calls)
    assert status_of(payer, checkout).json()["status"] == "paid"
    assert len(gateway.calls) == asked


def test_status_before_the_window_opened(payer, gateway, checkout):
    response = status_of(payer, checkout)
    assert (response.status_code, response.json()["status"], response.json()["next"]) == (
        200,
        "ready",
        None,
    )


@pytest.mark.parametrize("name", [name for name in TROUBLE if name not in ("404", "401")])
def test_status_when_the_gateway_has_trouble(payer, gateway, checkout, name):
    trouble, status, code = TROUBLE[name]
    plan(gateway, "payments/findAll/", trouble)
    refused(status_of(payer, checkout), status, code)
    # What we know, until it is time to ask again.
    assert status_of(payer, checkout).status_code == 200


def test_status_finds_the_paid_one_of_two_tabs(payer, gateway, checkout):
    """The later window was declined: "nothing was taken" would be false."""
    gateway.pay(checkout)
    gateway.pay(checkout, outcome="failed")
    body = status_of(payer, checkout).json()
    assert (body["status"], body["balance"]) == ("paid", 10_000)


def test_status_sees_a_late_approval(payer, gateway, checkout, validate):
    imp_uid = gateway.pay(checkout, outcome="failed")
    assert validate(imp_uid, checkout).json()["status"] == "failed"
    gateway.control(f"payments/{imp_uid}/approve")
    assert status_of(payer, checkout).json()["status"] == "paid"


def test_status_never_shows_another_row(payer, other, gateway, checkout):
    theirs = other.post(CHECKOUT, GOOD).json()["merchant_uid"]
    listed = {"total": 1, "list": [payment_json(merchant_uid=theirs)]}
    gateway.answer_next("payments/findAll/", json_body=envelope(listed))
    response = status_of(payer, checkout)
    refused(response, 502, "gateway_nonsense")
    assert theirs not in response.content.decode()


@pytest.mark.parametrize("first", [None, "closed", "paid", "cancelled"])
def test_the_page_tells_of_money_that_goes_back(payer, gateway, checkout, validate, first):
    """Whatever the row is otherwise: paid, closed, cancelled or open."""
    if first == "closed":
        closed = payment_json(
            imp_uid="imp_100000000001", merchant_uid=checkout, status="cancelled", paid_at=0
        )
        gateway.answer_next("payments/imp_100000000001", json_body=envelope(closed))
        validate("imp_100000000001", checkout)
    elif first:
        imp_uid = gateway.pay(checkout)
        if first == "cancelled":
            gateway.control(f"payments/{imp_uid}/cancel", amount=4_000)
        validate(imp_uid, checkout)
    right = first in ("paid", "cancelled")
    answer = (
        payment_json(imp_uid="imp_100000000002", merchant_uid=checkout)
        if right  # the sandbox refuses to pay an order twice
        else payment_json(imp_uid="imp_100000000002", merchant_uid=checkout, amount=9_000)
    )
    gateway.answer_next("payments/imp_100000000002", json_body=envelope(answer))
    told = validate("imp_100000000002", checkout)
    assert (told.status_code, told.json()["error"]["code"]) == (409, "wrong_money")
    words = (
        "You paid twice. The second payment of 10,000 won will be sent back."
        if right
        else (
            "9,000 won was paid instead of 10,000 won. No points were added, and the money "
            "will be sent back."
        )
    )
    assert words in told.json()["error"]["message"]
    page = payer.get(told.json()["next"]).content.decode()
    assert words in page
    assert "Nothing was taken" not in page
    polled = status_of(payer, checkout)
    assert polled.status_code == (200 if right else 409)
    assert words in polled.json().get("message", polled.json().get("error", {}).get("message"))


def test_sixty_validations_a_minute(gateway, validate, checkout, settings, one_minute):
    settings.BILLING_VALIDATIONS_PER_MINUTE = 2
    imp_uid = gateway.pay(checkout, outcome="ready")
    codes = [validate(imp_uid, checkout).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_one_members_validations_are_not_anothers(
    gateway, validate, checkout, other, settings, one_minute
):
    settings.BILLING_VALIDATIONS_PER_MINUTE = 1
    theirs = other.post(CHECKOUT, GOOD).json()["merchant_uid"]
    imp_uid = gateway.pay(checkout, outcome="ready")
    assert [validate(imp_uid, checkout).status_code for _ in range(2)] == [200, 429]
    told = other.post(VALIDATION, {"imp_uid": gateway.pay(theirs), "merchant_uid": theirs})
    assert (told.status_code, told.json()["balance"]) == (200, 10_000)


def test_status_of_somebody_else_is_unknown(other, gateway, checkout):
    asked = len(gateway.all_calls)
    refused(status_of(other, checkout), 404, "not_found")
    assert len(gateway.all_calls) == asked


@pytest.mark.parametrize("fault", ["drop", "timeout"])
def test_faults_of_the_sandbox_reach_us_as_trouble_of_the_network(
    payer, gateway, validate, checkout, fault
):
    imp_uid = gateway.pay(checkout)
    gateway.control("faults", **{fault: True, "times": 1, "path": "payments/imp_"})
    refused(validate(imp_uid, checkout), 503, "gateway_unreachable")
    assert validate(imp_uid, checkout).json()["balance"] == 10_000


def test_a_registration_whose_answer_was_lost(payer, gateway):
    gateway.control("faults", timeout=True, times=1, path="payments/prepare")
    refused(payer.post(CHECKOUT, GOOD), 503, "gateway_unreachable")
    txn = PointTransaction.objects.get()
    assert (txn.status, txn.prepared_at) == (Status.FAILED, None)
