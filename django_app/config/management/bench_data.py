"""Rows for measuring: years of a service's life, made up from a seed. Every rule of the tables
holds, and `audit_points` finds nothing.

Written past the managers, with COPY where the database has it, because a million charges one by one
would take hours. Only for a database that holds nothing yet, in sandbox mode.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, transaction

from billing.models import Point, ReconcileRun
from config.management.bench_life import DAY, Life
from config.management.bench_writer import AT_ONCE, TABLES, Writer

PER_MEMBER = 20  # attempts


def fill(
    rows: int,
    *,
    days: int,
    seed: int,
    now: datetime,
    progress: Callable[[int], None] = lambda number: None,
) -> Counter[str]:
    """Make `rows` transactions within the `days` before now, with members, entries, cancels,
    returns and deliveries. How many of each.

    The same seed makes the same life. One transaction: all of it or nothing. Not for a database
    with rows of its own (`occupied`).
    """
    with transaction.atomic():
        members = list(_members(max(rows // PER_MEMBER, 10)))
        writer = Writer()
        life = Life(rows, now - days * DAY, now, random.Random(seed), members, writer)
        life.live(progress)
        writer.end()
        Point.objects.bulk_create(
            (Point(pk=pk, balance=life.balances[pk], point=life.attempts[pk]) for pk in members),
            batch_size=AT_ONCE,
        )
        ReconcileRun.objects.create(
            finished=now,
            watermark=now,
            result={"exit_code": 0, "remaining": 0, "unknown": {"count": 0, "payments": []}},
        )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            tables: list[Any] = [*TABLES, Point, get_user_model()]
            for model in tables:
                cursor.execute(f"VACUUM ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
    return Counter(
        {"members": len(members), **{name: writer.counts[model] for model, name in TABLES.items()}}
    )


def occupied() -> str:
    """The first table that holds something, "" where all are empty."""
    return next(
        (model._meta.label for model in (Point, *TABLES) if model._default_manager.exists()), ""
    )


def _members(number: int) -> Iterator[Any]:
    """Keys of new users, who cannot log in."""
    users = get_user_model()
    try:
        email: str = users._meta.get_field(users.get_email_field_name()).name
    except FieldDoesNotExist:
        email = ""
    for begin in range(0, number, AT_ONCE):
        made = []
        for index in range(begin, min(begin + AT_ONCE, number)):
            values = {users.USERNAME_FIELD: f"bench-{index}", "password": "!"}
            if email:
                values[email] = f"bench-{index}@example.com"
            made.append(users(**values))
        yield from (user.pk for user in users._default_manager.bulk_create(made, batch_size=5_000))
