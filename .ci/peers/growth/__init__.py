"""Whether the road of money takes longer with a million transactions than with a thousand: charge
page, history, webhook to credited points, spend.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from peers import environment, postgres
from peers.goals import MOST_GROWTH, SLACK
from peers.sites import Site, migrate, run, surroundings

ROWS = ("charge page", "history", "webhook", "spend")
ACTS = 40  # of each row in each round


def measure(sizes: list[int], rounds: int) -> tuple[list[str], bool]:
    """(lines of Markdown, whether something grows). sizes: transactions of the two databases."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name, postgres.server() as server:
        with ExitStack() as stack:
            opened = [_site(server, size, Path(name)) for size in sizes]
            for site in opened:
                stack.callback(site.close)
            found = {(row, site.name): [] for row in ROWS for site in opened}
            for round_ in range(rounds + 1):
                for row in ROWS:
                    for site in opened:
                        wall = site.run(row, 1, ACTS).wall
                        if round_:  # in the first, everything that happens once happens
                            found[row, site.name].append(wall / ACTS * 1_000)
        heading = (
            f"{environment.versions()}, PostgreSQL {server.version} with fsync, "
            f"{os.cpu_count()} cores; the median of {rounds} rounds"
        )
    few, many = opened[0].name, opened[1].name
    lines = [f"| ms | with {sizes[0]:,} | with {sizes[1]:,} | ratio |", "|---|---:|---:|---:|"]
    wrong = False
    for row in ROWS:
        pairs = zip(found[row, few], found[row, many], strict=True)
        ratio = statistics.median(after / before for before, after in pairs)
        wrong |= ratio > MOST_GROWTH * (1 + SLACK)
        medians = [statistics.median(found[row, each]) for each in (few, many)]
        lines.append(f"| {row} | {medians[0]:.1f} | {medians[1]:.1f} | {ratio:.2f} |")
    return [heading, "", *lines], wrong


def _site(server: postgres.Server, size: int, folder: Path) -> Site:
    """A site whose tables hold so many made-up transactions. The rows are made in sandbox mode, the
    only one that takes them, by the settings of our tests.
    """
    print(f"Making {size:,} transactions …", flush=True)
    around = surroundings("ours", server.create(f"rows_{size}"), folder)
    around |= {"DJANGO_SETTINGS_MODULE": "config.settings.test", "IAMPORT_MODE": "sandbox"}
    migrate(around)
    days = str(max(30, min(1_000, size // 1_000)))
    run(around, "django", "make_bench_data", "--rows", str(size), "--days", days)
    return Site(f"growth-{size}", around, folder, "growth")
