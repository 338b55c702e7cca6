"""Billing keys: a card, kept by the processor, under the merchant's name for it (customer_uid)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.database import exclusive
from billing_sandbox.engine import channels, clock
from billing_sandbox.engine.charges import BILLING_PG
from billing_sandbox.engine.processor import KST
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Customer
from billing_sandbox.parsing import Fields

# Both seen in the official clients' tests.
NOT_FOUND = "요청하신 customer_uid({})로 등록된 정보를 찾을 수 없습니다."
CARD_REFUSED = "카드정보 인증에 실패하였습니다."
INVALID_FIELD = "{} 파라메터가 누락되었거나 올바르지 않습니다."  # ours
_TEXT_LIMITS = {
    "customer_name": 20,
    "customer_tel": 20,
    "customer_email": 200,
    "customer_addr": 200,
    "customer_postcode": 8,
}
_CARD = re.compile(r"\d{4}-?\d{4}-?\d{4}-?\d{3,4}", re.ASCII)
_EXPIRY = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)
_PG = re.compile(r"[a-z0-9_]{1,16}(\.[\w-]{1,80})?", re.ASCII)


class CardInput:
    """A card as it was typed in. Only `masked` and `valid_until` ever leave this object."""

    def __init__(self, fields: Any, *, birth: bool = True) -> None:
        """Raises Refusal: a missing field, or a card that no company would accept (wrong check
        digit, past month).
        """
        values = {
            name: fields.get(name)
            for name in ("card_number", "expiry", *(["birth"] if birth else []))
        }
        for name, value in values.items():
            if not isinstance(value, str) or not value:
                raise Refusal(400, -1, INVALID_FIELD.format(name))
        expiry = _EXPIRY.fullmatch(values["expiry"])
        digits = values["card_number"].replace("-", "")
        if (
            not _CARD.fullmatch(values["card_number"])
            or not _check_digit_fits(digits)
            or not expiry
        ):
            raise Refusal(200, -1, CARD_REFUSED)
        year, month = int(expiry[1]), int(expiry[2])
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=KST)
        self.valid_until = int(after.timestamp())
        self.masked = digits[:6] + "*" * (len(digits) - 7) + digits[-1]
        if self.valid_until <= clock.now():
            raise Refusal(200, -1, CARD_REFUSED)


def _check_digit_fits(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(int(digit) for digit in digits[::-2]) + sum(doubled)) % 10 == 0


def provider_and_mid(fields: Any) -> tuple[str, str]:
    """Provider and MID: behind channel_key the newer one, else `pg`, else the default for
    billing.
    """
    asked = fields.get("pg")
    if fields.get("channel_key"):
        asked = channels.provider_of_channel(str(fields.get("channel_key")))
    elif not isinstance(asked, str) or not _PG.fullmatch(asked):
        asked = BILLING_PG  # an unusable one falls back, as V1 documents
    provider, _, mid = asked.partition(".")
    return provider, mid or "sandbox"


def save_billing_key(customer_uid: str, card: CardInput, fields: Any) -> Customer:
    """Make the billing key, or put this card in the place of the one it held. Raises Refusal."""
    texts = {name: optional_text(fields, name, limit) for name, limit in _TEXT_LIMITS.items()}
    customer_id = optional_text(fields, "customer_id", 80)
    provider, mid = provider_and_mid(fields)
    now = clock.now()
    facts = {
        **texts, "customer_id": customer_id, "pg_provider": provider, "pg_id": mid,
        "card_number": card.masked, "valid_until": card.valid_until, "updated": now,
    }  # fmt: skip
    with exclusive():
        row, _ = Customer.objects.update_or_create(
            customer_uid=customer_uid, defaults=facts, create_defaults={**facts, "inserted": now}
        )
    return row


def optional_text(fields: Any, name: str, limit: int) -> str:
    """A text of at most `limit` characters, "" where none was sent. Raises Refusal."""
    value = fields.get(name)
    if value is None or value == "":
        return ""
    try:
        return parsing.text(value, limit)
    except ValueError:
        raise Refusal(400, -1, INVALID_FIELD.format(name)) from None


def find_customer(customer_uid: Any) -> Customer | None:
    """The billing key of that name."""
    try:
        return Customer.objects.filter(customer_uid=parsing.text(customer_uid, 80)).first()
    except ValueError:
        return None


def _get_customer(customer_uid: str) -> Customer:
    row = find_customer(customer_uid)
    if row is None:
        raise Refusal(404, 1, NOT_FOUND.format(customer_uid[:80]))
    return row


def _get(request: HttpRequest, fields: Fields, customer_uid: str) -> dict[str, Any]:
    return customer_json(_get_customer(customer_uid))


def _save(request: HttpRequest, fields: Fields, customer_uid: str) -> dict[str, Any]:
    try:
        name = parsing.text(customer_uid, 80)
    except ValueError:
        raise Refusal(400, -1, INVALID_FIELD.format("customer_uid")) from None
    return customer_json(save_billing_key(name, CardInput(fields), fields))


def _remove(request: HttpRequest, fields: Fields, customer_uid: str) -> dict[str, Any]:
    """Its scheduled payments stay, and will fail."""
    row = _get_customer(customer_uid)
    answer = customer_json(row)
    row.delete()
    return answer


def customer_json(row: Customer) -> dict[str, Any]:
    """`row` as V1 answers it; the card's company is the one the sandbox's processor always
    names.
    """
    return {
        "card_code": "366",
        "card_issuer_code": None,
        "card_issuer_name": None,
        "card_name": "신한카드",
        "card_number": row.card_number,
        "card_publisher_code": None,
        "card_publisher_name": None,
        "card_type": 0,
        "customer_addr": row.customer_addr or None,
        "customer_email": row.customer_email or None,
        "customer_id": row.customer_id or None,
        "customer_name": row.customer_name or None,
        "customer_postcode": row.customer_postcode or None,
        "customer_tel": row.customer_tel or None,
        "customer_uid": row.customer_uid,
        "inserted": row.inserted,
        "pg_id": row.pg_id,
        "pg_provider": row.pg_provider,
        "sandbox": False,
        "updated": row.updated,
    }


customer = api_view(GET=_get, POST=_save, DELETE=_remove)
