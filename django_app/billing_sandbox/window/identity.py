"""IMP.certification: a small window in which the member proves who they are. What was asked travels
signed in its address.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from billing_sandbox import parsing
from billing_sandbox.csp import framable
from billing_sandbox.engine import certifications, clock, request_pay, worker
from billing_sandbox.formatting import to_datetime
from billing_sandbox.window import callback
from billing_sandbox.window.responses import (
    FRAME,
    REDIRECT,
    allow_opener,
    opener_origin,
    read_form,
    redirect_to_window,
    refusal_page,
    send_page_to_window,
)

CARRIERS = ("SKT", "KT", "LGT", "MVNO")
ABANDONED = ("F1104", "[인증취소] 사용자가 본인인증을 취소하셨습니다")
MISMATCH = ("F1103", "[인증실패] 입력하신 정보가 통신사에 등록된 정보와 일치하지 않습니다")
TOO_YOUNG = ("F1105", "[인증실패] 나이 제한에 걸려 인증할 수 없습니다")
_PROVIDER = "danal"
_SALT = "billing_sandbox.window.identity"
_LIFETIME = 3600  # seconds that a window stays open
_PHONE = re.compile(r"[0-9-]{1,16}", re.ASCII)


@csrf_exempt
@framable
@require_POST
@never_cache
def start_identity(request: HttpRequest) -> HttpResponse:
    """certification's form arrives: open the window, or tell the page why not."""
    worker.ensure_running()
    fields = read_form(request)
    origin, road = opener_origin(request, fields), fields.get("road")
    params: dict[str, Any] = {}
    try:
        params = parsing.json_object(fields.get("params") or "")
        request_pay.check_code(fields.get("code") or "")
        asked = _read_params(params, origin, road)
    except request_pay.RequestPayRefused as refused:
        return refusal_page(request, origin, params, refused)
    except ValueError:
        return refusal_page(
            request,
            origin,
            params,
            request_pay.RequestPayRefused(
                request_pay.WRONG_PARAMETER, "본인인증 요청 파라미터가 올바르지 않습니다."
            ),
        )
    ask = signing.dumps(asked, salt=_SALT, compress=True)
    address = f"{reverse('sandbox:identity')}?{urlencode({'ask': ask})}"
    return (
        send_page_to_window(request, origin, address)
        if road == REDIRECT
        else redirect_to_window(request, address, origin)
    )


@csrf_exempt
@framable
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def identity_window(request: HttpRequest) -> HttpResponse:
    """The form; a POST answers the page at once and stores the person where they were certified."""
    try:
        asked = signing.loads(request.GET.get("ask", ""), salt=_SALT, max_age=_LIFETIME)
    except signing.BadSignature:
        return render(request, "sandbox/gone.html", status=404)
    with override(asked["language"] or get_language()):
        page = {"target": asked["origin"] or "*", "road": asked["road"], "imp_uid": "certification"}
        if request.method != "POST":
            shown = {"asked": asked, "carriers": CARRIERS, "page": {**page, "answer": None}}
            return allow_opener(
                render(request, "sandbox/identity.html", shown),
                request,
                asked["origin"],
                form_target=asked["m_redirect_url"],
            )
        answer = _answer(asked, read_form(request))
        if asked["road"] == REDIRECT:
            return HttpResponse(
                status=303,
                headers={"Location": callback.redirect_url(asked["m_redirect_url"], answer)},
            )
        context = {
            "certified": answer["success"],
            "error_msg": answer["error_msg"],
            "page": {**page, "answer": answer},
        }
        return allow_opener(
            render(request, "sandbox/result.html", context), request, asked["origin"]
        )


def _read_params(params: dict[str, Any], origin: str, road: Any) -> dict[str, Any]:
    """What the window needs to know. Raises RequestPayRefused at the first parameter that cannot
    be used.
    """

    def read(name: str, limit: int) -> str:
        value = params.get(name)
        try:
            return parsing.text(value, limit) if value not in (None, "") else ""
        except ValueError:
            raise request_pay.invalid_parameter(name) from None

    asked: dict[str, Any] = {
        name: read(name, limit)
        for name, limit in {"merchant_uid": 40, "name": 40, "phone": 16, "carrier": 8}.items()
    }
    asked["m_redirect_url"] = read("m_redirect_url", 2000)
    if not asked["m_redirect_url"].startswith(("http://", "https://")) and (
        asked["m_redirect_url"] or road == REDIRECT
    ):
        raise request_pay.invalid_parameter("m_redirect_url")
    age = params.get("min_age")
    if age is not None and (
        isinstance(age, bool) or not isinstance(age, int) or not 0 <= age <= 150
    ):
        raise request_pay.invalid_parameter("min_age")
    language = params.get("language")
    asked["language"] = (
        language if isinstance(language, str) and language in dict(settings.LANGUAGES) else ""
    )
    return {
        **asked,
        "min_age": age or 0,
        "origin": origin,
        "road": road if isinstance(road, str) else FRAME,
    }


def _answer(asked: dict[str, Any], fields: parsing.Fields) -> dict[str, Any]:
    """What the page is told; imp_uid null where nobody was certified."""
    result = {
        "imp_uid": None,
        "merchant_uid": asked["merchant_uid"] or None,
        "pg_provider": _PROVIDER,
        "pg_type": "certification",
    }
    failed = None
    if fields.get("choice") != "certify":
        failed = MISMATCH if fields.get("choice") == "decline" else ABANDONED
    else:
        try:
            person = _person(fields)
            if _age(date.fromisoformat(person["birthday"])) < asked["min_age"]:
                failed = TOO_YOUNG
        except ValueError:
            failed = MISMATCH
    if failed:
        return {"success": False, **result, "error_code": failed[0], "error_msg": failed[1]}
    row = certifications.create(
        **person, merchant_uid=asked["merchant_uid"], origin=asked["origin"]
    )
    return {
        "success": True,
        **result,
        "imp_uid": row.imp_uid,
        "error_code": None,
        "error_msg": None,
    }


def _person(fields: parsing.Fields) -> dict[str, Any]:
    person: dict[str, Any] = {
        "name": parsing.text(fields.get("name"), 40),
        "birthday": date.fromisoformat(fields.get("birthday") or "").isoformat(),
    }
    person["gender"] = "female" if fields.get("gender") == "female" else "male"
    phone = parsing.text(fields.get("phone"), 16)
    if not _PHONE.fullmatch(phone):
        raise ValueError("not a telephone number")
    carrier = fields.get("carrier")
    return {
        **person,
        "phone": phone.replace("-", ""),
        "carrier": carrier if carrier in CARRIERS else CARRIERS[0],
    }


def _age(birthday: date) -> int:
    """Whole years, on the gateway's clock."""
    today = to_datetime(clock.now())
    assert today is not None  # noqa: S101
    return today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day))
