"""Where the time of one row goes: cProfile over many acts in one thread.

python -m peers.profiled MODULE ROW NUMBER: prints the functions that take most, by themselves and
with what they call. cProfile makes calls dearer than they are: shares tell, milliseconds do not.
"""

from __future__ import annotations

import cProfile
import importlib
import pstats
import sys

import django

from peers import rows

SHOWN = 25


def main() -> None:
    """Print the profile."""
    module, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    django.setup()
    row: rows.Row = importlib.import_module(module).ROWS[name]
    rows.run(row, 1, 30)  # what happens once has happened
    items = row.prepare(number)
    row.connect()
    profile = cProfile.Profile()
    profile.enable()
    for item in items:
        row.act(item)
    profile.disable()
    row.finish()
    row.check(items)
    row.disconnect()
    stats = pstats.Stats(profile).strip_dirs()
    print(f"{number} acts of {name}, {stats.total_tt / number * 1_000:.2f} ms each when profiled")
    for order in ("tottime", "cumtime"):
        stats.sort_stats(order).print_stats(SHOWN)


if __name__ == "__main__":
    main()
