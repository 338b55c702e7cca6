"""The bytes of an answer, read as far as they can be: what is broken in one payment must not hide
the others of its page.

Gateways cut names by bytes (half a Korean letter), write NaN or 1e400, put a raw line break into a
text. Each of that is the trouble of the value that holds it: broken bytes become halves of
surrogate pairs, which no id, amount or status lets through (`payment.clean_text` shows them as
"?"), a number that no money can be becomes UNUSABLE_NUMBER. So nonsense may cost a name its letter,
but never becomes money.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django.views.decorators.debug import sensitive_variables

LONGEST_NUMBER = 30  # digits; also the largest exponent
_IDS = re.compile(rb'"(imp_uid|merchant_uid)"\s*:\s*"([^"\\]{1,200})"')
# A key or a flag with one of these was damaged on its way.
_BROKEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class UnusableNumber:
    """The one value UNUSABLE_NUMBER: stands where the JSON has a number that cannot be used (NaN,
    Infinity, 1e400, thousands of digits).
    """

    def __repr__(self) -> str:
        return "a number beyond all measure"


UNUSABLE_NUMBER = UnusableNumber()


@sensitive_variables()
def parse(body: bytes) -> Any:
    """The JSON in `body`. Raises ValueError where it is none at all, also for what is nested too
    deep.
    """
    try:
        return json.loads(
            body.decode("utf-8-sig", "surrogateescape"),
            strict=False,
            parse_int=_parse_int,
            parse_float=_parse_decimal,
            parse_constant=lambda name: UNUSABLE_NUMBER,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def is_broken(value: object) -> bool:
    """Whether this key or value was damaged: what it says is not what was meant."""
    return value is UNUSABLE_NUMBER or (
        isinstance(value, str) and _BROKEN.search(value) is not None
    )


def find_ids(body: bytes) -> tuple[str, str]:
    """imp_uid and merchant_uid of the one payment in `body`, which is no JSON; "" for each that is
    missing or there twice.

    To name it, never to believe it.
    """
    found: dict[bytes, set[bytes]] = {b"imp_uid": set(), b"merchant_uid": set()}
    for name, value in _IDS.findall(body):
        found[name].add(value)
    imp_uid, merchant_uid = (
        values.pop().decode("utf-8", "surrogateescape") if len(values) == 1 else ""
        for values in found.values()
    )
    return imp_uid, merchant_uid


def _parse_int(digits: str) -> int | UnusableNumber:
    return int(digits) if len(digits) <= LONGEST_NUMBER else UNUSABLE_NUMBER


def _parse_decimal(digits: str) -> Decimal | UnusableNumber:
    """A JSON number with a fraction or an exponent, of a size that money can have."""
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return UNUSABLE_NUMBER
    return number if abs(number.adjusted()) <= LONGEST_NUMBER else UNUSABLE_NUMBER
