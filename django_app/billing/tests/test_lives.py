"""Random lives of the whole product against the sandbox: whatever happens in whatever order, the
invariants of docs/design.md hold after every step, and after the trouble and one reconcile
everything has come right.

The normal run is the same every time. LIVES_STEPS=100000 (`make test-long`) is another one each
time, and looks for the shortest failure; LIVES_SEED repeats it.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import count

import pytest

hypothesis = pytest.importorskip(
    "hypothesis", reason="hypothesis is missing: pip install -r requirements-dev.txt"
)

from hypothesis import HealthCheck, Phase, seed  # noqa: E402
from hypothesis import settings as limits  # noqa: E402
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402

from billing.tests.lives.machine import Lives  # noqa: E402
from billing.tests.lives.stage import stage  # noqa: E402

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

PARTS = 4  # so that they can run side by side
STEPS = int(os.environ.get("LIVES_STEPS", "2000"))
LENGTH = 50  # steps of one life, at most
SHRINK = bool(os.environ.get("LIVES_SHRINK"))


def live(machine: type[Lives], start: int, lives: int) -> None:
    """So many lives, the same ones for the same `start`."""
    bounds = limits(
        max_examples=lives,
        stateful_step_count=LENGTH,
        phases=[Phase.generate, Phase.shrink] if SHRINK else [Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    try:
        run_state_machine_as_test(seed(start)(machine), settings=bounds)
    except BaseException as error:
        error.add_note(
            f"This life again, as short as it can be: LIVES_SEED={start} LIVES_SHRINK=1 pytest "
            f"-k 'test_lives and 0' {__file__}"
        )
        raise


@pytest.mark.parametrize(
    "part",
    [0, 1, *(pytest.param(part, marks=pytest.mark.thorough) for part in range(2, PARTS))],
)
def test_lives(part, make_user):
    first = int(os.environ.get("LIVES_SEED", "0")) + part
    with stage(make_user) as prepared:
        machine = type("Lives", (Lives,), {"stage": prepared, "tally": Counter()})
        for start in count(first, PARTS):
            live(machine, start, lives=12)
            if machine.tally["steps"] * PARTS >= STEPS:
                break
