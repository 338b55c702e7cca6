"""Measures the road of money beside django-payments and dj-stripe, and what else its speed needs.

python .ci/bench_peers.py PART [options]      everything on this machine, thrown away at the end

Parts, each of which ends with 1 where a goal is missed by more than a fifth:
  table      the peers and our rows in turn, several rounds (docs/performance.md says what each is)
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import environment, postgres

DOCUMENT = environment.ROOT / "docs" / "performance.md"


def main() -> int:
    """Print the figures; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["table"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1, help="of each row in each round, about")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.name}")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit that tidies up
    if not options.inside:
        return _again_inside()
    from peers import table

    lines, missed = table.measure(options.rounds, options.seconds)
    print("", *lines, "", sep="\n")
    return 1 if missed else 0


def _again_inside() -> int:
    """This program in an environment made for it."""
    packages = [*environment.PEERS] + ([] if postgres.debian_programs() else [postgres.PACKAGE])
    with tempfile.TemporaryDirectory(prefix="peers-environment-") as folder:
        python = environment.make(Path(folder), *packages)
        command = [str(python), __file__, *sys.argv[1:], "--inside"]
        process = subprocess.Popen(command)
        try:
            return process.wait()
        finally:
            process.terminate()  # does nothing to one that has ended
            process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
