"""IMP.certification through HTTP."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from billing_sandbox.models import Certification
from billing_sandbox.tests.support.window import ORIGIN, told

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
FORM = "application/x-www-form-urlencoded"
PERSON = {
    "name": "김하나",
    "birthday": "1990-01-31",
    "gender": "female",
    "phone": "010-2222-3333",
    "carrier": "KT",
}


@pytest.fixture
def person() -> Client:
    return Client(enforce_csrf_checks=True)


def ask(
    person: Client, params: Any = None, *, code: str = "imp00000000", road: str = "frame"
) -> Any:
    raw = (
        params
        if isinstance(params, str)
        else json.dumps({"merchant_uid": "person-1", **(params or {})})
    )
    return person.post(
        "/sandbox/certification/",
        urlencode({"code": code, "origin": ORIGIN, "road": road, "params": raw}),
        content_type=FORM,
    )


def answer(person: Client, address: str, choice: str = "certify", **change: str) -> Any:
    return person.post(
        address, urlencode({**PERSON, "choice": choice, **change}), content_type=FORM
    )


def test_certified(person):
    address = ask(person, {"name": "김하나", "language": "ko"}).headers["Location"]
    page = person.get(address)
    assert 'value="김하나"' in page.content.decode()
    assert "X-Frame-Options" not in page.headers
    done = told(answer(person, address))
    row = Certification.objects.get()
    assert done["target"] == ORIGIN
    assert done["answer"] == {
        "success": True, "imp_uid": row.imp_uid, "merchant_uid": "person-1", "pg_provider": "danal",
        "pg_type": "certification",
        "error_code": None, "error_msg": None,
    }  # fmt: skip
    assert (row.name, row.birthday, row.gender, row.phone, row.carrier) == (
        "김하나",
        "1990-01-31",
        "female",
        "01022223333",
        "KT",
    )


@pytest.mark.parametrize(
    ("choice", "change", "code"),
    [
        ("close", {}, "F1104"), ("", {}, "F1104"), ("decline", {}, "F1103"),
        ("certify", {"name": ""}, "F1103"), ("certify", {"birthday": "x"}, "F1103"),
        ("certify", {"phone": "<b>"}, "F1103"), ("certify", {"name": "n" * 41}, "F1103"),
    ],
)  # fmt: skip
def test_not_certified(person, choice, change, code):
    done = told(answer(person, ask(person).headers["Location"], choice, **change))["answer"]
    assert (done["success"], done["imp_uid"], done["merchant_uid"], done["error_code"]) == (
        False,
        None,
        "person-1",
        code,
    )
    assert not Certification.objects.exists()


def test_minimum_age_by_the_gateways_clock(person, time):
    address = ask(person, {"min_age": 19}).headers["Location"]  # the clock stands at 2026-09-21
    assert told(answer(person, address, birthday="2007-09-23"))["answer"]["error_code"] == "F1105"
    assert told(answer(person, address, birthday="2007-09-21"))["answer"]["success"] is True


def test_by_redirect(person):
    go = told(ask(person, {"m_redirect_url": "http://localhost/done?a=1"}, road="redirect"))["go"]
    back = answer(person, go).headers["Location"]
    assert parse_qs(urlsplit(back).query) == {
        "a": ["1"], "imp_uid": [Certification.objects.get().imp_uid], "merchant_uid": ["person-1"],
        "imp_success": ["true"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "road"),
    [
        ("", "frame"), ("[]", "frame"), ({"name": 1}, "frame"),
        ({"merchant_uid": "m" * 41}, "frame"), ({"min_age": "19"}, "frame"),
        ({"min_age": -1}, "frame"), ({"m_redirect_url": "javascript:1"}, "frame"), ({}, "redirect"),
    ],
)  # fmt: skip
def test_unusable(person, params, road):
    assert told(ask(person, params, road=road))["answer"]["imp_uid"] is None


def test_wrong_code_and_forged_windows(person):
    assert (
        told(ask(person, code="imp1"))["answer"]["error_msg"]
        == "가맹점 식별코드가 올바르지 않습니다."
    )
    for asked in ("", "x", "a:b:c", "\0"):
        assert person.get("/sandbox/certification/window/", {"ask": asked}).status_code == 404
