"""Reads what the control API is told about faults. Everything that cannot be meant is refused, with
the field's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from billing_sandbox import parsing
from billing_sandbox.engine import tokens
from billing_sandbox.faults import active_faults

FIELDS = (
    "latency_ms", "http", "code", "message", "drop", "timeout", "effect", "cancel_later_s",
    "invalid_json", "delivery",
    "method", "path", "times", "chance", "seed", "expire_tokens", "reset",
)  # fmt: skip
MAX_LATENCY_MS = 60_000  # of latency
MAX_DELAY_S = 365 * 86400  # of a delay
METHODS = ("GET", "POST", "PUT", "DELETE")


class InvalidField(ValueError):
    """`field` cannot be used; the text says what it takes."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def apply_fault_request(values: Mapping[str, Any]) -> None:
    """Do what one POST to the faults asks: reset, seed, expire_tokens, and at most one new rule.
    Raises InvalidField, and then nothing was done.
    """
    of_call = {
        name: read(name, values[name]) for name, read in _CALL_READERS.items() if name in values
    }
    of_delivery = _read_delivery(values["delivery"]) if "delivery" in values else {}
    match = {
        name: read(name, values[name]) for name, read in _MATCH_READERS.items() if name in values
    }
    if "path" in match and not of_delivery:  # as the log prints it, or with a slash in front
        match["path"] = match["path"].removeprefix("/sandbox/api").lstrip("/")
    whole = {
        name: _true(name, values[name]) for name in ("reset", "expire_tokens") if name in values
    }
    seed = _read_seed(values["seed"]) if "seed" in values else None
    _check_combination(of_call, of_delivery, match)
    if not (of_call or of_delivery or whole or seed is not None):
        raise InvalidField("faults", f"Say what shall go wrong: {', '.join(FIELDS)}.")
    if "reset" in whole:
        active_faults.clear()
    if seed is not None:
        active_faults.set_seed(seed)
    if "expire_tokens" in whole:
        tokens.expire_all()
    if of_call or of_delivery:
        active_faults.add(of_call or of_delivery, of_delivery=bool(of_delivery), **match)


def _check_combination(
    of_call: Mapping[str, Any], of_delivery: Mapping[str, Any], match: Mapping[str, Any]
) -> None:
    if of_call and of_delivery:
        raise InvalidField("delivery", "A rule is for calls or for deliveries; send two.")
    if match and not (of_call or of_delivery):
        raise InvalidField(next(iter(match)), "It says when, but not what shall go wrong.")
    if of_delivery and "method" in match:
        raise InvalidField("method", "Deliveries are all POST.")
    answers = [name for name in ("http", "code", "message") if name in of_call]
    if answers and ("drop" in of_call or "timeout" in of_call):
        raise InvalidField(answers[0], "With drop or timeout there is no answer.")
    if "drop" in of_call and "timeout" in of_call:
        raise InvalidField("drop", "drop or timeout, not both.")
    if "effect" in of_call and not (answers or "drop" in of_call):
        raise InvalidField("effect", "effect goes with http, code, message or drop.")
    if (
        "cancel_later_s" in of_call
        and len(of_call.keys() - {"latency_ms", "timeout", "invalid_json"}) > 1
    ):
        raise InvalidField(
            "cancel_later_s", "cancel_later_s goes with latency_ms, timeout or invalid_json only."
        )
    if "code" in of_call and of_call["code"] == 0:
        raise InvalidField("code", "code 0 is success.")


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidField(name, f"{name} is a whole number from {low} to {high}.")
        return value

    return read


def _true(name: str, value: Any) -> bool:
    if value is not True:
        raise InvalidField(name, f"{name} is true or left out.")
    return True


def _latency(name: str, value: Any) -> int | list[int]:
    one = _whole(0, MAX_LATENCY_MS)
    if isinstance(value, list):
        if len(value) != 2 or one(name, value[0]) > one(name, value[1]):
            raise InvalidField(name, f"{name} is a number of milliseconds, or [least, most].")
        return value
    return one(name, value)


def _text(limit: int) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        try:
            return parsing.text(value, limit)
        except ValueError:
            raise InvalidField(name, f"{name} is a text of 1 to {limit} characters.") from None

    return read


def _method(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in METHODS:
        raise InvalidField(name, f"{name} is one of {', '.join(METHODS)}.")
    return value


def _chance(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value <= 1:
        raise InvalidField(name, f"{name} is a number above 0 and up to 1.")
    return float(value)


def _read_seed(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return _text(100)("seed", value)


def _format(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in ("json", "form"):
        raise InvalidField(name, f"{name} is json or form.")
    return value


def _read_delivery(value: Any) -> dict[str, Any]:
    known = ", ".join(_DELIVERY_READERS)
    if not isinstance(value, dict) or not value or value.keys() - _DELIVERY_READERS.keys():
        raise InvalidField("delivery", f"delivery is an object with some of {known}.")
    try:
        found = {name: _DELIVERY_READERS[name](name, item) for name, item in value.items()}
    except InvalidField as bad:
        raise InvalidField("delivery", str(bad)) from None
    if "drop" in found and len(found) > 1:
        raise InvalidField("delivery", "What is dropped is not sent in any other way.")
    return found


_CALL_READERS: dict[str, Callable[[str, Any], Any]] = {
    "latency_ms": _latency,
    "http": _whole(400, 599),
    "code": _whole(-(10**6), 10**6),
    "message": _text(500),
    "drop": _true,
    "timeout": _true,
    "effect": _true,
    "cancel_later_s": _whole(0, MAX_DELAY_S),
    "invalid_json": _true,
}
_DELIVERY_READERS: dict[str, Callable[[str, Any], Any]] = {
    "drop": _true,
    "delay_s": _whole(1, MAX_DELAY_S),
    "duplicate": _whole(1, 10),
    "reorder": _true,
    "format": _format,
}
_MATCH_READERS: dict[str, Callable[[str, Any], Any]] = {
    "method": _method,
    "path": _text(200),
    "times": _whole(1, 10_000),
    "chance": _chance,
}
