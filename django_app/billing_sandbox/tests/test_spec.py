"""Every successful answer has the form that the vendor's specification gives it. conftest's `api`
compares each call of each test too.
"""

import pytest

from billing_sandbox.tests.support import spec

pytestmark = [
    pytest.mark.django_db(databases=["default", "sandbox"]),
    pytest.mark.skipif(not spec.given(), reason=spec.MISSING),
]


def test_every_operation(api, pay, control, time):
    """Each is called so that it succeeds; `check` compares status, envelope and schema."""
    seen = set()

    def call(path, data=None, *, method=""):
        answer = api(path, data, method=method)
        assert answer.json()["code"] == 0, answer.content
        seen.add(
            spec.check(
                method or ("GET" if data is None else "POST"),
                path,
                answer.status_code,
                answer.json(),
            )
        )
        return answer.json()["response"]

    call(
        "users/getToken",
        {
            "imp_key": "1000000000000000",
            "imp_secret": "a-secret-for-tests-that-must-never-be-logged",
        },
    )
    call("users/pg")
    for path in ("banks", "banks/004", "cards", "cards/361"):
        call(path)
    call("payments/prepare", {"merchant_uid": "m", "amount": 10_000, "currency": "KRW"})
    call("payments/prepare", {"merchant_uid": "m", "amount": 20_000}, method="PUT")
    call("payments/prepare/m")
    made = [
        pay("m", outcome=outcome, pay_method=method)
        for outcome in ("ready", "failed", "paid")
        for method in ("card", "trans", "phone")
    ]
    made += [
        pay("m", outcome=outcome, pay_method="vbank") for outcome in ("ready", "vbank", "failed")
    ]
    made += [
        pay("m", pay_method=method) for method in ("kakaopay", "naverpay", "cultureland", "point")
    ]
    made += [pay("m", amount=14.2, currency="USD")]
    for uid in made:
        call(f"payments/{uid}")
    call("payments/cancel", {"imp_uid": made[6], "amount": 1000, "reason": "a"})
    call("payments/cancel", {"imp_uid": made[6]})
    call("payments/find/m")
    call("payments/find/m/paid")
    call("payments/findAll/m")
    call("payments/findAll/m/ready?limit=1")
    call(f"payments?imp_uid[]={made[0]}&merchant_uid[]=nobody")
    call("payments?merchant_uid[]=m")
    for status in ("all", "ready", "paid", "cancelled", "failed"):
        call(f"payments/status/{status}")
    channel = next(
        row["channel_key"]
        for row in api("users/pg").json()["response"]
        if row["pg_provider"] == "settle"
    )
    account = {
        "channel_key": channel,
        "merchant_uid": "v",
        "amount": 1000,
        "vbank_code": "004",
        "vbank_due": time.now + 60,
        "vbank_holder": "홍",
    }
    uid = call("vbanks", account)["imp_uid"]
    call(f"vbanks/{uid}", {"amount": 2000}, method="PUT")
    call(f"vbanks/{uid}", method="DELETE")
    assert None not in seen
    assert len(seen) == 18


def test_the_comparison_can_fail(api, pay):
    body = api(f"payments/{pay()}").json()
    spec.check("GET", "payments/imp_1", 200, body)
    for wrong in (
        {"amount": "10000"},
        {"status": None},
        {"merchant_uid": "m" * 41},
        {"invented": 1},
        {"cancel_history": [{"amount": 1}]},
    ):
        with pytest.raises(AssertionError):
            spec.check(
                "GET", "payments/imp_1", 200, {**body, "response": {**body["response"], **wrong}}
            )
    with pytest.raises(AssertionError):
        spec.check("GET", "payments/imp_1", 400, body)
