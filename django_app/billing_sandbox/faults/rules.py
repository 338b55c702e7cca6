"""Reads what the control API is told about faults. Everything that cannot be meant is refused, with
the field's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from billing_sandbox import parsing
from billing_sandbox.engine import tokens
from billing_sandbox.faults import in_force

FIELDS = (
    "latency_ms", "http", "code", "message", "drop", "timeout", "effect", "cancel_later_s",
    "invalid_json", "delivery",
    "method", "path", "times", "chance", "seed", "expire_tokens", "reset",
)  # fmt: skip
LONGEST_MS = 60_000  # of latency
LONGEST_S = 365 * 86400  # of a delay
METHODS = ("GET", "POST", "PUT", "DELETE")


class Bad(ValueError):
    """`field` cannot be used; the text says what it takes."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def apply(values: Mapping[str, Any]) -> None:
    """Do what one POST to the faults asks: reset, seed, expire_tokens, and at most one new rule.
    Raises Bad, and then nothing was done.
    """
    of_call = {name: read(name, values[name]) for name, read in _CALL.items() if name in values}
    of_delivery = _delivery(values["delivery"]) if "delivery" in values else {}
    match = {name: read(name, values[name]) for name, read in _MATCH.items() if name in values}
    if "path" in match and not of_delivery:  # as the log prints it, or with a slash in front
        match["path"] = match["path"].removeprefix("/sandbox/api").lstrip("/")
    whole = {
        name: _true(name, values[name]) for name in ("reset", "expire_tokens") if name in values
    }
    seed = _seed(values["seed"]) if "seed" in values else None
    _consistent(of_call, of_delivery, match)
    if not (of_call or of_delivery or whole or seed is not None):
        raise Bad("faults", f"Say what shall go wrong: {', '.join(FIELDS)}.")
    if "reset" in whole:
        in_force.clear()
    if seed is not None:
        in_force.sow(seed)
    if "expire_tokens" in whole:
        tokens.expire_all()
    if of_call or of_delivery:
        in_force.add(of_call or of_delivery, of_delivery=bool(of_delivery), **match)


def _consistent(
    of_call: Mapping[str, Any], of_delivery: Mapping[str, Any], match: Mapping[str, Any]
) -> None:
    if of_call and of_delivery:
        raise Bad("delivery", "A rule is for calls or for deliveries; send two.")
    if match and not (of_call or of_delivery):
        raise Bad(next(iter(match)), "It says when, but not what shall go wrong.")
    if of_delivery and "method" in match:
        raise Bad("method", "Deliveries are all POST.")
    answers = [name for name in ("http", "code", "message") if name in of_call]
    if answers and ("drop" in of_call or "timeout" in of_call):
        raise Bad(answers[0], "With drop or timeout there is no answer.")
    if "drop" in of_call and "timeout" in of_call:
        raise Bad("drop", "drop or timeout, not both.")
    if "effect" in of_call and not (answers or "drop" in of_call):
        raise Bad("effect", "effect goes with http, code, message or drop.")
    if (
        "cancel_later_s" in of_call
        and len(of_call.keys() - {"latency_ms", "timeout", "invalid_json"}) > 1
    ):
        raise Bad(
            "cancel_later_s", "cancel_later_s goes with latency_ms, timeout or invalid_json only."
        )
    if "code" in of_call and of_call["code"] == 0:
        raise Bad("code", "code 0 is success.")


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Bad(name, f"{name} is a whole number from {low} to {high}.")
        return value

    return read


def _true(name: str, value: Any) -> bool:
    if value is not True:
        raise Bad(name, f"{name} is true or left out.")
    return True


def _latency(name: str, value: Any) -> int | list[int]:
    one = _whole(0, LONGEST_MS)
    if isinstance(value, list):
        if len(value) != 2 or one(name, value[0]) > one(name, value[1]):
            raise Bad(name, f"{name} is a number of milliseconds, or [least, most].")
        return value
    return one(name, value)


def _text(limit: int) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        try:
            return parsing.text(value, limit)
        except ValueError:
            raise Bad(name, f"{name} is a text of 1 to {limit} characters.") from None

    return read


def _method(name: str, value: Any) -> str:
    if value not in METHODS:
        raise Bad(name, f"{name} is one of {', '.join(METHODS)}.")
    return str(value)


def _chance(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value <= 1:
        raise Bad(name, f"{name} is a number above 0 and up to 1.")
    return float(value)


def _seed(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return str(_text(100)("seed", value))


def _format(name: str, value: Any) -> str:
    if value not in ("json", "form"):
        raise Bad(name, f"{name} is json or form.")
    return str(value)


def _delivery(value: Any) -> dict[str, Any]:
    known = ", ".join(_DELIVERY)
    if not isinstance(value, dict) or not value or value.keys() - _DELIVERY.keys():
        raise Bad("delivery", f"delivery is an object with some of {known}.")
    try:
        found = {name: _DELIVERY[name](name, item) for name, item in value.items()}
    except Bad as bad:
        raise Bad("delivery", str(bad)) from None
    if "drop" in found and len(found) > 1:
        raise Bad("delivery", "What is dropped is not sent in any other way.")
    return found


_CALL: dict[str, Callable[[str, Any], Any]] = {
    "latency_ms": _latency,
    "http": _whole(400, 599),
    "code": _whole(-(10**6), 10**6),
    "message": _text(500),
    "drop": _true,
    "timeout": _true,
    "effect": _true,
    "cancel_later_s": _whole(0, LONGEST_S),
    "invalid_json": _true,
}
_DELIVERY: dict[str, Callable[[str, Any], Any]] = {
    "drop": _true,
    "delay_s": _whole(1, LONGEST_S),
    "duplicate": _whole(1, 10),
    "reorder": _true,
    "format": _format,
}
_MATCH: dict[str, Callable[[str, Any], Any]] = {
    "method": _method,
    "path": _text(200),
    "times": _whole(1, 10_000),
    "chance": _chance,
}
