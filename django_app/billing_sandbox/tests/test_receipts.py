"""Cash receipts and PAYCO's balance."""

import pytest

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
PHONE = {"identifier": "010-1234-5678", "identifier_type": "phone"}


def refused(response, http_status, code=-1):
    body = response.json()
    assert (response.status_code, body["code"], body["response"]) == (http_status, code, None)
    assert body["message"]


def test_issue_look_up_and_cancel(api, pay, time):
    imp_uid = pay(pay_method="trans", amount=11_000)
    refused(api(f"receipts/{imp_uid}"), 404)
    issued = api(f"receipts/{imp_uid}", PHONE)
    assert issued.status_code == 200
    row = issued.json()["response"]
    assert issued.json() == {"code": 0, "message": None, "response": row}
    assert (row["imp_uid"], row["type"], row["amount"], row["vat"]) == (
        imp_uid,
        "person",
        11_000,
        1_000,
    )
    assert (row["applied_at"], row["cancelled_at"]) == (time.now, 0)
    assert api(f"payments/{imp_uid}").json()["response"]["cash_receipt_issued"] is True
    refused(api(f"receipts/{imp_uid}", PHONE), 400)

    time.advance(5)
    cancelled = api(f"receipts/{imp_uid}", method="DELETE").json()["response"]
    assert cancelled == {**row, "cancelled_at": time.now}
    assert api(f"receipts/{imp_uid}").json()["response"] == cancelled
    assert api(f"payments/{imp_uid}").json()["response"]["cash_receipt_issued"] is False
    refused(api(f"receipts/{imp_uid}", method="DELETE"), 400)
    assert api(f"receipts/{imp_uid}/", PHONE).status_code == 200  # again, after the cancel


def test_for_what_remains_after_a_partial_cancel(api, pay, control):
    imp_uid = pay(pay_method="trans", amount=10_000)
    control(f"payments/{imp_uid}/cancel", amount=4_000)
    row = api(f"receipts/{imp_uid}", {**PHONE, "type": "company", "tax_free": 500}).json()[
        "response"
    ]
    assert (row["amount"], row["vat"], row["type"]) == (6_000, 500, "company")


@pytest.mark.parametrize(
    "facts",
    [
        {"pay_method": "card"},
        {"pay_method": "vbank", "outcome": "vbank"},
        {"pay_method": "trans", "outcome": "failed"},
    ],
)
def test_only_for_paid_cash(api, pay, facts):
    refused(api(f"receipts/{pay(**facts)}", PHONE), 400)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"identifier": None}, {"identifier": 1012345678}, {"identifier": "x"},
        {**PHONE, "type": "nobody"},
        {**PHONE, "identifier_type": "x"}, {**PHONE, "tax_free": -1}, {**PHONE, "tax_free": "100"},
        {**PHONE, "tax_free": 10_001},
        {**PHONE, "vat_amount": 0.5}, {**PHONE, "vat_amount": True}, {**PHONE, "type": []},
        {**PHONE, "type": {}},
    ],
)  # fmt: skip
def test_bad_requests_change_nothing(api, pay, body):
    imp_uid = pay(pay_method="trans")
    refused(api(f"receipts/{imp_uid}", body), 400)
    refused(api(f"receipts/{imp_uid}"), 404)


def test_a_processor_without_receipts(api, pay):
    refused(api(f"receipts/{pay(pay_method='trans', pg_provider='danal')}", PHONE), 501)


def test_unknown_payments(api):
    for imp_uid in ("imp_000000000000", "%00", "x" * 50):
        refused(api(f"receipts/{imp_uid}"), 404)
        refused(api(f"receipts/{imp_uid}", PHONE), 400)
        refused(api(f"receipts/{imp_uid}", method="DELETE"), 400)
        refused(api(f"payments/{imp_uid}/balance"), 404)


def test_the_receivers_number_is_not_logged(api, pay, client):
    api(f"receipts/{pay(pay_method='trans')}", PHONE)
    assert "1234-5678" not in client.get("/sandbox/control/log").content.decode()


def test_form_bodies(api, pay):
    row = api(
        f"receipts/{pay(pay_method='trans')}", "identifier=01012345678&tax_free=10000", form=True
    ).json()["response"]
    assert (row["amount"], row["vat"]) == (10_000, 0)


def test_balance_is_paycos_alone(api, pay, control, time):
    refused(api(f"payments/{pay()}/balance"), 400)
    refused(
        api(f"payments/{pay(merchant_uid='open', pay_method='payco', outcome='ready')}/balance"),
        400,
    )
    imp_uid = pay(merchant_uid="payco", pay_method="payco", amount=11_000)
    started = time.now
    time.advance(9)
    control(f"payments/{imp_uid}/cancel", amount=5_500)
    answer = api(f"payments/{imp_uid}/balance")
    body = answer.json()["response"]
    assert (answer.status_code, answer.json()["code"], body["amount"]) == (200, 0, 11_000)
    assert body["primary"] == {"tax_free": 0, "supply": 5_000, "vat": 500, "service": 0}
    assert [(item["created"], item["primary"]["supply"]) for item in body["histories"]] == [
        (started, 10_000),
        (time.now, 5_000),
    ]
    assert set(body) == {"amount", "cash_receipt", "primary", "secondary", "discount", "histories"}


def test_tokens_and_methods(api):
    for path in ("receipts/imp_1", "payments/imp_1/balance"):
        refused(api(path, headers={}), 401)
        refused(api(path, method="PUT"), 405)
