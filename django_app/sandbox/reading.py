"""Reads what strangers send: bodies, texts, amounts. Whatever they hold, the outcome is a value, ValueError or TooBig."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAX_AMOUNT = 10**11
_DIGITS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
_IMP_UID = re.compile(r"[A-Za-z0-9_]{1,32}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class TooBig(Exception):
    """The body is larger than the server reads."""


@dataclass(frozen=True)
class Fields:
    """A parsed body. In a form every value is text; in JSON a number must be a number."""

    values: Mapping[str, Any] = field(default_factory=dict)
    form: bool = False

    def get(self, name: str) -> Any:
        return self.values.get(name)


def raw_body(request: HttpRequest) -> bytes:
    """The body's bytes; what a vanished client left unsent counts as empty. Raises TooBig."""
    try:
        return request.body
    except RequestDataTooBig:
        raise TooBig from None
    except UnreadablePostError:
        return b""


def body(request: HttpRequest) -> Fields:
    """The fields of a JSON or form body (V1 takes both), empty where it can be read as neither. Raises TooBig."""
    raw = raw_body(request)
    try:
        if request.content_type == JSON:
            return Fields(json_object(raw))
        if request.content_type == FORM:
            return Fields(dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=200)), form=True)
    except ValueError:
        pass
    return Fields()


def json_object(raw: bytes | str) -> dict[str, Any]:
    """A JSON object; fractions come as Decimal. Raises ValueError for anything else, NaN and Infinity included."""
    try:
        value = json.loads(raw.decode("utf-8") if isinstance(raw, bytes) else raw, parse_float=Decimal, parse_constant=_no_constant)
    except (ArithmeticError, RecursionError) as error:
        raise ValueError("not readable as JSON") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def text(value: Any, limit: int) -> str:
    """`value` if it is a text of 1 to `limit` characters that a database can keep (no NUL, no lone surrogate). Raises ValueError."""
    if not isinstance(value, str) or not 0 < len(value) <= limit or "\0" in value:
        raise ValueError("not a text of that length")
    value.encode("utf-8")  # UnicodeEncodeError is a ValueError
    return value


def merchant_uid(value: Any) -> str:
    """A merchant_uid: at most 40 printable characters. Raises ValueError."""
    found = text(value, 40)
    if not found.isprintable():
        raise ValueError("control characters")
    return found


def is_imp_uid(value: Any) -> bool:
    """Whether `value` has the form of an imp_uid."""
    return isinstance(value, str) and _IMP_UID.fullmatch(value) is not None


def currency(value: Any) -> str:
    """A three-letter ISO code. Raises ValueError."""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise ValueError("not a currency code")
    return value


def amount(value: Any, currency_code: str, *, digits_allowed: bool = False) -> Decimal:
    """A positive amount in major units: whole in won, else with at most two decimals.

    digits_allowed: take ASCII digits in a text too (forms know nothing else). Raises ValueError.
    """
    if isinstance(value, str) and digits_allowed and _DIGITS.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("not a number")
    number = Decimal(value)
    if not Decimal("0.01") <= number <= MAX_AMOUNT:
        raise ValueError("out of range")
    if number % (1 if currency_code == "KRW" else Decimal("0.01")):
        raise ValueError("too many decimals")
    return number.quantize(Decimal("0.01"))
