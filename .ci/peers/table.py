"""The table: all rows in turn, several rounds, medians, and the goals as ratios of each round."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from peers import environment, postgres
from peers.goals import GOALS, Rates
from peers.sites import Site, sites
from peers.timing import Measured

# Site and row → its name in the table, and with how many threads it runs.
ROWS = {
    "floor/psycopg": ("plain psycopg: delivery, lock, balance, ledger; 1 commit", (1, 4)),
    "floor/psycopg-ours": ("plain psycopg: our 2 commits, 8 statements", (1, 4)),
    "floor/view": ("an empty Django view with those 8 by cursor", (1, 4)),
    "payments_site/dummy": ("django-payments: callback of its dummy, nobody asked", (1, 4)),
    "payments_site/callback": ("django-payments: callback, verified at the gateway", (1, 4)),
    "stripe_site/delivery": ("dj-stripe: signed webhook, delivery and event stored", (1, 4)),
    "stripe_site/webhook": ("dj-stripe: signed webhook, charge fetched and stored", (1, 4)),
    "ours/charge": ("**ours: webhook to credited points**", (1, 4)),
    "ours/charge-silent": ("… without mail", (1, 4)),
    "ours/charge-hot": ("… one member pays everything", (4,)),
    "ours/duplicate": ("… a duplicate", (1, 4)),
    "ours/start": ("… start of an attempt", (1, 4)),
    "ours/checkout": ("… checkout over HTTP", (1, 4)),
    "sqlite/charge": ("ours on SQLite: webhook to credited points", (1,)),
}
WARM_UP = 30  # acts whose time does not count
MOST = 3_000  # acts of one row in one round

Found = dict[tuple[str, int], list[tuple[float, float]]]  # a second, CPU seconds each; by round


def measure(rounds: int, seconds: float) -> tuple[list[str], bool]:
    """(lines of Markdown, whether a goal is missed). seconds: of each row in each round, about."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name, postgres.server() as server:
        with sites(server, Path(name)) as opened:
            numbers = {row: _calibrate(opened, row, seconds) for row in ROWS}
            found: Found = defaultdict(list)
            for round_ in range(rounds):
                print(f"Round {round_ + 1} of {rounds} …", flush=True)
                for row, (_label, threads) in ROWS.items():
                    for each in threads:
                        measured = _run(opened, row, each, numbers[row])
                        found[row, each].append(
                            (numbers[row] / measured.wall, measured.cpu / numbers[row])
                        )
        heading = (
            f"{environment.versions()}, PostgreSQL {server.version} with fsync, "
            f"{os.cpu_count()} cores; {rounds} rounds"
        )
    missed, goals = _goals(found)
    return [heading, "", *_table(found), "", *goals], missed


def _run(opened: dict[str, Site], row: str, threads: int, number: int) -> Measured:
    site, _, name = row.partition("/")
    return opened[site].run(name, threads, number)


def _calibrate(opened: dict[str, Site], row: str, seconds: float) -> int:
    """How often the row runs in each round; by then everything that happens once has happened."""
    for threads in ROWS[row][1]:
        _run(opened, row, threads, WARM_UP)
    measured = _run(opened, row, ROWS[row][1][0], WARM_UP)
    return max(WARM_UP, min(MOST, round(WARM_UP / measured.wall * seconds)))


def _table(found: Found) -> list[str]:
    """How often a second, and the CPU that one act takes in the process, each the rounds' median.
    The spread is from the slowest round to the fastest."""
    lines = [
        "| a second | 1 thread | spread | 4 threads | spread | CPU ms each |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row, (label, threads) in ROWS.items():
        cells = []
        for each in (1, 4):
            rates = [rate for rate, _cpu in found.get((row, each), [])]
            cells += (
                [f"{statistics.median(rates):,.0f}", f"{min(rates):,.0f}–{max(rates):,.0f}"]
                if rates
                else ["", ""]
            )
        cpu = statistics.median(cpu for _rate, cpu in found[row, threads[0]])
        lines.append(f"| {label} | {' | '.join(cells)} | {cpu * 1_000:.2f} |")
    return lines


def _goals(found: Found) -> tuple[bool, list[str]]:
    """Whether one is missed, and the table of them."""
    rounds = len(next(iter(found.values())))
    rates: list[Rates] = [
        {row: each[round_][0] for row, each in found.items()} for round_ in range(rounds)
    ]
    of_cpu: list[Rates] = [
        {row: 1 / each[round_][1] for row, each in found.items()} for round_ in range(rounds)
    ]
    lines = [
        "| goal, as a ratio of each round | at least | found | by CPU alone | |",
        "|---|---:|---:|---:|---|",
    ]
    missed = False
    for goal in GOALS:
        ratio = statistics.median(goal.ratio(each) for each in rates)
        missed |= goal.missed(ratio)
        star = f" (star {goal.star:g})" if goal.star else ""
        words = "**missed**" if goal.missed(ratio) else "nearly" if ratio < goal.at_least else "✓"
        if goal.star and ratio >= goal.star:
            words = "★"
        cpu = f"{statistics.median(goal.ratio(each) for each in of_cpu):.2f}" if goal.by_cpu else ""
        lines.append(
            f"| {goal.words} | {goal.at_least:.2f}{star} | {ratio:.2f} | {cpu} | {words} |"
        )
    return missed, lines
