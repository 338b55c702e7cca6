"""Our side as a process that ends, or is held up, between any two of its steps.

A step is: before and after each transaction of ours, before its commit, before each call to the
gateway, and after the gateway has done it. While it is held up other processes are at work:
whatever they do then is done from beginning to end, inside that one step.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction


class Killed(BaseException):
    """The process is gone: nothing of ours catches it."""


class Process:
    """Counts steps, and interrupts at the one that was chosen."""

    def __init__(self) -> None:
        self._left = 0
        self._meanwhile: Callable[[], None] | None = None

    def interrupt(self, after: int, meanwhile: Callable[[], None] | None) -> None:
        """At the `after`th step from now the process ends, or `meanwhile` happens before it goes
        on. One plan at a time.
        """
        self._left, self._meanwhile = after, meanwhile

    def never_mind(self) -> None:
        self._left, self._meanwhile = 0, None

    def step(self, *, can_wait: bool = True) -> None:
        """One step. can_wait: no lock is held, so that others could be at work for long."""
        if not self._left or (self._meanwhile and not can_wait):
            return
        self._left -= 1
        if not self._left:
            meanwhile, self._meanwhile = self._meanwhile, None
            if meanwhile is None:
                raise Killed
            meanwhile()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every transaction that a module of ours opens is steps of this process."""
        ours = [
            module
            for name, module in sys.modules.items()
            if name.startswith("billing.") and ".tests" not in name
        ]
        with ExitStack() as patches:
            for module in ours:
                if getattr(module, "transaction", None) is transaction:
                    patches.enter_context(patch.object(module, "transaction", _Transaction(self)))
            yield


class _Transaction:
    """django.db.transaction, with steps around atomic."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return getattr(transaction, name)

    @contextmanager
    def atomic(self, *args: Any, **how: Any) -> Iterator[None]:
        alone = not connection.in_atomic_block
        self._process.step(can_wait=alone)
        with transaction.atomic(*args, **how):
            yield
            self._process.step(can_wait=False)
        self._process.step(can_wait=alone)
