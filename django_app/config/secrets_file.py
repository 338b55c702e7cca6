"""Keys: the file of the live ones, and the sandbox's own."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.env import ConfigurationError


@dataclass(frozen=True)
class Secrets:
    """What must never enter git or a log."""

    django_secret_key: str = field(repr=False)
    iamport_code: str
    iamport_key: str = field(repr=False)
    iamport_secret: str = field(repr=False)
    channels: Mapping[str, str] = field(default_factory=dict, repr=False)
    # Inicis' own, only for closing virtual accounts.
    pg_api_key: str = field(default="", repr=False)


def live_secrets(path: Path) -> Secrets:
    """Read settings_common.json.

    Raises ConfigurationError where the file is missing, unreadable, not JSON, or a value is
    missing, empty or still the placeholder of the example file.
    """
    example = "settings_common.example.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors put a mark first
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path} does not exist: copy {example} beside it and fill in its four values, "
            "or set IAMPORT_MODE=sandbox to try it without keys."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}."
        ) from None
    except (ValueError, RecursionError) as error:
        where = (
            f" (line {error.lineno}, column {error.colno})"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise ConfigurationError(
            f"{path} is not valid JSON{where}: compare it with {example}."
        ) from None

    def section(parent: Any, key: str) -> Any:
        value = parent.get(key) if isinstance(parent, dict) else None
        if not isinstance(value, dict):
            raise ConfigurationError(f'{path} has no section "{key}": compare it with {example}.')
        return value

    def text(parent: Any, name: str, key: str) -> str:
        value = parent.get(key)
        if not isinstance(value, str) or not value.strip():
            raise ConfigurationError(
                f'{path} has no value for "{key}" in section "{name}": it must be a text.'
            )
        if value.startswith("<") or "…" in value:
            raise ConfigurationError(
                f'{path} still has the placeholder for "{key}" in section "{name}": put your '
                "own value there."
            )
        if value != value.strip():
            raise ConfigurationError(
                f'{path} has spaces around the value of "{key}" in section "{name}": remove them.'
            )
        return value

    django, iamport = section(data, "django"), section(data, "iamport")
    if len(text(django, "django", "secret_key")) < 32:
        raise ConfigurationError(
            f'{path} has a "secret_key" that is too short in section "django": 50 random '
            "characters are right."
        )
    channels = iamport.get("channels") or {}
    if not isinstance(channels, dict):
        raise ConfigurationError(
            f'{path} has no object for "channels" in section "iamport": write {{"card": '
            '"channel-key-…"}}.'
        )
    return Secrets(
        django_secret_key=text(django, "django", "secret_key"),
        iamport_code=text(iamport, "iamport", "iamport_code"),
        iamport_key=text(iamport, "iamport", "iamport_key"),
        iamport_secret=text(iamport, "iamport", "iamport_secret"),
        channels={method: text(channels, "channels", method) for method in channels},
        pg_api_key=text(iamport, "iamport", "pg_api_key") if iamport.get("pg_api_key") else "",
    )


def sandbox_secrets(path: Path) -> Secrets:
    """The sandbox's own keys: made on first use, read ever after, never anybody's live keys. Safe
    when two processes start at once.
    """
    if not path.exists():
        made = {
            "secret_key": secrets.token_urlsafe(50),
            "iamport_code": f"imp{secrets.randbelow(10**8):08d}",
            "iamport_key": str(secrets.randbelow(9 * 10**15) + 10**15),
            "iamport_secret": secrets.token_hex(40),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, delete=False, encoding="utf-8"
        ) as draft:
            json.dump(made, draft, indent=2)
        with suppress(FileExistsError):  # another process was faster: its keys count
            os.link(draft.name, path)
        os.unlink(draft.name)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Secrets(
            data["secret_key"], data["iamport_code"], data["iamport_key"], data["iamport_secret"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"{path} cannot be read as the sandbox's keys: delete it, and new ones are made."
        ) from None
