"""A clock that tests move: days pass at once."""

from __future__ import annotations

import time as real_time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

from django.core.cache.backends import base, filebased, locmem
from django.utils import timezone

from billing.support import rate_limit


class Clock:
    """Time goes on as ever, and `advance` puts it ahead.

    Moved: `django.utils.timezone.now` however it was imported (defaults of model fields too), the
    sandbox gateway with its tokens and deadlines, billing's throttles, and Django's caches in
    memory and in files. Not moved: `time.time()` and `datetime.now()` in code of your own, signed
    cookies and links (they read `time.time()`), a cache server, and the database server's now()
    (the default of a column, `Now()` in a query).
    """

    def __init__(self) -> None:
        self.ahead = timedelta()

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Put the clock ahead by so much; returns the new time. A second time adds to the first.
        ValueError for less than nothing: the gateway's clock never goes back.
        """
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if step < timedelta():
            raise ValueError("the clock moves forward only")
        self.ahead += step
        return self.now()

    def now(self) -> datetime:
        """What `timezone.now()` says."""
        return timezone.now()

    def unix(self) -> float:
        """The same as unix seconds."""
        return real_time.time() + self.ahead.total_seconds()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside the block this clock is everybody's; after it time is as it was."""
        from billing_sandbox.engine import clock as gateway_clock

        with ExitStack() as patches:
            patches.enter_context(patch.object(timezone, "datetime", _moved_datetime(self)))
            patches.enter_context(
                patch.object(gateway_clock, "machine_time", lambda: int(self.unix()))
            )
            for module in (base, filebased, locmem, rate_limit):
                patches.enter_context(patch.object(module, "time", _MovedTime(self)))
            yield


class _MovedTime:
    """The module `time` with a `time()` that is ahead."""

    def __init__(self, clock: Clock) -> None:
        self.time = clock.unix

    def __getattr__(self, name: str) -> Any:
        return getattr(real_time, name)


def _moved_datetime(clock: Clock) -> type[datetime]:
    """`datetime` whose now() is ahead, for the one module that `timezone.now` looks it up in: the
    function itself stays, as other modules and model fields hold on to it.
    """

    class LikeDatetime(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class Moved(datetime, metaclass=LikeDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + clock.ahead

    return Moved
