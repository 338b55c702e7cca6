"""A payment as V1 answers it: every key, in alphabetical order, with V1's own empty values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing_sandbox.models import Cancellation, Payment

# Text columns where empty means that V1 answers null.
_NULL_WHEN_EMPTY = (
    "apply_num", "bank_code", "bank_name", "buyer_addr", "buyer_email", "buyer_name",
    "buyer_postcode", "buyer_tel", "cancel_reason",
    "card_code", "card_name", "card_number", "custom_data", "emb_pg_provider", "fail_reason",
    "name", "pg_id", "pg_provider", "pg_tid",
    "receipt_url", "user_agent", "customer_uid", "customer_uid_usage", "vbank_code", "vbank_holder",
    "vbank_name", "vbank_num",
)  # fmt: skip
_AS_THEY_ARE = (
    "cancelled_at", "cash_receipt_issued", "card_quota", "card_type", "channel", "currency",
    "failed_at", "imp_uid", "merchant_uid",
    "paid_at", "pay_method", "sandbox", "started_at", "status", "vbank_date", "vbank_issued_at",
)  # fmt: skip
# What this gateway never does: escrow, promotions, fixed accounts, issuers (newer processors tell
# them).
_NEVER: dict[str, Any] = {
    "card_issuer_code": None,
    "card_issuer_name": None,
    "card_publisher_code": None,
    "card_publisher_name": None,
    "deposit_history": [],
    "escrow": False,
    "promotion": None,
}


def json_number(value: Decimal) -> int | float:
    """A JSON number: an integer where it is whole, as V1 sends won."""
    return int(value) if value == value.to_integral_value() else float(value)


def payment_json(row: Payment) -> dict[str, Any]:
    """`row` as the `response` of a lookup."""
    # Mostly no question is needed.
    items = sorted(row.cancellations.all(), key=lambda item: item.pk) if row.cancel_amount else []
    history = [_cancellation(item, row) for item in items]
    facts: dict[str, Any] = {
        **_NEVER,
        **{key: getattr(row, key) for key in _AS_THEY_ARE},
        **{key: getattr(row, key) or None for key in _NULL_WHEN_EMPTY},
        "amount": json_number(row.amount),
        "cancel_amount": json_number(row.cancel_amount),
        "cancel_history": history,
        "cancel_receipt_urls": [item["receipt_url"] for item in history if "receipt_url" in item],
    }
    return dict(sorted(facts.items()))


def _cancellation(item: Cancellation, row: Payment) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "amount": json_number(item.amount),
        "cancellation_id": item.cancellation_id,
        "cancelled_at": item.cancelled_at,
        "pg_tid": item.pg_tid,
        "reason": item.reason,
    }
    if row.receipt_url:
        facts["receipt_url"] = row.receipt_url
    return facts
