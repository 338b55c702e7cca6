"""Faults over real sockets, faults that are refused, and the log."""

from __future__ import annotations

import threading

import pytest
import requests

from billing_sandbox.api import entry_point
from billing_sandbox.faults import connection_faults
from billing_sandbox.models import ApiCall, Fault, Prepared, Token
from billing_sandbox.tests.support import server

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def fault(control):
    def call(**rule):
        answer = control("faults", **rule)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return call


def keep_token():
    Token.objects.update_or_create(value="t" * 40, defaults={"expired_at": 4_000_000_000})
    return {"Authorization": "t" * 40}


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
@pytest.mark.parametrize("effect", [False, True])
def test_a_connection_dropped(live_server, fault, effect):
    headers = keep_token()
    fault(drop=True, times=1, path="prepare", **({"effect": True} if effect else {}))
    with pytest.raises(requests.ConnectionError):
        requests.post(
            f"{live_server.url}/sandbox/api/payments/prepare",
            json={"merchant_uid": "m", "amount": 1},
            headers=headers,
            timeout=10,
        )
    assert Prepared.objects.exists() is effect
    answer = requests.get(
        f"{live_server.url}/sandbox/api/payments/prepare/m", headers=headers, timeout=10
    )
    assert answer.status_code == (200 if effect else 404)


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_a_timeout_after_the_effect(live_server, fault, monkeypatch):
    headers, ended = keep_token(), threading.Event()
    silence = connection_faults.silence
    monkeypatch.setattr(
        connection_faults, "silence", lambda request: (silence(request), ended.set())[0]
    )
    fault(timeout=True, times=1, path="prepare")
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{live_server.url}/sandbox/api/payments/prepare",
            json={"merchant_uid": "m", "amount": 1},
            headers=headers,
            timeout=0.5,
        )
    assert ended.wait(5), "the thread goes home when the caller has gone"
    assert Prepared.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_silence_ends(live_server, fault, monkeypatch):
    monkeypatch.setattr(connection_faults, "LONGEST_SILENCE", 0.2)
    fault(timeout=True, times=1)
    with pytest.raises(requests.ConnectionError):
        requests.get(
            f"{live_server.url}/sandbox/api/payments/prepare/m", headers=keep_token(), timeout=10
        )


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_a_megabyte_gets_its_answer(live_server):
    """The body is read to its end first; else the caller would see a broken connection."""
    answer = requests.post(
        f"{live_server.url}/sandbox/api/payments/cancel",
        json={"reason": "x" * 1_000_000},
        headers=keep_token(),
        timeout=10,
    )
    assert (answer.status_code, answer.json()["code"]) == (413, -1)


@pytest.mark.thorough
@pytest.mark.parametrize("options", [(), ("--threads", "4")], ids=["sync", "threads"])
def test_under_gunicorn(tmp_path, options):
    port = server.free_port()
    with server.running(
        server.gunicorn(port, *options), port, SANDBOX_DB=str(tmp_path / "sandbox.sqlite3")
    ) as here:
        keys = {"imp_key": "any", "imp_secret": "pair"}
        found = requests.post(f"{here}/sandbox/api/users/getToken", json=keys, timeout=10).json()[
            "response"
        ]["access_token"]
        headers = {"Authorization": found}

        def prepare(merchant_uid):
            body = {"merchant_uid": merchant_uid, "amount": 1}
            return requests.post(
                f"{here}/sandbox/api/payments/prepare", json=body, headers=headers, timeout=2
            )

        def known(merchant_uid):
            return (
                requests.get(
                    f"{here}/sandbox/api/payments/prepare/{merchant_uid}",
                    headers=headers,
                    timeout=10,
                ).status_code
                == 200
            )

        for rule, error, effect in (
            ({"drop": True}, requests.ConnectionError, False),
            ({"drop": True, "effect": True}, requests.ConnectionError, True),
            ({"timeout": True}, requests.ReadTimeout, True),
        ):
            answer = requests.post(
                f"{here}/sandbox/control/faults",
                json={**rule, "times": 1, "path": "prepare"},
                timeout=10,
            )
            assert answer.status_code == 200, answer.text
            with pytest.raises(error):
                prepare(word := "-".join(rule))
            assert known(word) is effect


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
