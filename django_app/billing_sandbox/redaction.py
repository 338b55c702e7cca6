"""What may stand in the log: no key, no secret, nothing that a terminal or a database stumbles
over.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from billing_sandbox.conf import conf

# Keys, and what a call says about a card or a person.
_HIDDEN = {
    "imp_key",
    "imp_secret",
    "access_token",
    "card_number",
    "expiry",
    "birth",
    "pwd_2digit",
    "cvc",
    "identifier",
}
_STARS = "***"


def printable(text: str) -> str:
    """`text` with the merchant's key and secret starred wherever they stand, and unprintable
    characters replaced.
    """
    for hidden in (conf.secret, conf.key):
        if hidden:
            text = text.replace(hidden, _STARS)
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def redacted_body(values: Any) -> str:
    """A parsed body as text, "" for an empty one."""
    if not values:
        return ""
    try:
        return printable(json.dumps(_starred(values), ensure_ascii=False, default=str))
    except RecursionError:
        return "(nested too deeply to be shown)"


def redacted_query(text: str) -> str:
    """A query string, "" for one that cannot be read."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return ""
    return printable(
        urlencode([(name, _STARS if name in _HIDDEN else value) for name, value in pairs])
    )


def _starred(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _STARS if name in _HIDDEN else _starred(item) for name, item in value.items()}
    return [_starred(item) for item in value] if isinstance(value, list) else value
