"""Django's cache as we use it: shared by all processes, and never the reason why a payment fails.

A cache that is down is logged and treated as empty: tokens are then fetched for every call (the
gateway repeats the same one), and throttles let everybody in.
"""

from __future__ import annotations

import logging
from typing import Any

from django.core.cache import cache

logger = logging.getLogger(__name__)


def get(key: str, default: Any = None) -> Any:
    """The value of `key`, or `default`."""
    try:
        return cache.get(key, default)
    except Exception as error:  # noqa: BLE001  (every backend has its own)
        logger.warning("the cache does not answer: %s", type(error).__name__)
        return default


def set(key: str, value: Any, *, seconds: int) -> None:
    """Keep `value` for `seconds`."""
    try:
        cache.set(key, value, timeout=seconds)
    except Exception as error:  # noqa: BLE001
        logger.warning("the cache does not answer: %s", type(error).__name__)


def add(key: str, *, seconds: int) -> bool:
    """True for the first caller within `seconds`."""
    try:
        return cache.add(key, 1, timeout=seconds)
    except Exception as error:  # noqa: BLE001
        logger.warning("the cache does not answer: %s", type(error).__name__)
        return True
