"""Faults of API calls: which call a rule meets, what the caller sees, and what happened all the
same.
"""

from __future__ import annotations

import json
import time as machine

import pytest
from django.test import Client

from billing_sandbox.faults import connection_faults, in_force
from billing_sandbox.models import ApiCall, Payment, Prepared, Token

from .conftest import token

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def fault(control):
    def call(**rule):
        answer = control("faults", **rule)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return call


def seen(answer):
    body = answer.json()
    return answer.status_code, body["code"], body["message"]


# -- which calls --


def test_for_the_next_so_many(api, pay, fault):
    uid = pay()
    fault(http=503, times=2)
    assert [api(f"payments/{uid}").status_code for _ in range(3)] == [503, 503, 200]


def test_until_removed(api, browser, pay, fault):
    uid = pay()
    [rule] = fault(http=500)["faults"]
    assert [api(f"payments/{uid}").status_code for _ in range(3)] == [500] * 3
    assert browser.delete(f"/sandbox/control/faults/{rule['id'] + 1}").status_code == 404
    assert browser.delete(f"/sandbox/control/faults/{rule['id']}").json() == {
        "seed": None,
        "faults": [],
    }
    assert api(f"payments/{uid}").status_code == 200


def test_by_method_and_path(api, pay, fault):
    uid = pay()
    fault(http=500, method="POST", path="payments/cancel")
    assert api(f"payments/{uid}").status_code == 200
    assert api("payments/prepare", {"merchant_uid": "m", "amount": 1}).status_code == 200
    assert api("payments/cancel", {"imp_uid": uid}).status_code == 500
    assert Payment.objects.get().status == "paid"


def test_tokens_are_met_only_by_a_path(api, pay, fault):
    fault(http=500)
    assert (
        api("users/getToken/", {"imp_key": "x", "imp_secret": "y"}, headers={}).status_code == 401
    )
    fault(http=502, path="users/", times=1)
    assert api("users/getToken", {"imp_key": "x", "imp_secret": "y"}, headers={}).status_code == 502


def test_one_rule_for_one_call_in_their_order(api, fault):
    """Those for a number of times come first."""
    fault(http=500)
    fault(http=501, times=1)
    fault(http=502, times=1)
    headers = {"Authorization": "any"}
    assert [api("payments/x", headers=headers).status_code for _ in range(4)] == [
        501,
        502,
        500,
        500,
    ]


def test_those_in_force_are_shown(browser, fault):
    fault(latency_ms=[1, 5], times=3, path="payments")
    shown = fault(delivery={"drop": True}, chance=0.5, seed="s")
    assert shown == browser.get("/sandbox/control/faults").json()
    assert shown["seed"] == "s"
    first, second = shown["faults"]
    assert (first["of"], first["path"], first["left"], first["effects"]) == (
        "call",
        "payments",
        3,
        {"latency_ms": [1, 5]},
    )
    assert (second["of"], second["left"], second["chance"], second["effects"]) == (
        "delivery",
        None,
        0.5,
        {"drop": True},
    )
    assert fault(reset=True, http=500)["faults"][0]["effects"] == {"http": 500}
    assert browser.delete("/sandbox/control/faults").json()["faults"] == []


def test_reset_removes_them(control, api, fault):
    fault(http=500, seed=3)
    control("reset")
    assert in_force.in_force() == []
    assert in_force.seed() == ""


def test_chances_repeat_with_a_seed(control, api):
    runs = []
    for seed in (7, 7, 8):
        control("reset")
        control("faults", http=500, chance=0.5, seed=seed)
        runs.append([api("payments/x", headers={}).status_code for _ in range(30)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {500, 401}


def test_without_a_seed_they_do_not_repeat(control, api):
    control("faults", http=500, chance=0.5)
    assert {api("payments/x", headers={}).status_code for _ in range(60)} == {500, 401}


# -- what the caller sees --


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"http": 500}, (500, -1, "Internal Server Error")),
        ({"http": 429, "code": 5, "message": "천천히"}, (429, 5, "천천히")),
        ({"code": 1}, (200, 1, "결제 처리에 실패하였습니다.")),
        ({"message": "PG 점검"}, (200, -1, "PG 점검")),
        ({"http": 599}, (599, -1, "Unknown")),
    ],
)
def test_answers(api, pay, fault, rule, expected):
    uid = pay()
    fault(**rule, times=1)
    answer = api("payments/cancel", {"imp_uid": uid})
    assert seen(answer) == expected
    assert connection_faults.MARK not in answer.headers
    assert Payment.objects.get().status == "paid"


def test_an_error_after_the_effect(api, pay, fault):
    uid = pay()
    fault(http=500, effect=True, times=1, path="cancel")
    assert api("payments/cancel", {"imp_uid": uid}).status_code == 500
    assert Payment.objects.get().status == "cancelled"


def test_invalid_json(api, pay, fault):
    uid = pay()
    fault(invalid_json=True, times=1, path="cancel")
    answer = api("payments/cancel", {"imp_uid": uid})
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(answer.content)
    assert Payment.objects.get().status == "cancelled"


def test_latency(api, pay, fault):
    uid = pay()
    fault(latency_ms=60, times=1)
    began = machine.monotonic()
    assert api(f"payments/{uid}").status_code == 200
    assert machine.monotonic() - began >= 0.06


def test_expire_all_tokens(api, pay, fault):
    old = token(Client())
    fault(expire_tokens=True)
    assert api("payments/x", headers={"Authorization": old}).status_code == 401
    assert api("payments/x").status_code == 404
    assert Token.objects.count() == 2


@pytest.mark.parametrize(
    ("rule", "word", "done"),
    [
        ({"drop": True}, "drop", False),
        ({"drop": True, "effect": True}, "drop", True),
        ({"timeout": True}, "timeout", True),
    ],
)
def test_no_answer_through_djangos_client(api, fault, rule, word, done):
    """There is no socket to cut: the answer says so, and the log has no status."""
    fault(**rule, times=1, path="prepare")
    answer = api("payments/prepare", {"merchant_uid": "m", "amount": 1})
    assert (answer.status_code, answer.headers[connection_faults.MARK]) == (599, word)
    assert Prepared.objects.exists() is done
    call = ApiCall.objects.last()
    assert (call.http_status, call.body) == (0, '{"merchant_uid": "m", "amount": 1}')
    assert word in call.fault
    assert api("payments/prepare/m").status_code == (200 if done else 404)


# -- over real sockets --
