"""A time limit for a whole HTTP exchange.

The read timeout of requests is one of silence: a server that sends a byte now and then, in the
headers or in the body, never reaches it. Here a timer shuts the socket down when the time is over,
and the read that waits on it fails at once.
"""

from __future__ import annotations

import socket
import threading
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

    def cut(self) -> None:
        """Time is over."""
        if self.socket is not None:
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


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Cut this thread's exchange off after `seconds`; None: no limit of its own."""
    if seconds is None:
        yield
        return
    watch = _Watch()
    timer = threading.Timer(seconds, watch.cut)
    timer.daemon = True
    _exchange.watch = watch
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _exchange.watch = None
