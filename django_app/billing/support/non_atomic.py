"""ATOMIC_REQUESTS and our addresses do not go together: what they commit must stand before and
whatever the gateway answers.
"""

from __future__ import annotations

from django.db import connections, transaction
from django.urls import URLPattern


def non_atomic(patterns: list[URLPattern]) -> list[URLPattern]:
    """The same patterns, whose views Django wraps in no transaction of any database, whatever
    ATOMIC_REQUESTS says. Twice: no change.
    """
    for pattern in patterns:
        for alias in connections:
            pattern.callback = transaction.non_atomic_requests(using=alias)(pattern.callback)
    return patterns
