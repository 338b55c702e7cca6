"""Tokens and prepared amounts. Methods, the token's check and the envelope are door.py's; payments
are in lookups.py and api_cancel.py.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from billing_sandbox import parsing, serializer
from billing_sandbox.api.entry_point import door
from billing_sandbox.engine import clock, tokens
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Prepared
from billing_sandbox.parsing import Fields
from billing_sandbox.router import ALIAS

NOT_PREPARED = "사전등록된 결제정보가 존재하지 않습니다."
PREPARED_BEFORE = "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다)."


def _get_token(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    key, secret = fields.get("imp_key"), fields.get("imp_secret")
    if not (isinstance(key, str) and key and isinstance(secret, str) and secret):
        raise Refusal(400, -1, "imp_key, imp_secret 파라메터가 누락되었습니다.")
    if not tokens.keys_match(key, secret):
        raise Refusal(401, -1, tokens.UNAUTHORIZED)
    token = tokens.issue(key, secret)
    return {"access_token": token.value, "now": clock.now(), "expired_at": token.expired_at}


def _expected(fields: Fields) -> tuple[str, Decimal, str]:
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
    merchant_uid, amount, code = _expected(fields)
    with transaction.atomic(using=ALIAS):
        if Prepared.objects.filter(merchant_uid=merchant_uid).exists():
            raise Refusal(200, 1, PREPARED_BEFORE)
        return _prepared(
            Prepared.objects.create(
                merchant_uid=merchant_uid, amount=amount, currency=code, created_at=clock.now()
            )
        )


def _prepare_again(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    """PUT: another amount and currency for one that is there; its text where it is not is unknown
    (taken from GET).
    """
    merchant_uid, amount, code = _expected(fields)
    with transaction.atomic(using=ALIAS):
        row = Prepared.objects.filter(merchant_uid=merchant_uid).first()
        if row is None:
            raise Refusal(404, -1, NOT_PREPARED)
        row.amount, row.currency = amount, code
        row.save(update_fields=["amount", "currency"])
        return _prepared(row)


def _get_prepared(request: HttpRequest, fields: Fields, merchant_uid: str) -> dict[str, Any]:
    row = Prepared.objects.filter(merchant_uid=_readable(merchant_uid, NOT_PREPARED)).first()
    if row is None:
        raise Refusal(404, -1, NOT_PREPARED)
    return _prepared(row)


def _prepared(row: Prepared) -> dict[str, Any]:
    return {
        "merchant_uid": row.merchant_uid,
        "amount": serializer.number(row.amount),
        "currency": row.currency or None,
    }


def _readable(merchant_uid: str, message: str) -> str:
    try:
        return parsing.merchant_uid(merchant_uid)
    except ValueError:
        raise Refusal(404, -1, message) from None


def _nothing(request: HttpRequest, fields: Fields) -> None:
    raise Refusal(404, -1, "Not Found")


get_token = door(token=False, POST=_get_token)
prepare = door(POST=_prepare, PUT=_prepare_again)
prepared = door(GET=_get_prepared)
nothing = door(token=False, ANY=_nothing)
