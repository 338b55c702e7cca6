"""The gateway's answers without a gateway: bytes that were made before the clock runs, handed out
below HTTP, in the place of requests' adapter.

Everything above is as in earnest: the client, its session, headers, limits and parsing. What a
gateway costs is not in the figures; `latency` and `cpu` have one of their own.
"""

from __future__ import annotations

import io
import json
import time
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter

# As V1 answers a card payment: every key, with V1's own empty values.
PAYMENT: dict[str, Any] = {
    "amount": 0, "apply_num": "30012345", "bank_code": None, "bank_name": None,
    "buyer_addr": None, "buyer_email": "member@example.com", "buyer_name": "member",
    "buyer_postcode": None, "buyer_tel": "010-0000-0000", "cancel_amount": 0,
    "cancel_history": [], "cancel_reason": None, "cancel_receipt_urls": [], "cancelled_at": 0,
    "card_code": "366", "card_issuer_code": None, "card_issuer_name": None,
    "card_name": "신한카드", "card_number": "12345678****1234", "card_publisher_code": None,
    "card_publisher_name": None, "card_quota": 0, "card_type": 0,
    "cash_receipt_issued": False, "channel": "pc", "currency": "KRW", "custom_data": None,
    "customer_uid": None, "customer_uid_usage": None, "deposit_history": [],
    "emb_pg_provider": None, "escrow": False, "fail_reason": None, "failed_at": 0,
    "imp_uid": "", "merchant_uid": "", "name": "points", "paid_at": 0, "pay_method": "card",
    "pg_id": "INIpayTest", "pg_provider": "html5_inicis",
    "pg_tid": "StdpayCARDINIpayTest20261126", "promotion": None,
    "receipt_url": "https://iniweb.inicis.com/receipt", "sandbox": False, "started_at": 0,
    "status": "paid", "user_agent": "Mozilla/5.0", "vbank_code": None, "vbank_date": 0,
    "vbank_holder": None, "vbank_issued_at": 0, "vbank_name": None, "vbank_num": None,
}  # fmt: skip


def enveloped(response: Any) -> bytes:
    """A V1 answer that holds `response`."""
    return json.dumps({"code": 0, "message": None, "response": response}).encode()


def token() -> bytes:
    """getToken's answer: good for half an hour."""
    now = int(time.time())
    return enveloped({"access_token": "t" * 40, "now": now, "expired_at": now + 1_800})


def paid(imp_uid: str, merchant_uid: str, amount: int) -> bytes:
    """The answer about a card payment that was paid a moment ago."""
    now = int(time.time())
    facts = {"imp_uid": imp_uid, "merchant_uid": merchant_uid, "amount": amount}
    return enveloped({**PAYMENT, **facts, "started_at": now - 60, "paid_at": now - 1})


class CannedAnswers(BaseAdapter):
    """An adapter for a session. `payments`: imp_uid → what `paid` made."""

    def __init__(self) -> None:
        super().__init__()
        self.payments: dict[str, bytes] = {}

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """requests' own answer object over our bytes."""
        path = (request.url or "").partition("?")[0]
        if path.endswith("/users/getToken"):
            body = token()
        elif path.endswith("/payments/prepare"):
            body = enveloped(json.loads(request.body or b"{}"))
        else:
            body = self.payments[path.rpartition("/")[2]]
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url or "", request
        answer.headers["Content-Type"] = "application/json;charset=UTF-8"
        answer.raw = urllib3.HTTPResponse(
            io.BytesIO(body), status=200, preload_content=False, headers=dict(answer.headers)
        )
        return answer

    def close(self) -> None:
        """Nothing is open."""
