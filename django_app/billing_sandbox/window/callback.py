"""What IMP.request_pay's callback is told (reference, callback). None of it is proof of
anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from billing_sandbox import serializer
from billing_sandbox.engine.processor import KST
from billing_sandbox.models import Payment, Status

# Of an old processor's answer; empty ones come as "".
_TEXT_COLUMNS = (
    "pay_method", "status", "name", "currency", "pg_provider", "pg_tid", "buyer_name",
    "buyer_email", "buyer_tel", "buyer_addr",
    "buyer_postcode", "receipt_url", "apply_num", "card_name", "card_number", "bank_name",
)  # fmt: skip
_ACCOUNT_COLUMNS = ("vbank_num", "vbank_name", "vbank_holder")


def answer_for_payment(payment: Payment) -> dict[str, Any]:
    """The answer for a payment whose window has done its work: all facts, or ids and error only
    where a channelKey was used.
    """
    ids = {"imp_uid": payment.imp_uid, "merchant_uid": payment.merchant_uid}
    if payment.status == Status.FAILED:
        error = {"error_code": payment.error_code, "error_msg": payment.fail_reason}
        return {**ids, **error} if payment.channel_key else {"success": False, **ids, **error}
    return ids if payment.channel_key else {"success": True, **ids, **_payment_columns(payment)}


def answer_for_refusal(
    merchant_uid: str | None, error_code: str, error_msg: str, *, short: bool
) -> dict[str, Any]:
    """The answer where no window opened: imp_uid is null. short: a channelKey was given."""
    answer = {
        "imp_uid": None,
        "merchant_uid": merchant_uid,
        "error_code": error_code,
        "error_msg": error_msg,
    }
    return answer if short else {"success": False, **answer}


def redirect_url(url: str, answer: Mapping[str, Any]) -> str:
    """m_redirect_url with the ids, the error where there is one, and the deprecated imp_success
    where the callback would say success.

    Its own query stays and ours is appended with `&`; a fragment stays at the end.
    """
    told = {
        name: answer[name]
        for name in ("imp_uid", "merchant_uid", "error_code", "error_msg")
        if answer.get(name)
    }
    if "success" in answer:
        told["imp_success"] = "true" if answer["success"] else "false"
    url, hash_, fragment = url.partition("#")
    return f"{url}{'&' if '?' in url else '?'}{urlencode(told)}{hash_}{fragment}"


def _payment_columns(payment: Payment) -> dict[str, Any]:
    facts: dict[str, Any] = {name: getattr(payment, name) for name in _TEXT_COLUMNS}
    facts |= {
        "paid_amount": serializer.json_number(payment.amount),
        "pg_type": "payment",
        "paid_at": payment.paid_at,
        "card_quota": payment.card_quota,
        "custom_data": json.loads(payment.custom_data) if payment.custom_data else None,
    }
    if payment.emb_pg_provider:
        facts["emb_pg_provider"] = payment.emb_pg_provider
    if payment.has_account:  # the deadline as text here, as captured; the REST API gives seconds
        deadline = datetime.fromtimestamp(payment.vbank_date, KST).strftime("%Y-%m-%d %H:%M:%S")
        facts |= {
            **{name: getattr(payment, name) for name in _ACCOUNT_COLUMNS},
            "vbank_date": deadline,
        }
    return facts
