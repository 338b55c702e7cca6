"""The contract of the page's script: checkout, validation, status. Statements and gateway calls are
counted.
"""

import json

import pytest
import requests
from django.conf import settings as django_settings
from django.test import Client
from django.utils import translation

from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.states import Review, Status
from billing.tests.support.counting import counted
from billing.tests.support.payments import envelope, payment_json

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

CHECKOUT, VALIDATION = "/billing/checkout/", "/billing/validation/"
GOOD = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}
KOREAN_404 = "존재하지 않는 결제정보입니다."


@pytest.fixture
def payer(user):
    """A logged-in browser that reads English."""
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def other(make_user):
    """Somebody else's."""
    user = make_user("other")
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    client.user = user
    return client


@pytest.fixture
def checkout(payer, gateway):
    """An attempt that the page has just begun: its merchant_uid."""
    response = payer.post(CHECKOUT, GOOD)
    assert response.status_code == 201, response.content
    return response.json()["merchant_uid"]


@pytest.fixture
def validate(payer):
    def post(imp_uid, merchant_uid):
        return payer.post(VALIDATION, {"imp_uid": imp_uid, "merchant_uid": merchant_uid})

    return post


def refused(response, status, code):
    """An error of the contract: JSON, a stable code, words; nothing credited anywhere."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    error = response.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert PointEntry.objects.count() == 0
    assert all(balance == 0 for balance in Point.objects.values_list("balance", flat=True))
    return error["message"]


# -- checkout --------------------------------------------------------------------------------------


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


@pytest.fixture
def one_minute(monkeypatch):
    """A clock that stands still: windows do not change in the middle of a test."""
    now = [1_795_400_000.0]
    monkeypatch.setattr("billing.support.rate_limit.time.time", lambda: now[0])
    return now


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


TROUBLE = {
    "401": (
        {"status": 401, "json_body": envelope(None, code=-1, message="Unauthorized")},
        502,
        "gateway_refused",
    ),
    "code": ({"json_body": envelope(None, code=1, message="no")}, 502, "gateway_refused"),
    "404": (
        {"status": 404, "json_body": envelope(None, code=-1, message=KOREAN_404)},
        404,
        "not_found",
    ),
    "500": (
        {"status": 500, "json_body": envelope(None, code=-1, message="x")},
        503,
        "gateway_unreachable",
    ),
    "502": ({"status": 502, "body": "<html>"}, 503, "gateway_unreachable"),
    "broken json": ({"body": '{"code": 0,'}, 502, "gateway_nonsense"),
    "html": ({"body": "<!doctype html>"}, 502, "gateway_nonsense"),
    "empty": ({"body": b""}, 502, "gateway_nonsense"),
    "missing field": ({"json_body": envelope({"imp_uid": "imp_1"})}, 502, "gateway_nonsense"),
    "hung": (requests.ReadTimeout("hung"), 503, "gateway_unreachable"),
    "no connection": (requests.ConnectTimeout("no"), 503, "gateway_unreachable"),
    "reset": (requests.ConnectionError("reset"), 503, "gateway_unreachable"),
}


def plan(gateway, fragment, trouble, times=1):
    for _ in range(times):
        if isinstance(trouble, Exception):
            gateway.fail_next(fragment, trouble)
        else:
            gateway.answer_next(fragment, **trouble)


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


# -- validation ------------------------------------------------------------------------------------


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


# -- status ----------------------------------------------------------------------------------------


def status_of(client, merchant_uid):
    return client.get(f"/billing/payments/{merchant_uid}/status/")


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
