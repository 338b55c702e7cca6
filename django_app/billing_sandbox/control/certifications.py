"""The control API's certify: an identity check without its window."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing
from billing_sandbox.control.endpoint import ControlError, control_view
from billing_sandbox.engine import certifications

_TEXTS = {"name": 40, "phone": 16, "carrier": 8, "merchant_uid": 40, "origin": 300}


@control_view("POST", *_TEXTS, "birthday", "gender", "foreigner")
def certify(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Somebody proves who they are, without a window: `{"imp_uid"}`. What is left out is
    made up.
    """
    facts: dict[str, Any] = {}
    for name, value in values.items():
        try:
            facts[name] = (
                _READERS[name](value) if name in _READERS else parsing.text(value, _TEXTS[name])
            )
        except ValueError:
            raise ControlError(name, f"{name} is missing or not usable.") from None
    return {"imp_uid": certifications.create(**facts).imp_uid}


def _birthday(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise ValueError("not YYYY-MM-DD")
    return date.fromisoformat(value).isoformat()


def _gender(value: Any) -> str:
    if not isinstance(value, str) or value not in ("male", "female"):
        raise ValueError("male or female")
    return value


def _foreigner(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


_READERS = {"birthday": _birthday, "gender": _gender, "foreigner": _foreigner}
