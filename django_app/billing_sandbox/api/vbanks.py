"""POST, PUT, DELETE vbanks: virtual accounts without a window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing, serializer
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.api.lookups import NO_PAYMENT
from billing_sandbox.database import exclusive
from billing_sandbox.engine import bank_codes, channels, clock, payments, processor, request_pay
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Payment
from billing_sandbox.parsing import Fields

MAX_DEADLINE = 10 * 365 * 86400  # seconds that a deadline may lie ahead; also refuses milliseconds
_TEXT_LIMITS = {
    "vbank_holder": 16, "name": 40, "buyer_name": 16, "buyer_email": 64, "buyer_tel": 16,
    "buyer_addr": 128, "buyer_postcode": 8,
    "custom_data": 20_000,
}  # fmt: skip
# Parameters that these processors insist on (documented).
_REQUIRED = {
    "html5_inicis": ("vbank_holder", "buyer_name", "buyer_email"),
    "tosspayments": ("buyer_name",),
    "settle": ("vbank_holder",),
}
# They never tell whose account it is (documented).
_NO_HOLDER = (
    "tosspayments",
    "ksnet",
    "welcome",
)
_CHANGEABLE = ("settle",)  # documented: only there


def _issue(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    channel_key = _read(fields, "channel_key", _read_text(200))
    provider, mid = channels.CHANNELS.get(channel_key) or processor.CHANNEL_PG.split(".")
    _needs_pg_api_key(request, provider)
    texts = {
        name: _read(fields, name, _read_text(limit), "") for name, limit in _TEXT_LIMITS.items()
    }
    for name in _REQUIRED.get(provider, ()):
        _read(fields, name, _read_text(_TEXT_LIMITS[name]))
    facts: dict[str, Any] = {
        "merchant_uid": _read(fields, "merchant_uid", parsing.merchant_uid),
        "amount": _read(fields, "amount", _read_won(fields)),
        "vbank_due": _read(fields, "vbank_due", _read_due(fields)),
        "notice_urls": _read(fields, "notice_url", request_pay.parse_notice_urls, []),
        **{name: value for name, value in texts.items() if name != "vbank_holder"},
    }
    bank = _read(fields, "vbank_code", _read_bank)
    with exclusive():
        if Payment.objects.filter(
            merchant_uid=facts["merchant_uid"], paid_at__gt=0
        ).exists():  # cancelled since or not (documented)
            raise Refusal(200, 1, request_pay.ALREADY_PAID[1])
        payment = payments.create(
            **facts,
            pay_method="vbank",
            channel="api",
            channel_key=channel_key,
            asked_pg=f"{provider}.{mid}",
            site=request_pay.base_url(request),
        )
        holder = "" if provider in _NO_HOLDER else texts["vbank_holder"]
        account = {"vbank_code": bank, "vbank_name": bank_codes.BANKS[bank], "vbank_holder": holder}
        return serializer.payment_json(payments.issue_account(payment.imp_uid, account=account))


def _change(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    payment = _payment_waiting_for_deposit(imp_uid)
    if payment.pg_provider not in _CHANGEABLE:
        raise Refusal(400, -1, "가상계좌 수정을 지원하지 않는 PG사입니다.")
    amount = _read(fields, "amount", _read_won(fields), None)
    due = _read(fields, "vbank_due", _read_due(fields), None)
    if amount is None and due is None:
        raise Refusal(400, -1, "amount, vbank_due 파라메터 중 하나는 지정해주셔야합니다.")
    return _run(partial(payments.change_account, imp_uid, amount=amount, due=due))


def _close(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    _needs_pg_api_key(request, _payment_waiting_for_deposit(imp_uid).pg_provider)
    return _run(partial(payments.close_account, imp_uid))


def _run(verb: Callable[[], Payment]) -> dict[str, Any]:
    try:
        return serializer.payment_json(verb())
    except payments.WrongState:
        raise _not_waiting() from None


def _payment_waiting_for_deposit(imp_uid: str) -> Payment:
    """The payment of an account that waits for its deposit: else 404 or 400 (documented; the texts
    are ours).
    """
    found = Payment.objects.filter(imp_uid=imp_uid).first() if parsing.is_imp_uid(imp_uid) else None
    if found is None:
        raise Refusal(404, -1, NO_PAYMENT)
    if found.pay_method != "vbank":
        raise Refusal(400, -1, "가상계좌 결제건이 아닙니다.")
    if found.status != "ready" or not found.has_account or found.vbank_closed:
        raise _not_waiting()
    return found


def _not_waiting() -> Refusal:
    return Refusal(400, -1, "입금대기 상태의 가상계좌가 아닙니다.")


def _needs_pg_api_key(request: HttpRequest, provider: str) -> None:
    """A query parameter that Inicis checks (documented). Any value will do here: the sandbox has no
    contract with Inicis.
    """
    if provider == "html5_inicis" and not request.GET.get("pg_api_key"):
        raise Refusal(200, -1, "가상계좌 처리에 실패하였습니다.(hashData 불일치)")


def _read(fields: Fields, name: str, reader: Callable[[Any], Any], *default: Any) -> Any:
    """The parameter, or the default if there is one; HTTP 400 else (unknown; as prepare)."""
    value = fields.get(name)
    if default and value in (None, ""):
        return default[0]
    try:
        return reader(value)
    except ValueError:
        raise Refusal(400, -1, f"{name} 파라메터가 누락되었거나 올바르지 않습니다.") from None


def _read_text(limit: int) -> Callable[[Any], str]:
    return lambda value: parsing.text(value, limit)


def _read_won(fields: Fields) -> Callable[[Any], Any]:
    return lambda value: parsing.amount(value, "KRW", digits_allowed=fields.form)


def _read_due(fields: Fields) -> Callable[[Any], int]:
    now = clock.now()
    return lambda value: parsing.integer(
        value, now + 1, now + MAX_DEADLINE, digits_allowed=fields.form
    )


def _read_bank(value: Any) -> str:
    """KFTC's code (some processors have codes of their own: unknown which, stricter reading)."""
    if not isinstance(value, str) or value not in bank_codes.BANKS:
        raise ValueError("no bank")
    return value


issue = api_view(POST=_issue)
vbank = api_view(PUT=_change, DELETE=_close)
