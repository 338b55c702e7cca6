"""payments/prepare: the amount that a payment of this merchant_uid must have."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing, serializer
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.database import exclusive
from billing_sandbox.engine import clock
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Prepared
from billing_sandbox.parsing import Fields

NOT_PREPARED = "사전등록된 결제정보가 존재하지 않습니다."
PREPARED_BEFORE = "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다)."


def _parse_fields(fields: Fields) -> tuple[str, Decimal, str]:
    """merchant_uid, amount and currency ("": any) of a prepare."""
    try:
        merchant_uid = parsing.merchant_uid(fields.get("merchant_uid"))
        code = (
            parsing.currency(fields.get("currency")) if fields.get("currency") is not None else ""
        )
        return (
            merchant_uid,
            parsing.amount(fields.get("amount"), code, digits_allowed=fields.form),
            code,
        )
    except ValueError:
        raise Refusal(
            400, -1, "merchant_uid, amount 파라메터가 누락되었거나 올바르지 않습니다."
        ) from None


def _prepare(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    merchant_uid, amount, code = _parse_fields(fields)
    with exclusive():
        if Prepared.objects.filter(merchant_uid=merchant_uid).exists():
            raise Refusal(200, 1, PREPARED_BEFORE)
        return _prepared_json(
            Prepared.objects.create(
                merchant_uid=merchant_uid, amount=amount, currency=code, created_at=clock.now()
            )
        )


def _change_prepared(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    """PUT: another amount and currency for one that is there; its text where it is not is unknown
    (taken from GET).
    """
    merchant_uid, amount, code = _parse_fields(fields)
    with exclusive():
        row = Prepared.objects.filter(merchant_uid=merchant_uid).first()
        if row is None:
            raise Refusal(404, -1, NOT_PREPARED)
        row.amount, row.currency = amount, code
        row.save(update_fields=["amount", "currency"])
        return _prepared_json(row)


def _get_prepared(request: HttpRequest, fields: Fields, merchant_uid: str) -> dict[str, Any]:
    row = Prepared.objects.filter(
        merchant_uid=_parse_merchant_uid(merchant_uid, NOT_PREPARED)
    ).first()
    if row is None:
        raise Refusal(404, -1, NOT_PREPARED)
    return _prepared_json(row)


def _prepared_json(row: Prepared) -> dict[str, Any]:
    return {
        "merchant_uid": row.merchant_uid,
        "amount": serializer.json_number(row.amount),
        "currency": row.currency or None,
    }


def _parse_merchant_uid(merchant_uid: str, message: str) -> str:
    try:
        return parsing.merchant_uid(merchant_uid)
    except ValueError:
        raise Refusal(404, -1, message) from None


prepare = api_view(POST=_prepare, PUT=_change_prepared)
prepared_amount = api_view(GET=_get_prepared)
