"""The contract of the pages' scripts: addresses, errors, and trouble with the gateway."""

from __future__ import annotations

import requests

from billing.models import Point, PointEntry
from billing.tests.support.payments import envelope

CHECKOUT, VALIDATION = "/billing/checkout/", "/billing/validation/"
GOOD = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}
KOREAN_404 = "존재하지 않는 결제정보입니다."


def refused(response, status, code):
    """An error of the contract: JSON, a stable code, words; nothing credited anywhere."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    error = response.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert PointEntry.objects.count() == 0
    assert all(balance == 0 for balance in Point.objects.values_list("balance", flat=True))
    return error["message"]


TROUBLE = {
    "401": (
        {"status": 401, "json_body": envelope(None, code=-1, message="Unauthorized")},
        502,
        "gateway_refused",
    ),
    "code": ({"json_body": envelope(None, code=1, message="no")}, 502, "gateway_refused"),
    "404": (
        {"status": 404, "json_body": envelope(None, code=-1, message=KOREAN_404)},
        404,
        "not_found",
    ),
    "500": (
        {"status": 500, "json_body": envelope(None, code=-1, message="x")},
        503,
        "gateway_unreachable",
    ),
    "502": ({"status": 502, "body": "<html>"}, 503, "gateway_unreachable"),
    "broken json": ({"body": '{"code": 0,'}, 502, "gateway_nonsense"),
    "html": ({"body": "<!doctype html>"}, 502, "gateway_nonsense"),
    "empty": ({"body": b""}, 502, "gateway_nonsense"),
    "missing field": ({"json_body": envelope({"imp_uid": "imp_1"})}, 502, "gateway_nonsense"),
    "hung": (requests.ReadTimeout("hung"), 503, "gateway_unreachable"),
    "no connection": (requests.ConnectTimeout("no"), 503, "gateway_unreachable"),
    "reset": (requests.ConnectionError("reset"), 503, "gateway_unreachable"),
}


def plan(gateway, fragment, trouble, times=1):
    for _ in range(times):
        if isinstance(trouble, Exception):
            gateway.fail_next(fragment, trouble)
        else:
            gateway.answer_next(fragment, **trouble)


def status_of(client, merchant_uid):
    return client.get(f"/billing/payments/{merchant_uid}/status/")
