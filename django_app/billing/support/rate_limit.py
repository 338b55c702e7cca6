"""Counting in the shared cache. Exact within a process; two processes may both let the last
one in.
"""

import threading
import time

from billing.support import safe_cache

_one_at_a_time = threading.Lock()


def allow(what: str, *, at_most: int, seconds: int) -> bool:
    """Count one more `what`; False once there were `at_most` in this window of `seconds` (windows
    begin at multiples of it).

    get and put, because cache.incr gives the entry the cache's default lifetime on some backends.
    """
    key = f"billing-throttle-{what}-{int(time.time() // seconds)}"
    with _one_at_a_time:
        used: int = safe_cache.get(key, 0)
        safe_cache.set(key, used + 1, seconds=seconds)
    return used < at_most
