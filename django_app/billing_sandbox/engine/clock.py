"""The gateway's clock: every time that the sandbox writes or compares comes from here, so that it
can be moved in one place.
"""

from __future__ import annotations

import time

from django.db import connections

from billing_sandbox.database import alias, exclusive
from billing_sandbox.models import Gateway

FURTHEST = 20 * 365 * 86400  # seconds that the clock may be ahead in all: dates stay dates


def now() -> int:
    """Unix seconds, as V1 states all its times."""
    return machine_time() + offset()


def offset() -> int:
    """Seconds that the clock was moved; the same in every process. Plain SQL, because every call
    asks for it.
    """
    with connections[alias()].cursor() as cursor:
        cursor.execute("SELECT clock_offset FROM sandbox_gateway WHERE id = 1")
        row = cursor.fetchone()
    return row[0] if row else 0


def advance(seconds: int) -> int:
    """Move the clock on, for every process and for good (until a reset). Returns the new time.
    Raises ValueError beyond FURTHEST.
    """
    with exclusive():
        gateway, _ = Gateway.objects.get_or_create(pk=1)
        if not 0 <= seconds <= FURTHEST - gateway.clock_offset:
            raise ValueError("the clock moves forward only, and not for decades")
        gateway.clock_offset += seconds
        gateway.save(update_fields=["clock_offset"])
    return now()


def machine_time() -> int:
    return int(time.time())
