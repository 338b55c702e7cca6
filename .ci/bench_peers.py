"""Measures the road of money beside django-payments and dj-stripe, and what else its speed needs.

python .ci/bench_peers.py PART [options]      everything on this machine, thrown away at the end

Parts; docs/performance.md says what their rows are:
  table      the peers and our rows in turn, several rounds, and the goals
  latency    calls and time of one verification where the gateway answers after 50 ms
  growth     charge page, history, webhook and spend with 1,000 and 1,000,000 transactions
  cpu        CPU of a full charge in gunicorn's worker, beside an older revision
  start      `make run` in a fresh clone
  profile    where the time of our webhook goes

1 where a goal is missed by more than a fifth.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import environment, postgres

DOCUMENT = environment.ROOT / "docs" / "performance.md"
Part = Callable[[argparse.Namespace], tuple[list[str], bool]]


def _table(options: argparse.Namespace) -> tuple[list[str], bool]:
    from peers import table

    return table.measure(options.rounds, options.seconds)


def _latency(options: argparse.Namespace) -> tuple[list[str], bool]:
    from peers import latency

    return latency.measure(options.number)


def _growth(options: argparse.Namespace) -> tuple[list[str], bool]:
    from peers import growth

    return growth.measure(options.rows, options.rounds)


def _cpu(options: argparse.Namespace) -> tuple[list[str], bool]:
    from peers import cpu

    return cpu.measure(options.against, options.number, options.rounds)


def _start(options: argparse.Namespace) -> tuple[list[str], bool]:
    from peers import cold_start

    return cold_start.measure()


def _profile(options: argparse.Namespace) -> tuple[list[str], bool]:
    from peers import profiled

    return profiled.measure(options.row, options.number)


PARTS: dict[str, Part] = {
    "table": _table, "latency": _latency, "growth": _growth, "cpu": _cpu, "start": _start,
    "profile": _profile,
}  # fmt: skip


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1, help="table: of a row in each round")
    parser.add_argument("--number", type=int, default=100, help="latency, cpu, profile: how often")
    parser.add_argument("--rows", type=int, nargs=2, default=[1_000, 1_000_000], help="growth")
    parser.add_argument("--against", default="9a4e139", help="cpu: the older revision")
    parser.add_argument("--row", default="charge", help="profile: one of peers/ours/rows.py")
    parser.add_argument(
        "--write", action="store_true", help=f"put the figures into {DOCUMENT.name}"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit that tidies up
    if not options.inside and options.part != "start":
        return _again_inside()
    lines, missed = PARTS[options.part](options)
    print("", *lines, "", sep="\n")
    if options.write:
        _write(options.part, lines)
    return 1 if missed else 0


def _write(part: str, lines: list[str]) -> None:
    """Put them between this part's marks in the document."""
    text = DOCUMENT.read_text()
    begin, end = f"<!-- bench-peers {part} -->\n", f"<!-- /bench-peers {part} -->"
    before, mark, rest = text.partition(begin)
    _old, ended, after = rest.partition(end)
    if not mark or not ended:
        raise SystemExit(f"{DOCUMENT.name} has no place for {part}")
    DOCUMENT.write_text("".join((before, begin, *(f"{line}\n" for line in lines), end, after)))


def _again_inside() -> int:
    """This program in an environment made for it."""
    packages = [*environment.PEERS] + ([] if postgres.debian_programs() else [postgres.PACKAGE])
    with tempfile.TemporaryDirectory(prefix="peers-environment-") as folder:
        python = environment.make(Path(folder), *packages)
        process = subprocess.Popen([str(python), __file__, *sys.argv[1:], "--inside"])
        try:
            return process.wait()
        finally:
            process.terminate()  # does nothing to one that has ended
            process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
