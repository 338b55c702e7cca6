"""Calls that get no answer, over real sockets: the connection is cut, or held open in silence."""

from __future__ import annotations

import threading

import pytest
import requests

from billing_sandbox.faults import connection_faults
from billing_sandbox.models import Prepared, Token
from billing_sandbox.tests.support import server

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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
    silence = connection_faults.answer_nothing
    monkeypatch.setattr(
        connection_faults, "answer_nothing", lambda request: (silence(request), ended.set())[0]
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
    monkeypatch.setattr(connection_faults, "MAX_SILENCE", 0.2)
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
