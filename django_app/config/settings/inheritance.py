"""How one settings module builds on another, without star-imports."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def settings_of(module: ModuleType) -> dict[str, Any]:
    """The settings that a module holds: its names in capitals."""
    return {name: value for name, value in vars(module).items() if name.isupper()}
