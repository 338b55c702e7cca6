"""The gateway's clock."""

import time as machine

import pytest

from billing_sandbox.engine import clock

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_advance(control, browser, api, pay, time):
    assert browser.get("/sandbox/control/clock").json() == {"now": time.now, "advanced_s": 0}
    assert control("clock", advance_s=60).json() == {"now": time.now + 60, "advanced_s": 60}
    assert control("clock", advance_s=0).json() == control("clock", advance_s=0).json()
    assert api(f"payments/{pay()}").json()["response"]["paid_at"] == time.now + 60


def test_a_token_expires_by_it(api, control):
    answer = api(
        "users/getToken",
        {
            "imp_key": "1000000000000000",
            "imp_secret": "a-secret-for-tests-that-must-never-be-logged",
        },
        headers={},
    )
    headers = {"Authorization": answer.json()["response"]["access_token"]}
    control("clock", advance_s=1799)
    assert api("payments/imp_1", headers=headers).status_code == 404
    control("clock", advance_s=1)
    assert api("payments/imp_1", headers=headers).status_code == 401


def test_reset_takes_it_back(control, time):
    control("clock", advance_s=60)
    control("reset")
    assert clock.now() == time.now


@pytest.mark.parametrize("value", [-1, 1.5, "60", None, True, [], 10**9, 10**30])
def test_unusable(control, time, value):
    answer = control("clock", advance_s=value)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "advance_s")
    assert clock.now() == time.now


def test_not_for_decades_in_several_steps(control):
    assert control("clock", advance_s=clock.FURTHEST).status_code == 200
    assert control("clock", advance_s=1).status_code == 400


def test_nothing_to_advance(control):
    assert control("clock").status_code == 400


def test_without_the_tests_it_is_the_machines(monkeypatch):
    monkeypatch.undo()
    assert abs(clock.now() - machine.time()) < 5
