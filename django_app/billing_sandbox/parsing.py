"""Reads what strangers send: bodies, texts, amounts. Whatever they hold, the outcome is a value,
ValueError or TooBig.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAX_AMOUNT = 10**11
_DIGITS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_IMP_UID = re.compile(r"[A-Za-z0-9_]{1,32}")
_MEMBER = re.compile(r"([^\[\]]+)\[([^\[\]]+)\]")
_CURRENCY = re.compile(r"[A-Z]{3}")


class BodyTooLarge(Exception):
    """The body is larger than the server reads."""


@dataclass(frozen=True)
class Fields:
    """A parsed body. In a form every value is text; in JSON a number must be a number."""

    values: Mapping[str, Any] = field(default_factory=dict)
    form: bool = False

    def get(self, name: str) -> Any:
        return self.values.get(name)


def raw_body(request: HttpRequest) -> bytes:
    """The body's bytes; what a vanished client left unsent, or a middleware has parsed (multipart),
    counts as empty. Raises TooBig.
    """
    try:
        return request.body
    except RequestDataTooBig:
        _discard_body(request)
        raise BodyTooLarge from None
    except (UnreadablePostError, RawPostDataException):
        return b""


def _discard_body(request: HttpRequest) -> None:
    """Read and forget, up to 16 MB: a caller who is cut off while it sends would see a broken
    connection and no answer.
    """
    with suppress(UnreadablePostError):
        for _ in range(256):
            if not request.read(65536):
                return


def request_fields(request: HttpRequest) -> Fields:
    """The fields of a JSON or form body (V1 takes both), empty where it can be read as neither.
    Raises TooBig.

    A name that stands twice makes a body unreadable: which of two amounts was meant? (Unknown of
    V1: stricter reading.) Names in a form that end with `[]` are arrays, `extra[requester]` is an
    object's member.
    """
    raw = raw_body(request)
    try:
        if request.content_type == JSON:
            return Fields(json_object(raw))
        if request.content_type == FORM:
            return Fields(
                _form(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=200)),
                form=True,
            )
    except ValueError:
        pass
    return Fields()


def json_object(raw: bytes | str) -> dict[str, Any]:
    """A JSON object; fractions come as Decimal. Raises ValueError for anything else, NaN and
    Infinity included.
    """
    try:
        decoded = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = json.loads(
            decoded,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_names,
        )
    except (ArithmeticError, RecursionError) as error:
        raise ValueError("not readable as JSON") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _unique_names(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"{name} twice")
        made[name] = value
    return made


def _form(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    arrays: dict[str, list[str]] = {}
    single: list[tuple[str, str]] = []
    members: dict[str, list[tuple[str, str]]] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            arrays.setdefault(name[:-2], []).append(value)
        elif member := _MEMBER.fullmatch(name):
            members.setdefault(member[1], []).append((member[2], value))
        else:
            single.append((name, value))
    return _unique_names(
        [
            *single,
            *arrays.items(),
            *((name, _unique_names(found)) for name, found in members.items()),
        ]
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def text(value: Any, limit: int) -> str:
    """`value` if it is a text of 1 to `limit` characters that a database can keep (no NUL, no lone
    surrogate). Raises ValueError.
    """
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
    number = amount_or_zero(value, digits_allowed=digits_allowed)
    if not number or (currency_code == "KRW" and number % 1):
        raise ValueError("nothing, or a fraction of a won")
    return number


def amount_or_zero(value: Any, *, digits_allowed: bool = False) -> Decimal:
    """An amount in any currency, 0 included: at most two decimals. Raises ValueError."""
    if isinstance(value, str) and digits_allowed and _DIGITS.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("not a number")
    number = Decimal(value)
    if (
        number.is_signed() or number > MAX_AMOUNT or (number and number < Decimal("0.01"))
    ):  # -0 is no nothing
        raise ValueError("out of range")
    if number % Decimal("0.01"):
        raise ValueError("too many decimals")
    return number.quantize(Decimal("0.01"))


def integer(value: Any, low: int, high: int, *, digits_allowed: bool = False) -> int:
    """A whole number from `low` to `high`. digits_allowed: ASCII digits in a text too. Raises
    ValueError.
    """
    if isinstance(value, str) and digits_allowed and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError("not a whole number in range")
    return value


def boolean(value: Any, *, digits_allowed: bool = False) -> bool:
    """true or false; in forms also as text or 1 and 0. Raises ValueError."""
    if digits_allowed and value in ("true", "1", "false", "0"):
        return value in ("true", "1")
    if not isinstance(value, bool):
        raise ValueError("not true or false")
    return value
