"""Plants the bugs of mutants.toml one at a time in a copy of the project, and shows which test
catches each.

    python .ci/mutants.py [--only WORD …] [--list] [--jobs N]

Before anything else the tests must pass without a mutant. 1 where one is not caught, or no longer
fits the sources.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / ".ci" / "mutants.toml"
LIVES = "django_app/billing/tests/test_lives.py"
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    "var",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "node_modules",
    "settings_common.json",
)
STEPS = "8000"  # of random lives: the normal run's and more, as most mutants are caught long before
LONGEST = 1800  # seconds for one mutant

Mutant = dict[str, Any]


class DoesNotFit(Exception):
    """The text to be replaced is not in its file exactly once."""


def plant(mutant: Mutant, tree: Path) -> None:
    """Edit the copy. Raises DoesNotFit."""
    for edit in mutant["edits"]:
        path = tree / "django_app" / edit["file"]
        source = path.read_text(encoding="utf-8")
        found = source.count(edit["old"])
        if found != 1:
            raise DoesNotFit(f"{mutant['name']}: {found} times in {edit['file']}:\n{edit['old']}")
        path.write_text(source.replace(edit["old"], edit["new"]), encoding="utf-8")


def tests_pass(test: str, database: str, tree: Path) -> tuple[bool, str]:
    """Whether this test passes in that tree, and the last lines that it printed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "--no-header",
        test,
    ]
    if database == "postgres":
        command = [sys.executable, ".ci/with_postgres.py", *command]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LIVES_", "DATABASE_URL"))
    }
    environment["LIVES_STEPS"] = STEPS
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: tests failed; all else is no verdict
        raise RuntimeError(
            f"pytest ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done.returncode == 0, done.stdout


def reason(output: str) -> str:
    """The assertion or exception that caught it, in one line."""
    lines = [line[1:].strip() for line in output.splitlines() if line.startswith("E ")]
    said = next(
        (line for line in lines if "Error" in line or "Exception" in line),
        lines[0] if lines else "",
    )
    return " ".join(said.split())[:110]


def with_a_copy(mutant: Mutant | None, test: str, database: str) -> tuple[bool, str, float]:
    """Run one test in a copy of the project, with this mutant planted: passed, output, seconds."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "project"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        if mutant is not None:
            plant(mutant, tree)
        started = time.monotonic()
        passed, output = tests_pass(test, database, tree)
        return passed, output, time.monotonic() - started


def run(mutants: list[Mutant], jobs: int) -> int:
    """Control runs, then all mutants; how many were not caught."""
    plans = [
        (mutant, mutant.get("test", LIVES), mutant.get("database", "sqlite")) for mutant in mutants
    ]
    with ThreadPoolExecutor(jobs) as pool:
        for test, database in sorted({(test, database) for _, test, database in plans}):
            passed, output, seconds = with_a_copy(None, test, database)
            print(f"control     {seconds:5.0f} s  {test} on {database}", flush=True)
            if not passed:
                sys.exit(f"This test fails without a mutant:\n{output[-4000:]}")
        missed = 0
        for (mutant, _, database), (passed, output, seconds) in zip(
            plans, pool.map(lambda plan: with_a_copy(*plan), plans), strict=True
        ):
            missed += passed
            verdict = "NOT CAUGHT" if passed else "caught    "
            where = " (PostgreSQL)" if database == "postgres" else ""
            print(
                f"{verdict}  {seconds:5.0f} s  {mutant['name']}{where}: "
                f"{mutant['why'] if passed else reason(output)}",
                flush=True,
            )
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", help="mutants whose names hold one of these words"
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="print them and check that each fits the sources; run nothing",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at once")
    asked = parser.parse_args()
    mutants: list[Mutant] = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    if asked.only:
        mutants = [
            mutant
            for mutant in mutants
            if any(word.lower() in mutant["name"].lower() for word in asked.only)
        ]
    try:
        check(mutants)
    except DoesNotFit as error:
        sys.exit(f"This mutant does not fit the sources any more: {error}")
    if asked.list:
        for mutant in mutants:
            print(f"{mutant['name']}: {mutant['why']}")
        return
    missed = run(mutants, asked.jobs)
    print(f"{len(mutants) - missed} of {len(mutants)} mutants caught")
    sys.exit(1 if missed or not mutants else 0)


def check(mutants: list[Mutant]) -> None:
    """Plant each in a copy of its own files. Raises DoesNotFit."""
    for mutant in mutants:
        with tempfile.TemporaryDirectory() as folder:
            for edit in mutant["edits"]:
                copy = Path(folder) / "django_app" / edit["file"]
                copy.parent.mkdir(parents=True, exist_ok=True)
                if not copy.exists():
                    shutil.copy(ROOT / "django_app" / edit["file"], copy)
            plant(mutant, Path(folder))


if __name__ == "__main__":
    main()
