"""Faults of API calls: which call a rule meets, what the caller sees, and what happened all the
same.
"""

from __future__ import annotations

import json
import time as machine

import pytest
from django.test import Client

from billing_sandbox.api import entry_point
from billing_sandbox.faults import active_faults, connection_faults
from billing_sandbox.models import ApiCall, Fault, Payment, Prepared, Token
from billing_sandbox.tests.support.gateway import token

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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
    assert active_faults.list_active() == []
    assert active_faults.seed() == ""


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
    assert connection_faults.FAULT_HEADER not in answer.headers
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
    assert (answer.status_code, answer.headers[connection_faults.FAULT_HEADER]) == (599, word)
    assert Prepared.objects.exists() is done
    call = ApiCall.objects.last()
    assert (call.http_status, call.body) == (0, '{"merchant_uid": "m", "amount": 1}')
    assert word in call.fault
    assert api("payments/prepare/m").status_code == (200 if done else 404)


# -- what is refused --


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({}, "faults"), ({"times": 1}, "times"), ({"path": "x"}, "path"), ({"http": 200}, "http"),
        ({"http": 600}, "http"), ({"http": "500"}, "http"),
        ({"http": 500.5}, "http"), ({"http": True}, "http"), ({"code": 0}, "code"),
        ({"code": "1"}, "code"), ({"code": 10**30}, "code"),
        ({"message": ""}, "message"), ({"message": 1}, "message"),
        ({"message": "x" * 501}, "message"), ({"message": "\ud800"}, "message"),
        ({"latency_ms": -1}, "latency_ms"), ({"latency_ms": 60_001}, "latency_ms"),
        ({"latency_ms": [5, 1]}, "latency_ms"),
        ({"latency_ms": [1]}, "latency_ms"), ({"latency_ms": ["1", 2]}, "latency_ms"),
        ({"drop": False}, "drop"), ({"drop": 1}, "drop"),
        ({"timeout": "yes"}, "timeout"), ({"drop": True, "timeout": True}, "drop"),
        ({"drop": True, "http": 500}, "http"),
        ({"effect": True}, "effect"), ({"effect": True, "timeout": True}, "effect"),
        ({"cancel_later_s": -1}, "cancel_later_s"),
        ({"cancel_later_s": 1, "drop": True}, "cancel_later_s"),
        ({"cancel_later_s": 10**12}, "cancel_later_s"), ({"invalid_json": 0}, "invalid_json"),
        ({"http": 500, "times": 0}, "times"), ({"http": 500, "times": 1.5}, "times"),
        ({"http": 500, "times": None}, "times"),
        ({"http": 500, "method": "get"}, "method"), ({"http": 500, "method": ["GET"]}, "method"),
        ({"http": 500, "path": ""}, "path"),
        ({"http": 500, "chance": 0}, "chance"), ({"http": 500, "chance": 1.1}, "chance"),
        ({"http": 500, "chance": "1"}, "chance"),
        ({"http": 500, "chance": 10**400}, "chance"), ({"seed": [1]}, "seed"),
        ({"seed": 1.5}, "seed"), ({"seed": ""}, "seed"), ({"seed": True}, "seed"),
        ({"reset": False}, "reset"), ({"expire_tokens": 1}, "expire_tokens"),
        ({"delivery": True}, "delivery"), ({"delivery": {}}, "delivery"),
        ({"delivery": {"lose": True}}, "delivery"), ({"delivery": {"delay_s": 0}}, "delivery"),
        ({"delivery": {"duplicate": 11}}, "delivery"),
        ({"delivery": {"format": "xml"}}, "delivery"),
        ({"delivery": {"drop": True, "delay_s": 1}}, "delivery"),
        ({"delivery": {"drop": True}, "http": 500}, "delivery"),
        ({"delivery": {"drop": True}, "method": "POST"}, "method"), ({"break": 1}, "unknown_field"),
    ],
)  # fmt: skip
def test_unusable_rules(control, rule, code):
    answer = control("faults", **rule)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert answer.json()["error"]["message"]
    assert not Fault.objects.exists()


def test_addresses(browser, control):
    assert browser.put("/sandbox/control/faults").status_code == 405
    assert control("faults/1", http=500).status_code == 405


# -- the log --


def test_only_the_newest_calls_are_kept(api, monkeypatch):
    monkeypatch.setattr(entry_point, "KEPT_CALLS", 5)
    monkeypatch.setattr(entry_point, "_PRUNED_EVERY", 3)
    for number in range(30):
        api(f"payments/x{number}", headers={})
    assert 5 <= ApiCall.objects.count() <= 8
    assert ApiCall.objects.last().path.endswith("/x29")


def test_the_log_names_the_payment(api, browser, pay):
    uid = pay("m")
    api(f"payments/{uid}")
    api("payments/find/m")
    api("payments/cancel", {"imp_uid": uid, "checksum": 1})
    api("payments/status/paid")
    calls = browser.get("/sandbox/control/log").json()["calls"]
    assert [call["imp_uid"] for call in calls if "getToken" not in call["path"]] == [
        uid,
        uid,
        uid,
        "",
    ]


def test_a_later_cancel_is_not_used_up_by_another_call(api, control, pay):
    uid = pay("order-1")
    control("faults", cancel_later_s=60, times=1)
    api(f"payments/{uid}")
    assert api("payments/cancel", {"imp_uid": uid}).json()["response"]["status"] == "paid"


@pytest.mark.parametrize(
    "path", ["payments/cancel", "/payments/cancel", "/sandbox/api/payments/cancel"]
)
def test_a_path_may_be_written_as_the_log_prints_it(api, control, pay, path):
    uid = pay("order-1")
    control("faults", http=503, times=1, path=path)
    assert api("payments/cancel", {"imp_uid": uid}).status_code == 503
