"""The validation: what the page's script is told when the gateway's window closed."""

import json

import pytest
from django.conf import settings as django_settings
from django.utils import translation

from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.states import Review, Status
from billing.tests.support.counting import counted
from billing.tests.support.json_contract import (
    CHECKOUT,
    GOOD,
    TROUBLE,
    VALIDATION,
    plan,
    refused,
)
from billing.tests.support.payments import envelope, payment_json

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


def test_a_whole_charge(payer, gateway, checkout, validate):
    imp_uid = gateway.pay(checkout)
    response = validate(imp_uid, checkout)
    assert response.status_code == 200
    assert response.json() == {
        "merchant_uid": checkout,
        "status": "paid",
        "amount": 10_000,
        "cancel_amount": 0,
        "balance": 10_000,
        "message": "You received 10,000P · Balance 10,000P",
        "next": f"/billing/payments/{checkout}/",
    }
    assert validate(imp_uid, checkout).json() == response.json()
    assert (Point.objects.get().point, Point.objects.get().balance) == (1, 10_000)
    assert PointEntry.objects.count() == 1


def test_messages_come_in_the_members_language(payer, gateway, checkout):
    imp_uid = gateway.pay(checkout)
    response = payer.post(
        VALIDATION,
        {"imp_uid": imp_uid, "merchant_uid": checkout},
        headers={"Accept-Language": "ko"},
    )
    assert response.json()["message"] == "10,000P를 받았어요 · 보유 10,000P"
    assert translation.get_language() == django_settings.LANGUAGE_CODE


STATES = {
    "failed": ({"outcome": "failed"}, "failed", True, 0),
    "ready, the window was left": ({"outcome": "ready"}, "ready", False, 0),
    "ready, with an account": ({"outcome": "vbank", "pay_method": "vbank"}, "ready", True, 0),
}


@pytest.mark.parametrize("name", STATES)
def test_every_true_state_is_a_200(gateway, checkout, validate, name):
    what, status, somewhere, balance = STATES[name]
    response = validate(gateway.pay(checkout, **what), checkout)
    assert response.status_code == 200
    body = response.json()
    assert (body["status"], body["balance"], body["cancel_amount"]) == (status, balance, 0)
    assert (body["next"] is not None) is somewhere


def test_a_cancelled_payment_is_a_200(gateway, checkout, validate):
    imp_uid = gateway.pay(checkout)
    gateway.cancel(imp_uid, 4_000)
    body = validate(imp_uid, checkout).json()
    assert (body["status"], body["cancel_amount"], body["balance"]) == ("cancelled", 4_000, 6_000)


def test_validation_stays_within_its_budget(
    payer, gateway, checkout, validate, django_assert_max_num_queries
):
    imp_uid = gateway.pay(checkout)
    before = len(gateway.calls)
    with django_assert_max_num_queries(20) as captured:
        assert validate(imp_uid, checkout).status_code == 200
    assert len(counted(captured)) == 7  # session, user, own row, and apply's four
    assert [call.path for call in gateway.calls[before:]] == [
        f"payments/{imp_uid}?include_sandbox=true"
    ]
    assert gateway.token_calls == 1


def test_somebody_elses_order_is_unknown_before_anything_is_asked(gateway, checkout, other):
    imp_uid = gateway.pay(checkout)
    asked = len(gateway.all_calls)
    refused(
        other.post(VALIDATION, {"imp_uid": imp_uid, "merchant_uid": checkout}), 404, "not_found"
    )
    assert len(gateway.all_calls) == asked


@pytest.mark.parametrize("merchant_uid", ["nobodys", "a/b", "주문", "m" * 10_000, "a\nb", "../x"])
def test_a_merchant_uid_that_is_nobodys(gateway, validate, checkout, merchant_uid):
    asked = len(gateway.all_calls)
    refused(validate("imp_100000000001", merchant_uid), 404, "not_found")
    assert len(gateway.all_calls) == asked


@pytest.mark.parametrize(
    "imp_uid",
    [
        "",
        "imp-1",
        "imp_1/cancel",
        "i" * 10_000,
        "imp_\x00",
        "imp_１２",
        "imp 1",
        "../users/getToken",
    ],
)
def test_an_imp_uid_that_is_none(gateway, validate, checkout, imp_uid):
    asked = len(gateway.all_calls)
    refused(validate(imp_uid, checkout), 400, "bad_input")
    assert len(gateway.all_calls) == asked


def test_a_nul_in_the_merchant_uid(gateway, validate, checkout):
    assert validate("imp_1", "a\x00b").status_code in (400, 404)


def test_an_imp_uid_of_nobody(gateway, validate, checkout):
    refused(validate("imp_000000000000", checkout), 404, "not_found")


def test_ids_that_do_not_belong_together(gateway, validate, checkout, other):
    """Another member's payment, posted with one's own order: it is credited to its owner, and the
    poster gets nothing.
    """
    theirs = other.post(CHECKOUT, GOOD).json()["merchant_uid"]
    imp_uid = gateway.pay(theirs)
    response = validate(imp_uid, checkout)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "ids_do_not_match")
    assert "next" not in response.json()
    balances = dict(PointTransaction.objects.values_list("merchant_uid", "owner__balance"))
    assert balances == {checkout: 0, theirs: 10_000}


def test_a_payment_of_another_shop_is_never_touched(gateway, validate, checkout):
    imp_uid = gateway.pay("another-shops-order", amount=10_000)
    refused(validate(imp_uid, checkout), 409, "ids_do_not_match")
    assert PointCancellation.objects.count() == 0


WRONG = {
    "less": ({"amount": 1_000}, Review.WRONG_AMOUNT),
    "more": ({"amount": 20_000}, Review.WRONG_AMOUNT),
    "dollars": ({"currency": "USD"}, Review.WRONG_CURRENCY),
    "play money": ({"sandbox": True}, Review.TEST_CHANNEL),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_money(gateway, validate, checkout, name):
    what, code = WRONG[name]
    imp_uid = gateway.pay(checkout, **what)
    for _ in range(2):
        response = validate(imp_uid, checkout)
        refused(response, 409, "wrong_money")
        assert response.json()["next"] == f"/billing/payments/{checkout}/"
    txn = PointTransaction.objects.get()
    assert (txn.review, txn.status, txn.imp_uid) == (code, Status.READY, None)
    assert PointCancellation.objects.get().imp_uid == imp_uid


def test_paid_twice(gateway, validate, checkout):
    first = validate(gateway.pay(checkout), checkout)
    second = validate(gateway.pay(checkout), checkout)
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["error"]["code"] == "wrong_money"
    assert Point.objects.get().balance == 10_000


@pytest.mark.parametrize("name", TROUBLE)
def test_validation_when_the_gateway_has_trouble(gateway, validate, checkout, name):
    trouble, status, code = TROUBLE[name]
    imp_uid = gateway.pay(checkout)
    plan(gateway, f"payments/{imp_uid}", trouble, times=2 if name == "401" else 1)
    response = validate(imp_uid, checkout)
    refused(response, status, code)
    assert ("Retry-After" in response) == (status == 503)
    assert PointTransaction.objects.get().status == Status.READY
    assert validate(imp_uid, checkout).json()["balance"] == 10_000  # and nothing is lost


def test_an_answer_about_another_payment_is_nonsense(gateway, validate, checkout):
    imp_uid = gateway.pay(checkout)
    gateway.answer_next(
        f"payments/{imp_uid}", json_body=envelope(payment_json(merchant_uid=checkout))
    )
    refused(validate(imp_uid, checkout), 502, "gateway_nonsense")


def test_the_body_of_an_answer_is_not_shown_to_the_payer(gateway, validate, checkout):
    imp_uid = gateway.pay(checkout)
    gateway.answer_next(
        f"payments/{imp_uid}",
        status=500,
        json_body=envelope(None, code=-1, message="secret internals"),
    )
    assert "secret internals" not in json.dumps(validate(imp_uid, checkout).json())
