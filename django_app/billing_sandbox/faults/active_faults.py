"""What shall go wrong: rules for API calls and for deliveries, in force for the next so many, or
until they are removed.

Of the rules that match, one applies: those for a number of times before those until removed, the
oldest first. So two rules for one time each are two mishaps one after the other. Random ones repeat
where a seed was given.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from http.client import responses as PHRASES
from random import Random
from typing import Any

from django.db import connections

from billing_sandbox.database import alias, exclusive
from billing_sandbox.models import Fault, Gateway

# Met by a rule only where the rule names a path: every client asks for a token before each call.
GET_TOKEN_PATH = "users/getToken"  # noqa: S105
MAX_REORDER_DELAY = 5  # seconds


@dataclass(frozen=True)
class CallFault:
    """What happens to one API call."""

    latency_ms: int = 0
    http: int | None = None
    code: int | None = None
    message: str | None = None
    drop: bool = False  # the connection is cut instead of an answer
    timeout: bool = False  # the call takes effect, and no answer ever comes
    effect: bool = False  # with http, code, drop: the call takes effect all the same
    cancel_later_s: int | None = None  # a cancel is accepted now and done after so many seconds
    invalid_json: bool = False  # the answer is cut in the middle

    @property
    def answers_itself(self) -> bool:
        """Whether the gateway's own answer is replaced by http, code and message."""
        return any(value is not None for value in (self.http, self.code, self.message))

    @property
    def takes_effect(self) -> bool:
        """Whether the call does its work."""
        return self.effect or self.timeout or not (self.drop or self.answers_itself)

    def refusal(self) -> tuple[int, int, str]:
        """HTTP status, code and message of the answer that the rule gives."""
        http = self.http or 200
        phrase = "결제 처리에 실패하였습니다." if http == 200 else PHRASES.get(http, "Unknown")
        return (
            http,
            -1 if self.code is None else self.code,
            phrase if self.message is None else self.message,
        )

    def __str__(self) -> str:
        return ", ".join(
            f"{name}={value}" for name, value in vars(self).items() if value not in (None, False, 0)
        )[:100]


def for_call(method: str, path: str) -> CallFault | None:
    """The rule for this call, used up by it. path: below the API's address."""

    def matches(rule: Fault) -> bool:
        if not rule.path and path.rstrip("/") == GET_TOKEN_PATH:
            return False
        if "cancel_later_s" in rule.effects and (method, path.rstrip("/")) != (
            "POST",
            "payments/cancel",
        ):
            return False  # other calls do not use it up
        return rule.method in ("", method) and rule.path in path

    taken = _take_matching(matches, of_delivery=False)
    return CallFault(**taken[1]) if taken else None


def for_delivery(url: str) -> dict[str, Any]:
    """The effects for one webhook about to be queued: drop, delay_s, duplicate, reorder (seconds to
    hold it back), format.
    """
    taken = _take_matching(lambda rule: rule.path in url, of_delivery=True)
    if not taken:
        return {}
    rule, effects = taken
    if effects.get(
        "reorder"
    ):  # the next three: held for 3, 2, 1 seconds, so they go out last first
        effects["reorder"] = (
            rule.left if rule.left is not None else 1 + int(_draw(rule) * MAX_REORDER_DELAY)
        )
        _save_draws(rule)
    return effects


def list_active() -> list[dict[str, Any]]:
    """The rules as they were given, with `left` (null: until removed), in the order in which they
    apply.
    """
    return [
        {
            "id": rule.pk,
            "of": "delivery" if rule.of_delivery else "call",
            "method": rule.method,
            "path": rule.path,
            "left": rule.left,
            "chance": rule.chance,
            "effects": rule.effects,
        }
        for rule in _rules()
    ]


def add(
    effects: dict[str, Any],
    *,
    of_delivery: bool,
    method: str = "",
    path: str = "",
    times: int | None = None,
    chance: float = 1,
) -> Fault:
    """One more rule. `effects` as of CallFault or for_delivery, already checked."""
    with exclusive():
        gateway, _ = Gateway.objects.get_or_create(pk=1)
        gateway.rules_made += 1
        gateway.save(update_fields=["rules_made"])
        return Fault.objects.create(
            number=gateway.rules_made,
            of_delivery=of_delivery,
            method=method,
            path=path,
            left=times,
            chance=chance,
            effects=effects,
        )


def set_seed(seed: str) -> None:
    """From now on random faults are drawn from `seed`: the same seed, rules and calls give the same
    mishaps. "" ends that.
    """
    with exclusive():
        Gateway.objects.update_or_create(pk=1, defaults={"seed": seed, "rules_made": 0})
        for number, rule in enumerate(Fault.objects.order_by("pk"), start=1):
            Fault.objects.filter(pk=rule.pk).update(number=number, draws=0)
            Gateway.objects.filter(pk=1).update(rules_made=number)


def seed() -> str:
    """The seed in force, or ""."""
    return Gateway.objects.filter(pk=1).values_list("seed", flat=True).first() or ""


def clear(pk: int | None = None) -> int:
    """Remove one rule, or all. Returns how many there were."""
    rules = Fault.objects.all() if pk is None else Fault.objects.filter(pk=pk)
    return rules.delete()[0]


def _rules() -> list[Fault]:
    return sorted(Fault.objects.order_by("pk"), key=lambda rule: rule.left is None)


def _take_matching(
    matches: Callable[[Fault], bool], *, of_delivery: bool
) -> tuple[Fault, dict[str, Any]] | None:
    """The first rule that matches and whose chance comes up (as it stood before this use), and its
    effects with ranges drawn.
    """
    if not _any_rule():
        return None
    with exclusive():
        for rule in _rules():
            if rule.of_delivery != of_delivery or not matches(rule):
                continue
            if rule.chance < 1 and _draw(rule) >= rule.chance:
                _save_draws(rule)
                continue
            effects = {
                name: _draw_between(rule, value) if isinstance(value, list) else value
                for name, value in rule.effects.items()
            }
            if rule.left == 1:
                rule.delete()
            elif rule.left is not None:
                Fault.objects.filter(pk=rule.pk).update(left=rule.left - 1)
            _save_draws(rule)
            return rule, effects
    return None


def _any_rule() -> bool:
    """A cheap look, because every call asks."""
    with connections[alias()].cursor() as cursor:
        cursor.execute("SELECT 1 FROM sandbox_fault LIMIT 1")
        return cursor.fetchone() is not None


def _draw(rule: Fault) -> float:
    rule.draws += 1
    found = seed()
    return (
        Random(f"{found}/{rule.number}/{rule.draws}").random()
        if found
        else secrets.randbelow(1_000_000) / 1_000_000
    )


def _draw_between(rule: Fault, limits: list[int]) -> int:
    low, high = limits
    return low + int(_draw(rule) * (high - low + 1))


def _save_draws(rule: Fault) -> None:
    if rule.pk:
        Fault.objects.filter(pk=rule.pk).update(draws=rule.draws)
