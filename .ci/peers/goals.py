"""What the road of money must reach, as ratios within one run: the one place where goals stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# A goal is missed where its ratio stays below it by more than this: others use the machine too.
SLACK = 0.2

# Of one round: (row, threads) → how often a second, of the clock or of CPU.
Rates = dict[tuple[str, int], float]


@dataclass(frozen=True)
class Goal:
    """ratio: of one round's rates; at least `at_least`, and `star` where we wish for more.
    by_cpu: whether rates of CPU tell something too, which others on the machine disturb less.
    """

    words: str
    ratio: Callable[[Rates], float]
    at_least: float
    star: float | None = None
    by_cpu: bool = True

    def missed(self, found: float) -> bool:
        """By more than the slack."""
        return found < self.at_least * (1 - SLACK)


def _of(row: str, other: str, threads: int = 1) -> Callable[[Rates], float]:
    return lambda rates: rates[row, threads] / rates[other, threads]


def _scaling(rates: Rates) -> float:
    """How well we use four threads, against the better peer."""

    def of(row: str) -> float:
        return rates[row, 4] / rates[row, 1]

    return of("ours/charge") / max(of("payments_site/dummy"), of("stripe_site/delivery"))


# Of each peer the cheaper of its rows counts, which is the harder goal.
GOALS = (
    Goal("webhook to points, of dj-stripe", _of("ours/charge", "stripe_site/delivery"), 2),
    Goal("… of django-payments", _of("ours/charge", "payments_site/dummy"), 0.45, star=0.6),
    Goal("… of psycopg with our commits", _of("ours/charge", "floor/psycopg-ours"), 1 / 3),
    Goal("4 threads against 1, of the better peer's own ratio", _scaling, 0.9, by_cpu=False),
    Goal("a duplicate, of django-payments", _of("ours/duplicate", "payments_site/dummy"), 1),
    Goal("one hot member, of many", _of("ours/charge-hot", "ours/charge", threads=4), 0.5),
    Goal("SQLite, of PostgreSQL", lambda rates: rates["sqlite/charge", 1] / rates["ours/charge", 1],
         0.5),
)  # fmt: skip
MOST_GROWTH = 1.5  # times as long with a million rows as with a thousand: see growth
CPU_OF_BASE = 0.5  # of a full charge in the web process, of the base's: see cpu.py
