"""What a page gave to IMP.request_pay: read, and refused where the vendor's script refuses before a
window opens (reference, request_pay).

Texts with a source are the gateway's. Where the vendor publishes none, text and code are ours;
callers must not rely on them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing
from billing_sandbox.conf import conf
from billing_sandbox.database import exclusive
from billing_sandbox.engine import channels, clock, payments, processor
from billing_sandbox.engine.processor import KST
from billing_sandbox.models import Payment, Prepared

ALREADY_PAID = ("F1002", "이미 결제가 이루어진 거래건입니다.")  # captured
WRONG_AMOUNT = ("F1001", "사전등록된 결제금액과 다릅니다.")
WRONG_CODE = ("F0001", "가맹점 식별코드가 올바르지 않습니다.")
WRONG_PARAMETER = "F0002"
MAX_AMOUNT = 1_000_000_000  # more than any processor approves at once
_DUE_FORMATS = {
    10: "%Y-%m-%d",
    8: "%Y%m%d",
    19: "%Y-%m-%d %H:%M:%S",
    14: "%Y%m%d%H%M%S",
    12: "%Y%m%d%H%M",
}
_TEXT_LIMITS = {
    "name": 40,
    "buyer_name": 16,
    "buyer_email": 64,
    "buyer_tel": 16,
    "buyer_addr": 128,
    "buyer_postcode": 8,
}
_PG = re.compile(r"[a-z0-9_]{1,16}(\.[\w-]{1,80})?", re.ASCII)
_PROVIDERS = {
    "html5_inicis", "inicis", "inicis_jp", "inicis_unified", "kcp", "kcp_billing", "kcp_quick",
    "nice", "nice_v2", "tosspayments", "uplus",
    "smartro", "smartro_v2", "kicc", "ksnet", "settle", "settle_acc", "daou", "danal", "danal_tpay",
    "mobilians", "mobilians_v2", "welcome",
    "galaxia", "payco", "kakaopay", "kakao", "naverpay", "naverco", "tosspay", "tosspay_v2",
    "smilepay", "paypal", "paypal_v2", "eximbay",
    "chai", "syrup", "paymentwall", "jtnet", "payple", "bluewalnut", "ssgpay", "lpay", "alipay",
}  # fmt: skip
# What a second window for an order has in common with the first.
_COPIED_COLUMNS = (
    "merchant_uid", "amount", "currency", "pay_method", *_TEXT_LIMITS, "custom_data", "notice_urls",
    "m_redirect_url", "vbank_due", "channel_key",
    "asked_pg", "origin", "site", "user_agent", "channel", "sandbox",
)  # fmt: skip
_PHONE = re.compile("Android|iPhone|iPad|iPod|Mobi", re.IGNORECASE)  # as iamport.js decides
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,200}")


class RequestPayRefused(Exception):
    """Stopped before the window opens: the callback gets error_code and error_msg, and imp_uid
    null.
    """

    def __init__(self, error_code: str, error_msg: str) -> None:
        super().__init__(error_msg)
        self.error_code, self.error_msg = error_code, error_msg


def check_code(code: str) -> None:
    """Raise Refused unless IMP.init was told this merchant's code; where none is set, any code is
    right.
    """
    expected = conf.code
    if not code or (expected and code != expected):
        raise RequestPayRefused(*WRONG_CODE)


def open_window(
    params: Mapping[str, Any], *, code: str, origin: str, request: HttpRequest, leaves: bool = False
) -> Payment:
    """The `ready` payment for these parameters. Raises Refused.

    origin: of the page that asked; only it will be told the result. leaves: the page itself goes to
    the window and must come back, so m_redirect_url is needed. Calling it twice makes two payments,
    as V1 does.
    """
    check_code(code)
    facts = _payment_columns(params)
    if leaves and not facts["m_redirect_url"]:
        raise invalid_parameter("m_redirect_url")
    user_agent = request.headers.get("User-Agent", "")[:500]
    with exclusive():
        _check_unpaid(facts["merchant_uid"])
        prepared = Prepared.objects.filter(merchant_uid=facts["merchant_uid"]).first()
        if prepared and (
            prepared.amount != facts["amount"]
            or (prepared.currency and prepared.currency != facts["currency"])
        ):
            raise RequestPayRefused(*WRONG_AMOUNT)
        return payments.create(
            **facts,
            origin=origin,
            site=base_url(request),
            user_agent=user_agent if user_agent.isprintable() else "",
            channel="mobile" if _PHONE.search(user_agent) else "pc",
        )


def open_second_window(first: Payment) -> Payment:
    """A second window for the same order, as another tab opens it. Raises Refused where the order
    is paid.
    """
    with exclusive():
        _check_unpaid(first.merchant_uid)
        return payments.create(**{name: getattr(first, name) for name in _COPIED_COLUMNS})


def _check_unpaid(merchant_uid: str) -> None:
    if Payment.objects.filter(merchant_uid=merchant_uid, paid_at__gt=0).exists():
        raise RequestPayRefused(*ALREADY_PAID)


def base_url(request: HttpRequest) -> str:
    """Scheme and host under which this gateway was reached."""
    return request.build_absolute_uri("/").rstrip("/")


def is_origin(value: Any) -> bool:
    """Whether `value` can be the origin of a web page."""
    return isinstance(value, str) and _ORIGIN.fullmatch(value) is not None


def _payment_columns(params: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the payment. Raises Refused at the first parameter that cannot be used."""

    def read(name: str, reader: Callable[[Any], Any], default: Any = "") -> Any:
        value = params.get(name)
        if value is None or (value == "" and isinstance(default, str)):
            return default
        try:
            return reader(value)
        except ValueError:
            raise invalid_parameter(name) from None

    channel_key = read("channelKey", partial(parsing.text, limit=200))
    pg = (
        channels.provider_of_channel(channel_key)
        if channel_key
        else read("pg", _read_pg, processor.DEFAULT_PG)
    )
    # Their default is USD (reference, currency).
    abroad = pg.partition(".")[0] in {
        "paypal",
        "paypal_v2",
        "eximbay",
    }
    currency = read("currency", parsing.currency, "USD" if abroad else "KRW")
    facts = {
        "merchant_uid": read("merchant_uid", parsing.merchant_uid, None)
        or f"nobody_{processor.random_digits(13)}",
        "amount": read("amount", partial(_read_amount, currency=currency), None),
        "currency": currency,
        "pay_method": read("pay_method", _read_pay_method, "card"),
        **{
            name: read(name, partial(parsing.text, limit=limit))
            for name, limit in _TEXT_LIMITS.items()
        },
        "custom_data": read("custom_data", _custom_data_json),
        "notice_urls": read("notice_url", parse_notice_urls, []),
        "m_redirect_url": read("m_redirect_url", _read_url),
        "vbank_due": read("vbank_due", _read_vbank_due, 0),
        "channel_key": channel_key,
        "asked_pg": pg,
    }
    if facts["amount"] is None:
        raise invalid_parameter("amount")
    for name in ("tax_free", "vat_amount"):
        read(name, partial(_read_part_of_amount, whole=facts["amount"], currency=currency), None)
    for name in ("digital", "escrow", "popup"):
        read(name, _read_boolean, None)
    read("confirm_url", _read_url)
    if facts["pay_method"] == "phone" and not isinstance(params.get("digital"), bool):
        raise invalid_parameter("digital")
    if pg.startswith("html5_inicis") and not facts["buyer_tel"]:
        raise invalid_parameter("buyer_tel")
    return facts


def invalid_parameter(name: str) -> RequestPayRefused:
    """The refusal that names the parameter."""
    return RequestPayRefused(WRONG_PARAMETER, f"결제 요청 파라미터가 올바르지 않습니다. ({name})")


def _read_amount(value: Any, currency: str) -> Any:
    # Whole won, or at most two decimals of another currency.
    amount = parsing.amount(value, currency)
    if amount > MAX_AMOUNT:
        raise ValueError("not an amount within reason")
    return amount


def _read_part_of_amount(value: Any, whole: Any, currency: str) -> Any:
    """A part of the amount: 0 to all of it. Checked and not kept."""
    if not isinstance(value, bool) and value == 0:
        return value
    if parsing.amount(value, currency) > whole:
        raise ValueError("more than the whole")
    return value


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _read_pay_method(value: Any) -> str:
    if not isinstance(value, str) or value not in processor.PAY_METHODS:
        raise ValueError("unknown")
    return value


def _read_pg(value: Any) -> str:
    """`provider` or `provider.MID`; without a MID the shared test one. An unknown provider becomes
    the default one (reference, params).
    """
    found = parsing.text(value, 97)
    if not _PG.fullmatch(found) or found.partition(".")[0] not in _PROVIDERS:
        return processor.DEFAULT_PG
    return (
        found
        if "." in found
        else f"{found}.INIpayTest"
        if found == "html5_inicis"
        else f"{found}.sandbox"
    )


def _custom_data_json(value: Any) -> str:
    """custom_data is kept and echoed as JSON text."""
    try:
        return parsing.text(
            json.dumps(value, ensure_ascii=False, allow_nan=False, default=float), 20_000
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _read_url(value: Any) -> str:
    found = parsing.text(value, 2000)
    if not found.startswith(("http://", "https://")) or not found.isprintable():
        raise ValueError("not a web address")
    return found


def parse_notice_urls(value: Any) -> list[str]:
    """notice_url is one address or an array of them."""
    if isinstance(value, list):
        if len(value) > 10:
            raise ValueError("too many")
        return [_read_url(item) for item in value]
    return [_read_url(value)]


def _read_vbank_due(value: Any) -> int:
    """vbank_due in one of the documented formats, in Korean time; a day without a time lasts until
    23:59:59. Must lie ahead.
    """
    found = parsing.text(value, 19)
    if not found.isascii() or len(found) not in _DUE_FORMATS:
        raise ValueError("unknown format")
    moment = datetime.strptime(found, _DUE_FORMATS[len(found)]).replace(tzinfo=KST)
    try:
        due = int(moment.timestamp())
    except (OverflowError, OSError) as error:
        raise ValueError("out of range") from error
    due = processor.end_of_day(due) if len(found) in (8, 10) else due
    if due <= clock.now():
        raise ValueError("in the past")
    return due
