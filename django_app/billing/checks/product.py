"""What the settings of billing say: keys, types, amounts, methods, hooks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.core.management import get_commands
from django.utils.module_loading import import_string

from billing.checks.addresses import addresses
from billing.conf import all_settings, conf
from billing.web.forms import pay_methods

SECRETS = ("IAMPORT_KEY", "IAMPORT_SECRET", "IAMPORT_PG_API_KEY")  # never shown
KEYS = ("IAMPORT_CODE", "IAMPORT_KEY", "IAMPORT_SECRET")
MODES = ("live", "sandbox")
HOOKS = {  # setting: what a project names there, and the id of the mistake
    "BILLING_BUYER": ('"billing.web.buyer.facts"', "billing.E004"),
    "BILLING_ANONYMIZE_USER": ('"members.leaving.forget", or "" for none', "billing.E009"),
}
LEAST = {
    "IAMPORT_CONNECT_SECONDS": 1,
    "BILLING_DOOR_SECONDS": 1,
    "BILLING_VBANK_DAYS": 1,
    "BILLING_SELF_CANCEL_DAYS": 0,
    "BILLING_CHECKOUTS_PER_MINUTE": 1,
    "BILLING_VALIDATIONS_PER_MINUTE": 1,
    "BILLING_CALLS_PER_HOUR": 1,
    "BILLING_RUBBISH_PER_MINUTE": 1,
}
MOST = 1_000_000
CLOSE_ENOUGH = 0.9  # of a name to one of ours: a slip of the hand


@register("billing")
def setting_types(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Keys that are missing, values of the wrong type, names that nobody reads."""
    found: list[CheckMessage] = []
    wrong = wrong_types()
    found += [
        Error(
            f"{name} is {_shown(name, given)}, which is not {wanted}.",
            hint=f"{name} = {all_settings()[name].default!r:.80}",
            id="billing.E006",
        )
        for name, (given, wanted) in wrong.items()
    ]
    found += [
        Error(
            f"{name} is not set: no payment can begin.",
            hint=f'{name} = "…" in the settings: {all_settings()[name].doc}.',
            id="billing.E007",
        )
        for name in KEYS
        if name not in wrong and not getattr(conf, name)
    ]
    if "IAMPORT_MODE" not in wrong and conf.IAMPORT_MODE not in MODES:
        found.append(
            Error(
                f"IAMPORT_MODE is {conf.IAMPORT_MODE!r}.",
                hint='"live", or "sandbox" for play money.',
                id="billing.E008",
            )
        )
    found += [
        Warning(
            f"{name} is no setting of billing, and nobody reads it.",
            hint=f"Did you mean {meant}?",
            id="billing.W013",
        )
        for name, meant in _slips()
    ]
    return found


def _shown(name: str, given: Any) -> str:
    """A value as `check` prints it, which ends up in logs."""
    return f"a {type(given).__name__}" if given and name in SECRETS else f"{given!r:.60}"


def wrong_types() -> dict[str, tuple[Any, str]]:
    """Setting → (its value, what it should be)."""
    found = {}
    for name, setting in all_settings().items():
        value, wanted = getattr(conf, name), setting.default
        if isinstance(wanted, bool):
            fits, words = isinstance(value, bool), "True or False"
        elif isinstance(wanted, int):
            fits, words = type(value) is int, "a whole number"
        elif isinstance(wanted, str):
            fits, words = isinstance(value, str), "a text"
        elif isinstance(wanted, Mapping):
            fits, words = isinstance(value, Mapping), "a dict"
        else:
            fits, words = isinstance(value, list | tuple), "a list"
        if not fits:
            found[name] = (value, words)
    return found


def _slips() -> list[tuple[str, str]]:
    """(name, the one that was meant) of settings that look like ours."""
    known = all_settings()
    return [
        (name, close[0])
        for name in dir(conf.django)
        if name.startswith(("BILLING_", "IAMPORT_")) and name not in known
        if (close := difflib.get_close_matches(name, known, n=1, cutoff=CLOSE_ENOUGH))
    ]


@register("billing")
def product_settings(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Amounts, methods and hooks, where their types are right."""
    wrong = wrong_types()
    found: list[CheckMessage] = []
    if "BILLING_PRESETS" not in wrong:
        found += _amounts()
    if not {"BILLING_METHODS", "IAMPORT_CHANNELS"} & set(wrong):
        found += _methods()
    found += [
        Error(f"{name} names nothing that can be imported.", hint=f"{name} = {hint}", id=number)
        for name, (hint, number) in HOOKS.items()
        if name not in wrong
        and not _is_function(getattr(conf, name))
        and (getattr(conf, name) or all_settings()[name].default)  # "" where none is the default
    ]
    found += _numbers(wrong)
    found += addresses(wrong)
    if "BILLING_NIGHTLY_COMMANDS" not in wrong:
        known = set(get_commands()) - {"nightly"}
        found += [
            Error(
                f"BILLING_NIGHTLY_COMMANDS holds {name!r}, which `nightly` cannot run.",
                hint="Names of the project's own commands.",
                id="billing.E028",
            )
            for name in conf.BILLING_NIGHTLY_COMMANDS
            if not isinstance(name, str) or name not in known
        ]
    return found


def _numbers(wrong: Mapping[str, Any]) -> list[CheckMessage]:
    """Those that mean nothing below their least, or far above."""
    return [
        Error(
            f"{name} is {getattr(conf, name)}, which is not a number from {least} to {MOST}.",
            hint=f"{name} = {all_settings()[name].default}",
            id="billing.E022",
        )
        for name, least in LEAST.items()
        if name not in wrong and not least <= getattr(conf, name) <= MOST
    ]


def _amounts() -> list[CheckMessage]:
    lowest, highest, step = (
        conf.BILLING_MIN_AMOUNT,
        conf.BILLING_MAX_AMOUNT,
        conf.BILLING_AMOUNT_STEP,
    )
    numbers = all(type(value) is int and value > 0 for value in (lowest, highest, step))
    if not numbers or lowest > highest or lowest % step or highest % step:
        return [
            Error(
                "The amounts do not fit together.",
                hint=(
                    "0 < BILLING_MIN_AMOUNT ≤ BILLING_MAX_AMOUNT, both multiples of "
                    "BILLING_AMOUNT_STEP."
                ),
                id="billing.E001",
            )
        ]
    if any(
        type(value) is not int or not lowest <= value <= highest or value % step
        for value in conf.BILLING_PRESETS
    ):
        return [
            Error(
                "A preset cannot be charged.",
                hint="Every value of BILLING_PRESETS must be an amount within the limits.",
                id="billing.E002",
            )
        ]
    return []


def _methods() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not all(isinstance(method, str) for method in conf.BILLING_METHODS):
        return [
            Error(
                "BILLING_METHODS holds something that is no text.",
                hint='BILLING_METHODS = ["card", "vbank"]',
                id="billing.E003",
            )
        ]
    if not pay_methods():
        found.append(
            Error(
                "No way to pay is offered.", hint='BILLING_METHODS = ["card", …]', id="billing.E003"
            )
        )
    unknown = sorted(
        set(map(str, conf.IAMPORT_CHANNELS)) - {method for method, _name in pay_methods()}
    )
    if unknown:
        found.append(
            Warning(
                f"A channel is configured for {unknown[0]!r}, which nobody can choose.",
                hint=(
                    "The keys of channels are values of BILLING_METHODS, or kakaopay, "
                    "naverpay, tosspay, payco."
                ),
                id="billing.W004",
            )
        )
    return found


def _is_function(dotted: str) -> bool:
    """Whether a hook can be called."""
    try:
        return callable(import_string(dotted))
    except Exception:  # noqa: BLE001  (whatever the project's module raises when it is loaded)
        return False
