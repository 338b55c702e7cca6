"""Stripe's answers without Stripe: in the place of its library's HTTP client."""

from __future__ import annotations

import json
import time
from typing import Any

import stripe

ACCOUNT = "acct_nobodys"
# A succeeded charge that names no other object, so that dj-stripe fetches and stores no more than
# the charge: the least work that a payment can make it do.
CHARGE: dict[str, Any] = {
    "object": "charge", "amount": 10_000, "amount_captured": 10_000, "amount_refunded": 0,
    "application": None, "application_fee": None, "application_fee_amount": None,
    "balance_transaction": None, "billing_details": {"email": None, "name": None, "phone": None},
    "calculated_statement_descriptor": "SHOP", "captured": True, "currency": "krw",
    "customer": None, "description": "points", "disputed": False, "failure_code": None,
    "failure_message": None, "fraud_details": {}, "invoice": None, "livemode": True,
    "metadata": {}, "on_behalf_of": None,
    "outcome": {"network_status": "approved_by_network", "reason": None, "risk_level": "normal",
                "seller_message": "Payment complete.", "type": "authorized"},
    "paid": True, "payment_intent": None, "payment_method": None,
    "payment_method_details": {"card": {"brand": "visa", "last4": "4242"}, "type": "card"},
    "receipt_email": None, "receipt_number": None,
    "receipt_url": "https://pay.stripe.com/receipts/x", "refunded": False, "review": None,
    "shipping": None, "source": None, "source_transfer": None, "statement_descriptor": None,
    "status": "succeeded", "transfer_data": None, "transfer_group": None,
}  # fmt: skip


class CannedStripe(stripe.HTTPClient):
    """`charges`: id → the bytes that Stripe answers about it."""

    name = "canned"

    def __init__(self) -> None:
        super().__init__()
        self.charges: dict[str, bytes] = {}

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
        """One HTTP exchange: body, status, headers."""
        name = url.partition("?")[0].rpartition("/")[2]
        return self.charges[name], 200, {"Request-Id": "req_nobodys"}

    def close(self) -> None:
        """Nothing is open."""


def charge_event(number: int, kind: str = "charge.succeeded") -> tuple[str, bytes, bytes]:
    """A charge's id, Stripe's answer about it, and the event that announces it."""
    charge = {"id": f"ch_{number:024}", **CHARGE, "created": int(time.time())}
    event = {
        "id": f"evt_{number:024}",
        "object": "event",
        "api_version": "2020-08-27",
        "created": int(time.time()),
        "data": {"object": charge},
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    return charge["id"], json.dumps(charge).encode(), json.dumps(event).encode()


def signature(body: bytes, secret: str) -> str:
    """The header with which Stripe signs a delivery."""
    moment = int(time.time())
    signed = f"{moment}.{body.decode()}"
    return f"t={moment},v1={stripe.WebhookSignature._compute_signature(signed, secret)}"
