"""The REST API's answers, by address. Methods, tokens and the envelope are door.py's."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest

from sandbox import clock, reading, serializer, tokens
from sandbox.door import door
from sandbox.envelope import Refusal
from sandbox.models import Payment, Prepared, Status
from sandbox.reading import Fields
from sandbox.router import ALIAS

NO_PAYMENT = "존재하지 않는 결제정보입니다."
NOT_PREPARED = "사전등록된 결제정보가 존재하지 않습니다."
PREPARED_BEFORE = "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다)."
BAD_STATUS = "지원되지 않는 상태값입니다."
# Rows begun in the same second are told apart by their number.
SORTINGS = {
    "-started": ("-started_at", "-pk"),
    "started": ("started_at", "pk"),
    "-paid": ("-paid_at", "-pk"),
    "paid": ("paid_at", "pk"),
    "-updated": ("-updated_at", "-pk"),
    "updated": ("updated_at", "pk"),
}


def _get_token(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    key, secret = fields.get("imp_key"), fields.get("imp_secret")
    if not (isinstance(key, str) and key and isinstance(secret, str) and secret):
        raise Refusal(400, -1, "imp_key, imp_secret 파라메터가 누락되었습니다.")
    if not tokens.keys_match(key, secret):
        raise Refusal(401, -1, tokens.UNAUTHORIZED)
    token = tokens.issue()
    return {"access_token": token.value, "now": clock.now(), "expired_at": token.expired_at}


def _prepare(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    try:
        merchant_uid = reading.merchant_uid(fields.get("merchant_uid"))
        code = reading.currency(fields.get("currency")) if fields.get("currency") is not None else ""
        amount = reading.amount(fields.get("amount"), code or "KRW", digits_allowed=fields.form)
    except ValueError:
        raise Refusal(400, -1, "merchant_uid, amount 파라메터가 누락되었거나 올바르지 않습니다.") from None
    with transaction.atomic(using=ALIAS):
        if Prepared.objects.filter(merchant_uid=merchant_uid).exists():
            raise Refusal(200, 1, PREPARED_BEFORE)
        return _prepared(Prepared.objects.create(merchant_uid=merchant_uid, amount=amount, currency=code, created_at=clock.now()))


def _get_prepared(request: HttpRequest, fields: Fields, merchant_uid: str) -> dict[str, Any]:
    row = Prepared.objects.filter(merchant_uid=_readable(merchant_uid, NOT_PREPARED)).first()
    if row is None:
        raise Refusal(404, -1, NOT_PREPARED)
    return _prepared(row)


def _prepared(row: Prepared) -> dict[str, Any]:
    return {"merchant_uid": row.merchant_uid, "amount": serializer.number(row.amount), "currency": row.currency or None}


def _get_payment(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    """Test-channel payments only for those who ask for them (since 2026-01-26)."""
    row = Payment.objects.filter(imp_uid=imp_uid).first() if reading.is_imp_uid(imp_uid) else None
    if row is None or (row.sandbox and request.GET.get("include_sandbox") != "true"):
        raise Refusal(404, -1, NO_PAYMENT)
    return serializer.payment(row)


def _find(request: HttpRequest, fields: Fields, merchant_uid: str, status: str | None = None) -> dict[str, Any]:
    """The first by `sorting`: by default the one *started* last, which need not be the paid one."""
    order = SORTINGS.get(request.GET.get("sorting", "-started"))
    if order is None or (status is not None and status not in Status):
        raise Refusal(400, -1, BAD_STATUS)
    rows = Payment.objects.filter(merchant_uid=_readable(merchant_uid, NO_PAYMENT))
    if status is not None:
        rows = rows.filter(status=status)
    row = rows.order_by(*order).first()
    if row is None:
        raise Refusal(404, -1, NO_PAYMENT)
    return serializer.payment(row)


def _readable(merchant_uid: str, message: str) -> str:
    try:
        return reading.merchant_uid(merchant_uid)
    except ValueError:
        raise Refusal(404, -1, message) from None


def _nothing(request: HttpRequest, fields: Fields) -> None:
    raise Refusal(404, -1, "Not Found")


get_token = door(token=False, POST=_get_token)
prepare = door(POST=_prepare)
prepared = door(GET=_get_prepared)
payment = door(GET=_get_payment)
find = door(GET=_find)
nothing = door(token=False, ANY=_nothing)
