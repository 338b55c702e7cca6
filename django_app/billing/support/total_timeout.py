"""A time limit for a whole HTTP exchange.

The read timeout of requests is one of silence: a server that sends a byte now and then, in the
headers or in the body, never reaches it. Here a watchdog shuts the socket down when the time is
over, and the read that waits on it fails at once.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_exchange = threading.local()


class _Watch:
    """One exchange: the socket it reads from, once there is one."""

    def __init__(self) -> None:
        self.socket: Any = None
        self.done = False

    def cut(self) -> None:
        """Time is over."""
        if self.socket is not None and not self.done:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class _Watched:
    """A connection that says which socket it is about to read from."""

    sock: Any

    def getresponse(self) -> Any:
        watch = getattr(_exchange, "watch", None)
        if watch is not None:
            watch.socket = self.sock
        return super().getresponse()  # type: ignore[misc]


class _Http(_Watched, HTTPConnection):
    pass


class _Https(_Watched, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class TotalTimeoutAdapter(HTTPAdapter):
    """requests' adapter with connections that `time_limit` can cut."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


class _Watchdog:
    """One thread that cuts off every exchange whose time is over. A timer for each exchange would
    be a thread for each, at the price of several statements.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, _Watch]] = []  # a heap, by time
        self._changed = threading.Condition()
        self._number = itertools.count()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    def guard(self, watch: _Watch, seconds: float) -> None:
        """Cut `watch` off in so many seconds, unless it is done by then."""
        until = time.monotonic() + seconds
        with self._changed:
            heapq.heappush(self._waiting, (until, next(self._number), watch))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="billing-time-limit", daemon=True
                )
                self._thread.start()
            elif until < self._wakes_at:
                self._changed.notify()

    def release(self, watch: _Watch) -> None:
        """The exchange has ended; its socket may serve another one from now on."""
        with self._changed:
            watch.done, watch.socket = True, None  # it waits in the heap for its time

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                while self._waiting and (self._waiting[0][2].done or self._waiting[0][0] <= now):
                    heapq.heappop(self._waiting)[2].cut()
                self._wakes_at = self._waiting[0][0] if self._waiting else math.inf
                left = self._wakes_at - now
                self._changed.wait(None if left == math.inf else left)


_watchdog = _Watchdog()


def _after_fork() -> None:
    """A child process has no thread of its parent, and no exchange of its own yet."""
    global _watchdog
    _watchdog = _Watchdog()


if hasattr(os, "register_at_fork"):  # not where nothing forks
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Cut this thread's exchange off after `seconds`; None: no limit of its own."""
    if seconds is None:
        yield
        return
    watch = _exchange.watch = _Watch()
    _watchdog.guard(watch, seconds)
    try:
        yield
    finally:
        _watchdog.release(watch)
        _exchange.watch = None
