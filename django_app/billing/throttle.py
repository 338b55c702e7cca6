"""Counting in the shared cache. Close enough for a cap, not a lock: two processes may both be the last one let in."""

import time

from django.core.cache import cache


def allow(what: str, *, at_most: int, seconds: int) -> bool:
    """Count one more `what`; False once there were `at_most` in this window of `seconds` (windows begin at multiples of it).

    get and set, because cache.incr gives the entry the cache's default lifetime on some backends.
    """
    key = f"billing-throttle-{what}-{int(time.time() // seconds)}"
    used = cache.get(key, 0)
    cache.set(key, used + 1, timeout=seconds)
    return used < at_most
