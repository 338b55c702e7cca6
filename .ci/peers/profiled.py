"""Where the time of one row goes: cProfile over many acts in one thread.

python -m peers.profiled ROW NUMBER: the process of our site; it prints the functions that take
most, by themselves and with what they call. The clock is the thread's CPU, so that neither the
database nor anything else on this machine is in it. cProfile makes calls dearer than they are:
shares tell, milliseconds do not.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path

from peers import postgres, rows, sites

SHOWN = 25


def measure(row: str, number: int) -> tuple[list[str], bool]:
    """(lines, False: no goal is set)."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name, postgres.server() as server:
        around = sites.surroundings("ours", server.create("ours"), Path(name))
        sites.migrate(around)
        said = sites.run(around, "peers.profiled", row, str(number))
    return ["```", *(line for line in said.splitlines() if line.strip()), "```"], False


def main() -> None:
    """Print the profile."""
    import django

    django.setup()
    from peers.ours.rows import ROWS

    row, number = ROWS[sys.argv[1]], int(sys.argv[2])
    rows.run(row, 1, 30)  # what happens once has happened
    items = row.prepare(number)
    row.connect()
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    for item in items:
        row.act(item)
    profile.disable()
    row.finish()
    row.check(items)
    row.disconnect()
    stats = pstats.Stats(profile)
    print(f"{number} acts of {sys.argv[1]}, {stats.total_tt / number * 1_000:.2f} ms each")
    stats.sort_stats("cumtime").print_stats("django_app", SHOWN)  # ours alone
    for order in ("tottime", "cumtime"):
        stats.strip_dirs().sort_stats(order).print_stats(SHOWN)


if __name__ == "__main__":
    main()
