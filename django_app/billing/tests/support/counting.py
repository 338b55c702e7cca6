"""SQL statements as the budgets of docs/design.md count them: without those that only begin and end
transactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

FRAMES = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


def counted(captured: Any) -> list[str]:
    """The statements of one captured block."""
    return [
        query["sql"] for query in captured.captured_queries if not query["sql"].startswith(FRAMES)
    ]


@contextmanager
def statements(expected: int) -> Iterator[None]:
    """Exactly so many within this block."""
    with CaptureQueriesContext(connection) as captured:
        yield
    found = counted(captured)
    assert len(found) == expected, "\n".join(found)
