"""POST payments/cancel: reads the parameters. engine/cancels.py decides."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing, serializer
from billing_sandbox.api.entry_point import CANCEL_LATER_KEY, api_view
from billing_sandbox.engine import cancels
from billing_sandbox.envelope import Refusal
from billing_sandbox.parsing import Fields

# its end is documented by a client's tests
NEITHER_UID = "imp_uid 또는 merchant_uid 중 하나는 반드시 지정해주셔야합니다."
_REFUND = ("refund_holder", "refund_bank", "refund_account", "refund_tel")


def _cancel(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    """Parameters that cannot be read are HTTP 400 (unknown; as prepare), and an empty amount does
    not mean all of it (stricter reading).
    """
    imp_uid, merchant_uid = (
        _read(fields, name, _read_uid, "") for name in ("imp_uid", "merchant_uid")
    )
    if not (imp_uid or merchant_uid):
        raise Refusal(400, -1, NEITHER_UID)
    for name in ("tax_free", "vat_amount"):  # accepted and not used
        _read(fields, name, _read_amount(fields), None)
    asked = cancels.CancelRequest(
        imp_uid=imp_uid,
        merchant_uid=merchant_uid,
        amount=_read(fields, "amount", _read_amount(fields), None),
        checksum=_read(fields, "checksum", _read_amount(fields), None),
        reason=_read(fields, "reason", _read_text(256), ""),
        refund={name: _read(fields, name, _read_text(100), "") for name in _REFUND},
        enable_webhook=_read(
            fields,
            "enable_webhook",
            lambda value: parsing.boolean(value, digits_allowed=fields.form),
            False,
        ),
        later_s=request.META.get(CANCEL_LATER_KEY),
    )
    return serializer.payment_json(cancels.cancel_by_api(asked))


def _read(fields: Fields, name: str, reader: Callable[[Any], Any], default: Any) -> Any:
    value = fields.get(name)
    if value is None:
        return default
    try:
        return reader(value)
    except ValueError:
        raise Refusal(400, -1, f"{name} 파라메터가 올바르지 않습니다.") from None


def _read_uid(value: Any) -> str:
    return parsing.text(value, 200) if value != "" else ""


def _read_amount(fields: Fields) -> Callable[[Any], Decimal]:
    return lambda value: parsing.amount_or_zero(value, digits_allowed=fields.form)


def _read_text(limit: int) -> Callable[[Any], str]:
    return lambda value: parsing.text(value, limit) if value != "" else ""


cancel = api_view(POST=_cancel)
