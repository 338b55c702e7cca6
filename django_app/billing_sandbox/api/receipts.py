"""Cash receipts of paid transfers and virtual accounts, and PAYCO's parts of a payment."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.database import exclusive
from billing_sandbox.engine import clock, processor
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import CashReceipt, Payment
from billing_sandbox.parsing import Fields
from billing_sandbox.serializer import json_number

NO_PAYMENT = "존재하지 않는 결제정보입니다."
# The texts below are ours: the vendor publishes none.
NO_RECEIPT = "현금영수증 발급내역이 존재하지 않습니다."
INVALID_IDENTIFIER = "identifier 파라메터가 누락되었거나 올바르지 않습니다."
BAD_FIELD = "현금영수증 발급 파라메터가 올바르지 않습니다."
NOT_PAID = "결제완료된 계좌이체, 가상계좌 거래만 현금영수증을 발급할 수 있습니다."
ISSUED_BEFORE = "이미 현금영수증이 발급된 거래입니다."
NO_SUPPORT = "현금영수증 발급을 지원하지 않는 PG사입니다."
ONLY_PAYCO = "PAYCO 결제건만 조회할 수 있습니다."
ISSUERS = (
    "html5_inicis", "inicis", "kcp", "nice", "kicc", "settle", "daou", "tosspayments", "ksnet",
    "smartro_v2", "nice_v2", "welcome",
)  # fmt: skip
_IDENTIFIER = re.compile(r"[0-9-]{1,30}")
_TYPES = ("person", "company")
_IDENTIFIER_TYPES = ("person", "business", "phone", "taxcard")


def _get(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    """The newest receipt; a cancelled one with its time."""
    row = _receipts(imp_uid).last()
    if row is None:
        raise Refusal(404, -1, NO_RECEIPT)
    return _receipt(row)


def _issue(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    """For all that remains of the payment. One at a time; after its cancel another may follow."""
    identifier = fields.get("identifier")
    if not isinstance(identifier, str) or not _IDENTIFIER.fullmatch(identifier):
        raise Refusal(400, -1, INVALID_IDENTIFIER)
    kind = "person" if fields.get("type") is None else fields.get("type")
    if kind not in _TYPES or fields.get("identifier_type") not in (None, *_IDENTIFIER_TYPES):
        raise Refusal(400, -1, BAD_FIELD)
    with exclusive():
        payment = _payment(imp_uid)
        if (
            payment is None
            or payment.pay_method not in ("trans", "vbank")
            or not payment.paid_at
            or not payment.remaining
        ):
            raise Refusal(400, -1, NOT_PAID)
        if payment.pg_provider not in ISSUERS:
            raise Refusal(501, -1, NO_SUPPORT)
        if payment.cash_receipts.filter(cancelled_at=0).exists():
            raise Refusal(400, -1, ISSUED_BEFORE)
        row = CashReceipt.objects.create(
            payment=payment,
            receipt_tid=f"cash{processor.random_digits(16)}",
            apply_num=processor.random_digits(9),
            type=kind,
            amount=int(payment.remaining),
            vat=_vat(fields, int(payment.remaining)),
            applied_at=clock.now(),
        )
        Payment.objects.filter(pk=payment.pk).update(
            cash_receipt_issued=True, updated_at=clock.now()
        )
        return _receipt(row)


def _cancel(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    with exclusive():
        row = _receipts(imp_uid).filter(cancelled_at=0).last()
        if row is None:
            raise Refusal(400, -1, NO_RECEIPT)
        row.cancelled_at = clock.now()
        row.save(update_fields=["cancelled_at"])
        Payment.objects.filter(pk=row.payment_id).update(
            cash_receipt_issued=False, updated_at=clock.now()
        )
        return _receipt(row)


def _balance(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    """What each means of payment holds now, and after each change, for PAYCO only. All of it is
    laid on the first means.
    """
    payment = _payment(imp_uid)
    if payment is None:
        raise Refusal(404, -1, NO_PAYMENT)
    if "payco" not in (payment.pg_provider, payment.emb_pg_provider) or not payment.paid_at:
        raise Refusal(400, -1, ONLY_PAYCO)
    left = payment.amount
    histories = [{**_blocks(left), "created": payment.paid_at}]
    for item in payment.cancellations.order_by("pk"):
        left -= item.amount
        histories.append({**_blocks(left), "created": item.cancelled_at})
    return {"amount": json_number(payment.amount), **_blocks(left), "histories": histories}


def _blocks(left: Decimal) -> dict[str, Any]:
    vat = _eleventh(int(left))
    primary = {"tax_free": 0, "supply": json_number(left - vat), "vat": vat, "service": 0}
    nothing = {"tax_free": 0, "supply": 0, "vat": 0, "service": 0}
    return {"cash_receipt": nothing, "primary": primary, "secondary": nothing, "discount": nothing}


def _vat(fields: Fields, amount: int) -> int:
    """The tax in `amount`: as told, else an eleventh of what is taxed."""
    told = {name: _won(fields, name) for name in ("tax_free", "vat_amount", "vat")}
    tax_free = told["tax_free"] or 0
    tax = next((told[name] for name in ("vat_amount", "vat") if told[name] is not None), None)
    tax = _eleventh(amount - tax_free) if tax is None else tax
    if tax_free + tax > amount:
        raise Refusal(400, -1, BAD_FIELD)
    return tax


def _won(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    if fields.form and isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise Refusal(400, -1, BAD_FIELD)
    return value


def _eleventh(amount: int) -> int:
    return int((Decimal(amount) / 11).quantize(Decimal(1), ROUND_HALF_UP))


def _payment(imp_uid: str) -> Payment | None:
    return Payment.objects.filter(imp_uid=imp_uid).first() if parsing.is_imp_uid(imp_uid) else None


def _receipts(imp_uid: str) -> Any:
    found = CashReceipt.objects.select_related("payment").order_by("pk")
    return found.filter(payment__imp_uid=imp_uid) if parsing.is_imp_uid(imp_uid) else found.none()


def _receipt(row: CashReceipt) -> dict[str, Any]:
    return {
        "amount": row.amount,
        "applied_at": row.applied_at,
        "apply_num": row.apply_num,
        "cancelled_at": row.cancelled_at,
        "imp_uid": row.payment.imp_uid,
        "receipt_tid": row.receipt_tid,
        "receipt_url": row.payment.receipt_url or None,
        "type": row.type,
        "vat": row.vat,
    }


receipt = api_view(GET=_get, POST=_issue, DELETE=_cancel)
balance = api_view(GET=_balance)
