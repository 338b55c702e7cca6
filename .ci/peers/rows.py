"""What a row of the table is, and the process of one site that runs its rows when it is told to.

python -m peers.rows MODULE: lines on standard input name a row of the module's `ROWS`, threads and
how often; one line each is answered.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import django

from peers import timing


class Row:
    """One thing that is measured."""

    def prepare(self, number: int) -> Sequence[Any]:
        """Make what so many acts need, before the clock runs."""
        raise NotImplementedError

    def act(self, item: Any) -> None:
        """Do it once. In any thread."""
        raise NotImplementedError

    def check(self, items: Sequence[Any]) -> None:
        """Raise where not each of them was done: a broken run must not look fast."""
        raise NotImplementedError

    def connect(self) -> None:
        """Open what a thread needs for `act`."""

    def finish(self) -> None:
        """Wait for work that `act` put off."""

    def disconnect(self) -> None:
        """Close what `connect` opened."""


def expect(what: str, found: object, wanted: object) -> None:
    """Raise where they differ."""
    if found != wanted:
        raise SystemExit(f"{what}: {found!r} instead of {wanted!r}")


def run(row: Row, threads: int, number: int) -> timing.Measured:
    """Prepare, measure, check."""
    items = row.prepare(number)
    measured = timing.run(
        row.act,
        items,
        threads=threads,
        connect=row.connect,
        finish=row.finish,
        disconnect=row.disconnect,
    )
    row.check(items)
    return measured


def main() -> None:
    """Answer until standard input ends."""
    django.setup()
    rows: dict[str, Row] = importlib.import_module(sys.argv[1]).ROWS
    # Answers go where the questions' side reads; whatever the site prints goes to the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        name, threads, number = json.loads(line)
        measured = run(rows[name], threads, number)
        print(json.dumps([measured.wall, measured.cpu]), file=answers, flush=True)


if __name__ == "__main__":
    main()
