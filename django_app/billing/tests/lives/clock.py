"""One clock for our side and for the gateway: weeks pass at once, and no step depends on how fast
this machine is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch

from django.core.cache.backends import base, locmem
from django.utils import timezone

import billing_sandbox.engine.clock
from billing.support import rate_limit

START = datetime(2027, 3, 2, 1, 0, tzinfo=UTC)


class Clock:
    """`now` moves only when somebody lets time pass."""

    def __init__(self) -> None:
        self.now = START

    def unix(self) -> float:
        return self.now.timestamp()

    def let_pass(self, **period: float) -> None:
        self.now += timedelta(**period)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything that asks for the time gets this clock's: rows, ages, throttles, the cache,
        the sandbox.
        """
        machine = SimpleNamespace(time=self.unix)
        with ExitStack() as patches:
            patches.enter_context(patch.object(timezone, "now", lambda: self.now))
            patches.enter_context(
                patch.object(billing_sandbox.engine.clock, "machine_time", lambda: int(self.unix()))
            )
            for module in (base, locmem, rate_limit):
                patches.enter_context(patch.object(module, "time", machine))
            yield
