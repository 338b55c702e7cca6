"""Builders: one canned answer of the gateway, edited by a test."""

from __future__ import annotations

from typing import Any


def payment_json(**changes: Any) -> dict[str, Any]:
    """A paid card payment as V1 answers it, with its empty values."""
    return {
        "amount": 10000, "apply_num": "31234567", "bank_code": None, "bank_name": None,
        "buyer_addr": None, "buyer_email": None,
        "buyer_name": "홍길동", "buyer_postcode": None, "buyer_tel": "010-1234-5678",
        "cancel_amount": 0, "cancel_history": [],
        "cancel_reason": None, "cancel_receipt_urls": [], "cancelled_at": 0, "card_code": "366",
        "card_name": "신한카드",
        "card_number": "540926*********4", "card_quota": 0, "card_type": 0,
        "cash_receipt_issued": False, "channel": "pc",
        "currency": "KRW", "custom_data": None, "customer_uid": None, "customer_uid_usage": None,
        "emb_pg_provider": None,
        "escrow": False, "fail_reason": None, "failed_at": 0, "imp_uid": "imp_100000000001",
        "merchant_uid": "20261123-abcdefghijklmnopqrstuvwxyz", "name": "포인트", "paid_at": 1795400100,
        "pay_method": "card",
        "pg_id": "INIpayTest", "pg_provider": "html5_inicis",
        "pg_tid": "StdpayCARDINIpayTest20261123", "receipt_url": "https://pay.example/r",
        "sandbox": False, "started_at": 1795400000, "status": "paid", "user_agent": "Mozilla/5.0",
        "vbank_code": None, "vbank_date": 0,
        "vbank_holder": None, "vbank_issued_at": 0, "vbank_name": None, "vbank_num": None,
        **changes,
    }  # fmt: skip


def envelope(response: Any, *, code: int = 0, message: str | None = None) -> dict[str, Any]:
    """The wrapper of every V1 answer."""
    return {"code": code, "message": message, "response": response}
