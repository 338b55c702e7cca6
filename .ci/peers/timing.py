"""Running one thing many times, in one thread or in several that begin together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """wall: seconds from the first begin to the last end. cpu: seconds of this process meanwhile,
    all its threads; the database server's are not in it."""

    wall: float
    cpu: float


def run(
    act: Callable[[T], Any],
    items: Sequence[T],
    *,
    threads: int,
    connect: Callable[[], Any],
    finish: Callable[[], Any],
    disconnect: Callable[[], Any],
) -> Measured:
    """Do `act` with each item once, shared among the threads.

    connect: before the clock runs, in each thread, so that nobody pays for a new connection.
    finish: while the clock still runs, once: work that `act` put off counts. disconnect: at each
    thread's end. Whatever is raised is raised here.
    """
    together, errors = threading.Barrier(threads + 1), []

    def work(part: Sequence[T]) -> None:
        try:
            connect()
            together.wait()
            for item in part:
                act(item)
        except BaseException as error:  # noqa: BLE001  (raised again by the caller)
            errors.append(error)
            together.abort()
        finally:
            disconnect()

    workers = [
        threading.Thread(target=work, args=(items[begin::threads],)) for begin in range(threads)
    ]
    for each in workers:
        each.start()
    try:
        together.wait()
    except threading.BrokenBarrierError:
        raise errors[0] from None
    wall, cpu = time.perf_counter(), time.process_time()
    for each in workers:
        each.join()
    finish()
    measured = Measured(time.perf_counter() - wall, time.process_time() - cpu)
    if errors:
        raise errors[0]
    return measured
