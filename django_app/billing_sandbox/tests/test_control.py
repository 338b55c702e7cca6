"""The control API."""

import pytest
from django.test import Client

from billing_sandbox import models
from billing_sandbox.models import Cancellation, Delivery, Payment

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def error(response):
    return response.status_code, response.json()["error"]["code"]


def test_pay_answers_the_imp_uid_and_may_be_repeated(control):
    first = control("pay", merchant_uid="m", amount=1000, pay_method="card", outcome="paid")
    second = control("pay", merchant_uid="m", amount=5, pay_method="card", outcome="paid")
    assert first.status_code == second.status_code == 200
    assert set(first.json()) == {"imp_uid"}
    assert [
        row.amount for row in Payment.objects.filter(merchant_uid="m", status="paid").order_by("pk")
    ] == [1000, 5]


def test_the_amount_defaults_to_the_prepared_one_and_is_not_held_to_it(api, control):
    api("payments/prepare", {"merchant_uid": "m", "amount": 7000})
    control("pay", merchant_uid="m", pay_method="card", outcome="paid")
    control("pay", merchant_uid="m", pay_method="card", outcome="paid", amount=1)
    assert [row.amount for row in Payment.objects.order_by("pk")] == [7000, 1]
    assert error(control("pay", merchant_uid="other", pay_method="card", outcome="paid")) == (
        400,
        "amount",
    )


@pytest.mark.parametrize(
    ("outcome", "method", "status", "notices"),
    [
        ("paid", "card", "paid", ["paid"]),
        ("failed", "card", "failed", []),
        ("ready", "card", "ready", []),
        ("ready", "vbank", "ready", []),
        ("vbank", "vbank", "ready", ["ready"]),
        ("paid", "vbank", "paid", ["ready", "paid"]),
        ("failed", "vbank", "failed", []),
        ("paid", "trans", "paid", ["paid"]),
    ],
)
def test_outcomes_and_their_webhooks(control, outcome, method, status, notices):
    uid = control("pay", merchant_uid="m", amount=1000, pay_method=method, outcome=outcome).json()[
        "imp_uid"
    ]
    payment = Payment.objects.get(imp_uid=uid)
    assert payment.status == status
    assert payment.has_account == (method == "vbank" and bool(notices))
    assert [row.body for row in Delivery.objects.order_by("pk")] == [
        {"imp_uid": uid, "merchant_uid": "m", "status": name} for name in notices
    ]


def test_webhook_false_queues_none(control):
    control("pay", merchant_uid="m", amount=1000, pay_method="vbank", outcome="paid", webhook=False)
    assert not Delivery.objects.exists()


GOOD = {"merchant_uid": "m", "amount": 1000, "pay_method": "card", "outcome": "paid"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"merchant_uid": None}, "merchant_uid"), ({"merchant_uid": "m" * 41}, "merchant_uid"),
        ({"merchant_uid": "a\0"}, "merchant_uid"),
        ({"merchant_uid": "\ud800"}, "merchant_uid"), ({"merchant_uid": 3}, "merchant_uid"),
        ({"amount": 0}, "amount"), ({"amount": "5"}, "amount"),
        ({"amount": 1.5}, "amount"), ({"amount": True}, "amount"), ({"amount": None}, "amount"),
        ({"amount": 10**30}, "amount"),
        ({"amount": 1.005, "currency": "USD"}, "amount"), ({"currency": "won"}, "currency"),
        ({"currency": None}, "currency"),
        ({"pay_method": "gold"}, "pay_method"), ({"pay_method": ["card"]}, "pay_method"),
        ({"pay_method": None}, "pay_method"),
        ({"outcome": "won"}, "outcome"), ({"outcome": {}}, "outcome"),
        ({"outcome": "vbank"}, "outcome"), ({"webhook": 1}, "webhook"),
        ({"sandbox": "true"}, "sandbox"), ({"pg_provider": "p" * 17}, "pg_provider"),
        ({"pg_provider": 1}, "pg_provider"),
        ({"imp_uid": "imp_1"}, "unknown_field"), ({"\ud800": 1}, "unknown_field"),
    ],
)  # fmt: skip
def test_bad_input_of_pay(control, change, code):
    answer = control("pay", **{**GOOD, **change})
    assert error(answer) == (400, code)
    assert answer.json()["error"]["message"]
    assert not Payment.objects.exists()


@pytest.mark.parametrize("path", ["pay", "reset", "deliver", "payments/imp_1/cancel"])
@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"1", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 3000, b'{"a":' * 3000]
)
def test_bodies_that_are_no_json_object(control, path, raw):
    assert error(control(path, raw)) == (400, "json")


def test_a_foreign_page_cannot_send_it(browser):
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ):
        answer = browser.generic("POST", "/sandbox/control/reset", b"{}", content_type=content_type)
        assert error(answer) == (400, "content_type")


def test_no_csrf_cookie_is_needed():
    answer = Client(enforce_csrf_checks=True).post(
        "/sandbox/control/reset", {}, content_type="application/json; charset=utf-8"
    )
    assert (answer.status_code, answer.json()) == (200, {})


def test_methods_and_addresses(browser, control):
    assert error(browser.get("/sandbox/control/pay")) == (405, "method_not_allowed")
    assert error(control("log")) == (405, "method_not_allowed")
    assert error(control("nothing")) == (404, "not_found")
    assert error(browser.get("/sandbox/control/")) == (404, "not_found")
    assert error(control("payments/imp_1/dance")) == (404, "not_found")


@pytest.mark.parametrize("verb", ["cancel", "approve", "decline", "deposit", "webhook"])
@pytest.mark.parametrize("uid", ["imp_000000000000", "%00", "i" * 10_000, "find", "%ed%a0%80"])
def test_unknown_payments(control, verb, uid):
    assert error(control(f"payments/{uid}/{verb}")) == (404, "not_found")


def test_reset_empties_everything(api, control, pay):
    api("payments/prepare", {"merchant_uid": "m", "amount": 1})
    control(f"payments/{pay(webhook=True)}/cancel")
    tables = (
        models.Payment,
        models.Cancellation,
        models.Prepared,
        models.Token,
        models.Delivery,
        models.ApiCall,
    )
    assert all(table.objects.exists() for table in tables)
    assert control("reset").json() == {}
    assert not any(table.objects.exists() for table in tables)


def test_cancel_at_the_console_in_parts(api, control, pay, time):
    uid = pay("order-1")
    time.advance(60)
    first = control(f"payments/{uid}/cancel", amount=3000, reason="단순 변심").json()
    assert (first["status"], first["amount"], first["cancel_amount"], first["paid_at"]) == (
        "cancelled",
        10_000,
        3000,
        time.now - 60,
    )
    time.advance(60)
    control(f"payments/{uid}/cancel")
    payment = api(f"payments/{uid}").json()["response"]
    assert (
        payment["status"],
        payment["amount"],
        payment["cancel_amount"],
        payment["cancelled_at"],
    ) == (
        "cancelled",
        10_000,
        10_000,
        time.now,
    )
    assert payment["cancel_reason"] == "관리자페이지취소"
    history = payment["cancel_history"]
    assert [(item["amount"], item["reason"], item["cancelled_at"]) for item in history] == [
        (3000, "단순 변심", time.now - 60),
        (7000, "관리자페이지취소", time.now),
    ]
    ids = [item["cancellation_id"] for item in history]
    assert all(len(found) == 20 and found.isalnum() and found == found.upper() for found in ids)
    assert [row.body for row in Delivery.objects.order_by("pk")] == [
        {"imp_uid": uid, "merchant_uid": "order-1", "status": "cancelled", "cancellation_id": found}
        for found in ids
    ]
    assert error(control(f"payments/{uid}/cancel")) == (409, "wrong_state")


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 10_001},
        {"amount": 0},
        {"amount": -1},
        {"amount": None},
        {"amount": "1"},
        {"amount": 0.5},
    ],
)
def test_cancel_of_a_wrong_amount(control, pay, body):
    assert error(control(f"payments/{pay()}/cancel", **body)) == (400, "amount")
    assert not Cancellation.objects.exists()


@pytest.mark.parametrize("reason", ["", "r" * 257, None, 1, "a\0b", "\udfff"])
def test_cancel_for_a_bad_reason(control, pay, reason):
    assert error(control(f"payments/{pay()}/cancel", reason=reason)) == (400, "reason")


@pytest.mark.parametrize(
    ("outcome", "verb", "status"),
    [
        ("ready", "approve", "paid"), ("failed", "approve", "paid"), ("ready", "decline", "failed"),
        ("paid", "approve", None), ("failed", "decline", None), ("paid", "decline", None),
        ("ready", "cancel", None),
        ("failed", "cancel", None), ("ready", "deposit", None), ("paid", "deposit", None),
    ],
)  # fmt: skip
def test_verbs_of_a_card(control, pay, outcome, verb, status):
    uid = pay(outcome=outcome)
    answer = control(f"payments/{uid}/{verb}")
    if status is None:
        assert error(answer) == (409, "wrong_state")
        assert Payment.objects.get().status == outcome
        assert not Delivery.objects.exists()
    else:
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert [row.body["status"] for row in Delivery.objects.all()] == (
            ["paid"] if status == "paid" else []
        )


def test_a_late_approval_forgets_the_failure(control, pay, time):
    uid = pay(outcome="failed")
    time.advance(600)
    answer = control(f"payments/{uid}/approve").json()
    assert (answer["status"], answer["paid_at"], answer["failed_at"], answer["fail_reason"]) == (
        "paid",
        time.now,
        0,
        None,
    )


def test_a_virtual_account_without_a_number_cannot_be_paid(control, pay):
    uid = pay(pay_method="vbank", outcome="ready")
    assert error(control(f"payments/{uid}/approve")) == (409, "wrong_state")
    assert error(control(f"payments/{uid}/deposit")) == (409, "wrong_state")


def test_an_issued_account_cannot_be_declined(control, pay):
    assert error(control(f"payments/{pay(pay_method='vbank', outcome='vbank')}/decline")) == (
        409,
        "wrong_state",
    )


def test_webhook_sends_the_present_state_again(control, pay):
    uid = pay()
    control(f"payments/{uid}/webhook")
    control(f"payments/{uid}/cancel", amount=1)
    again = control(f"payments/{uid}/webhook").json()["deliveries"]
    bodies = [row.body for row in Delivery.objects.order_by("pk")]
    assert [body["status"] for body in bodies] == ["paid", "cancelled", "cancelled"]
    assert bodies[1] == bodies[2] == again[0]["body"]


def test_verbs_take_no_other_fields(control, pay):
    assert error(control(f"payments/{pay()}/approve", webhook=False)) == (400, "unknown_field")


def test_approving_another_amount_than_asked_for(control, pay):
    uid = pay(outcome="ready")
    for amount in (0, -1, "5", 0.5, None):
        assert error(control(f"payments/{uid}/approve", amount=amount)) == (400, "amount")
    answer = control(f"payments/{uid}/approve", amount=100).json()
    assert (answer["status"], answer["amount"]) == ("paid", 100)


def test_declining_in_the_processors_words(control, pay):
    assert (
        control(
            f"payments/{pay('a', outcome='ready')}/decline", reason="[분실카드] 거래 거절"
        ).json()["fail_reason"]
        == "[분실카드] 거래 거절"
    )
    for reason in ("", "r" * 256, 1, None, "\0"):
        assert error(control(f"payments/{pay('b', outcome='ready')}/decline", reason=reason)) == (
            400,
            "reason",
        )


def test_closing_the_window_and_issuing_an_account(control, pay):
    closed = control(f"payments/{pay('a', outcome='ready')}/close").json()
    assert (closed["status"], closed["fail_reason"]) == (
        "failed",
        "[결제포기] 사용자가 결제를 취소하셨습니다",
    )
    uid = pay("b", outcome="ready", pay_method="vbank")
    assert control(f"payments/{uid}/account").json()["vbank_num"]
    assert error(control(f"payments/{uid}/account")) == (409, "wrong_state")
    assert error(control(f"payments/{uid}/close")) == (409, "wrong_state")
    assert [row.body["status"] for row in Delivery.objects.all()] == ["ready"]
