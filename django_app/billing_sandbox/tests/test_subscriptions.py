"""Billing keys, payments without a window, and scheduled ones."""

import pytest

from billing_sandbox.api import schedules
from billing_sandbox.engine import charges
from billing_sandbox.models import Customer, Delivery, Payment, Schedule

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
NUMBER = "4242-4242-4242-4242"
CARD = {"card_number": NUMBER, "expiry": "2030-12", "birth": "900131", "pwd_2digit": "12"}
UNKNOWN = "등록되지 않은 구매자입니다."
NO_CARD = "카드정보 인증에 실패하였습니다."


def ok(response):
    body = response.json()
    assert (response.status_code, body["code"], body["message"]) == (200, 0, None), body
    return body["response"]


def refused(response, http_status, code, message=None):
    body = response.json()
    assert (response.status_code, body["code"], body["response"]) == (http_status, code, None), body
    assert message in (None, body["message"])


@pytest.fixture
def key(api):
    """A billing key `member`."""
    return ok(
        api(
            "subscribe/customers/member",
            {**CARD, "customer_name": "홍길동", "customer_email": "a@b.example"},
        )
    )


def test_a_billing_key_is_kept_found_and_removed(api, key, time):
    assert (key["customer_uid"], key["customer_name"], key["inserted"], key["updated"]) == (
        "member",
        "홍길동",
        time.now,
        time.now,
    )
    assert key["card_number"] == "424242*********2"
    assert ok(api("subscribe/customers/member")) == key
    time.advance(7)
    again = ok(api("subscribe/customers/member", {**CARD, "card_number": "4111-1111-1111-1111"}))
    assert (again["inserted"], again["updated"], again["card_number"]) == (
        key["inserted"],
        time.now,
        "411111*********1",
    )
    assert ok(api("subscribe/customers/member", method="DELETE")) == again
    for method in ("GET", "DELETE"):
        refused(
            api("subscribe/customers/member", method=method),
            404,
            1,
            "요청하신 customer_uid(member)로 등록된 정보를 찾을 수 없습니다.",
        )


def test_no_card_number_is_stored_or_logged(api, key, client):
    for path in ("onetime", "foreign"):
        api(
            f"subscribe/payments/{path}",
            {**CARD, "merchant_uid": path, "amount": 100, "customer_uid": path},
        )
    api("subscribe/customers/wrong", {**CARD, "card_number": NUMBER.replace("2", "3")})
    api("subscribe/customers/form", f"card_number={NUMBER}&expiry=2030-12&birth=900131", form=True)
    kept = (
        client.get("/sandbox/control/log").content.decode()
        + str(list(Payment.objects.values()))
        + str(list(Customer.objects.values()))
    )
    for secret in (NUMBER, NUMBER.replace("-", ""), "4343-4343", "900131", "2030-12"):
        assert secret not in kept


@pytest.mark.parametrize(
    "change",
    [
        {"card_number": "1234-1234-1234-1234"},
        {"card_number": "x"},
        {"expiry": "2019-03"},
        {"expiry": "12/30"},
        {"card_number": "٤" * 16},
    ],
)
def test_cards_that_no_company_accepts(api, change):
    refused(api("subscribe/customers/member", {**CARD, **change}), 200, -1, NO_CARD)
    refused(
        api("subscribe/payments/onetime", {**CARD, **change, "merchant_uid": "m", "amount": 100}),
        200,
        -1,
        NO_CARD,
    )
    assert not Payment.objects.exists()


@pytest.mark.parametrize("name", ["card_number", "expiry", "birth"])
@pytest.mark.parametrize("value", [None, "", 5, [], {}])
def test_missing_card_fields(api, name, value):
    refused(api("subscribe/customers/member", {**CARD, name: value}), 400, -1)


@pytest.mark.parametrize("path", ["onetime", "foreign"])
def test_a_card_typed_in(api, path):
    paid = ok(
        api(
            f"subscribe/payments/{path}",
            {
                **CARD,
                "merchant_uid": "m",
                "amount": 1_500,
                "name": "점",
                "notice_url": "http://127.0.0.1:9/",
            },
        )
    )
    assert (paid["status"], paid["amount"], paid["channel"], paid["card_number"]) == (
        "paid",
        1_500,
        "api",
        "424242*********2",
    )
    assert (paid["customer_uid"], paid["customer_uid_usage"]) == (None, None)
    assert [row.body["status"] for row in Delivery.objects.all()] == ["paid"]
    assert ok(api(f"payments/{paid['imp_uid']}")) == paid
    refused(
        api(f"subscribe/payments/{path}", {**CARD, "merchant_uid": "m", "amount": 1_500}), 200, 1
    )
    assert Payment.objects.count() == 1


def test_a_card_typed_in_can_become_a_billing_key(api):
    paid = ok(
        api(
            "subscribe/payments/onetime",
            {**CARD, "merchant_uid": "m", "amount": 1_500, "customer_uid": "member"},
        )
    )
    assert paid["customer_uid"] == "member"
    assert (
        ok(
            api(
                "subscribe/payments/again",
                {"customer_uid": "member", "merchant_uid": "m2", "amount": 1},
            )
        )["status"]
        == "paid"
    )


def test_again(api, key, time):
    refused(
        api(
            "subscribe/payments/again",
            {"customer_uid": "nobody", "merchant_uid": "m", "amount": 1_000},
        ),
        200,
        1,
        UNKNOWN,
    )
    paid = ok(
        api(
            "subscribe/payments/again",
            {"customer_uid": "member", "merchant_uid": "m", "amount": 1_000, "name": "월 회비"},
        )
    )
    assert (
        paid["status"],
        paid["buyer_name"],
        paid["customer_uid"],
        paid["customer_uid_usage"],
    ) == ("paid", "홍길동", "member", "payment")
    assert paid["pg_id"] == "INIBillTst"
    time.advance(10 * 366 * 86400)
    late = ok(
        api(
            "subscribe/payments/again",
            {"customer_uid": "member", "merchant_uid": "m3", "amount": 1_000},
        )
    )
    assert (late["status"], late["fail_reason"], late["paid_at"]) == (
        "failed",
        charges.CARD_EXPIRED,
        0,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"amount": -1}, {"amount": 0}, {"amount": 1.5}, {"amount": "1000"}, {"amount": None},
        {"merchant_uid": ""}, {"merchant_uid": "x" * 41},
        {"merchant_uid": None}, {"currency": "won"}, {"name": "x" * 41}, {"notice_url": "ftp://x"},
        {"buyer_name": 5}, {"custom_data": "\0"},
    ],
)  # fmt: skip
def test_bad_payments_are_refused(api, key, change):
    refused(
        api(
            "subscribe/payments/again",
            {"customer_uid": "member", "merchant_uid": "m", "amount": 1_000, **change},
        ),
        400,
        -1,
    )
    assert not Payment.objects.exists()


def plan(time, *names, after=1_000, **more):
    items = [
        {"merchant_uid": name, "schedule_at": time.now + after, "amount": 2_000, "name": "회비"}
        for name in names
    ]
    return {"customer_uid": "member", "schedules": items, **more}


def test_scheduled_looked_up_and_executed(api, key, time):
    rows = ok(api("subscribe/payments/schedule", plan(time, "s1", "s2")))
    assert [(row["merchant_uid"], row["schedule_status"], row["imp_uid"],
        row["payment_status"]) for row in rows] == [
        ("s1", "scheduled", None, None), ("s2", "scheduled", None, None),
    ]  # fmt: skip
    assert ok(api("subscribe/payments/schedule/s1")) == rows[0]
    time.advance(1_000)
    assert charges.run_due_schedules() == 2
    assert charges.run_due_schedules() == 0
    done = ok(api("subscribe/payments/schedule/s1"))
    assert (done["schedule_status"], done["payment_status"], done["executed_at"]) == (
        "executed",
        "paid",
        time.now,
    )
    paid = ok(api(f"payments/{done['imp_uid']}"))
    assert (paid["merchant_uid"], paid["amount"], paid["customer_uid_usage"]) == (
        "s1",
        2_000,
        "payment.scheduled",
    )


def test_a_look_up_does_what_is_due_first(api, key, time):
    ok(api("subscribe/payments/schedule", plan(time, "s1")))
    time.advance(2_000)
    assert ok(api("subscribe/payments/schedule/s1"))["payment_status"] == "paid"


def test_a_removed_key_fails_its_schedules_and_says_so(api, key, time, settings):
    settings.SANDBOX = {**settings.SANDBOX, "webhook_url": "http://127.0.0.1:9/"}
    ok(api("subscribe/payments/schedule", plan(time, "s1")))
    api("subscribe/customers/member", method="DELETE")
    time.advance(1_000)
    row = ok(api("subscribe/payments/schedule/s1"))
    assert (row["payment_status"], row["fail_reason"]) == ("failed", charges.NO_BILLING_KEY)
    assert [delivery.body["status"] for delivery in Delivery.objects.all()] == ["failed"]


def test_a_new_customer_needs_a_card(api, time):
    refused(api("subscribe/payments/schedule", plan(time, "s1")), 200, 1, UNKNOWN)
    ok(api("subscribe/payments/schedule", plan(time, "s1", **CARD)))
    assert ok(api("subscribe/customers/member"))["card_number"] == "424242*********2"


def test_all_or_none(api, key, time):
    ok(api("subscribe/payments/schedule", plan(time, "s1")))
    refused(
        api("subscribe/payments/schedule", plan(time, "s2", "s1")),
        200,
        1,
        schedules.MERCHANT_UID_USED,
    )
    refused(
        api("subscribe/payments/schedule", plan(time, "s3", after=0)), 200, 1, schedules.IN_THE_PAST
    )
    assert Schedule.objects.count() == 1


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        [],
        {},
        "x",
        [1],
        [{}],
        [{"merchant_uid": "a", "amount": 1}],
        [{"merchant_uid": "a", "amount": 1, "schedule_at": "1"}],
    ],
)
def test_bad_schedules(api, key, wanted):
    refused(
        api("subscribe/payments/schedule", {"customer_uid": "member", "schedules": wanted}), 400, -1
    )


def test_unschedule(api, key, time):
    refused(api("subscribe/payments/unschedule", {}), 400, -1, schedules.NO_UID)
    refused(
        api("subscribe/payments/unschedule", {"customer_uid": "nobody"}),
        200,
        1,
        schedules.NOTHING_TO_REVOKE,
    )
    ok(api("subscribe/payments/schedule", plan(time, "s1", "s2", "s3")))
    one = ok(api("subscribe/payments/unschedule", {"customer_uid": "member", "merchant_uid": "s2"}))
    assert [(row["merchant_uid"], row["schedule_status"], row["revoked_at"]) for row in one] == [
        ("s2", "revoked", time.now)
    ]
    refused(
        api("subscribe/payments/unschedule", {"customer_uid": "nobody", "merchant_uid": ["s1"]}),
        200,
        1,
    )
    rest = ok(api("subscribe/payments/unschedule", {"customer_uid": "member"}))
    assert [row["merchant_uid"] for row in rest] == ["s1", "s3"]
    time.advance(5_000)
    assert charges.run_due_schedules() == 0


def test_lists(api, key, time):
    for number in range(3):
        ok(api("subscribe/payments/schedule", plan(time, f"s{number}", after=100 + number)))
    ok(api("subscribe/payments/unschedule", {"merchant_uid": ["s0"]}))
    span = f"schedule_from={time.now}&schedule_to={time.now + 200}"

    def names(query):
        return [row["merchant_uid"] for row in ok(api(f"subscribe/payments/{query}"))]

    assert names(f"schedule?{span}") == ["s2", "s1", "s0"]
    assert names(f"schedule?{span}&sorting=scheduled&limit=2&page=2") == ["s2"]
    assert names(f"schedule?{span}&schedule_status=scheduled") == ["s2", "s1"]
    # `to` is left out.
    assert names(f"schedule?schedule_from={time.now}&schedule_to={time.now + 102}") == [
        "s1",
        "s0",
    ]
    assert names(
        f"schedule/customers/member?from={time.now}&to={time.now + 200}&schedule-status=revoked"
    ) == ["s0"]
    assert (
        ok(api(f"subscribe/customers/member/schedules?from={time.now}&to={time.now + 200}"))[0][
            "merchant_uid"
        ]
        == "s2"
    )
    for query in (
        "",
        "schedule_from=1",
        f"{span}&page=0",
        f"{span}&limit=1001",
        f"{span}&schedule_status=x",
        "schedule_from=5&schedule_to=4",
    ):
        refused(api(f"subscribe/payments/schedule?{query}"), 400, -1, schedules.BAD_SEARCH)
    refused(
        api(f"subscribe/payments/schedule?schedule_from=1&schedule_to={2 + 90 * 86400}"), 400, -1
    )
    refused(api("subscribe/payments/schedule/nothing"), 404, -1, schedules.NOT_FOUND)


@pytest.mark.parametrize(
    "path",
    [
        "customers/a",
        "payments/onetime",
        "payments/again",
        "payments/foreign",
        "payments/schedule",
        "payments/unschedule",
        "payments/schedule/a",
    ],
)
def test_tokens_and_methods(api, path):
    refused(
        api(f"subscribe/{path}", {}, method="POST", headers={}),
        405 if path.endswith("/a") and "schedule" in path else 401,
        -1,
    )
    refused(api(f"subscribe/{path}", method="PATCH"), 405, -1)
