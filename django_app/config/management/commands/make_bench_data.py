"""`python django_app/manage.py make_bench_data --rows 1000`: a made-up service's years, for
measuring and for looking around.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from billing.conf import conf
from billing.management.output import JobCommand, Progress
from billing.models import Installation
from billing.reports.closed_days import close_days
from config.management.bench_data import fill, occupied

MOST = 20_000_000


class Command(JobCommand):
    """Refuses a database of live mode, and one that holds members' points or payments, its own from
    before included.
    """

    help = (
        "Fill an empty sandbox database with made-up members, transactions, entries, cancels and "
        "deliveries."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rows", type=int, default=1_000, help="how many transactions (default: %(default)s)"
        )
        parser.add_argument(
            "--days",
            type=int,
            default=1_000,
            help="within how many days up to now (default: %(default)s)",
        )
        parser.add_argument(
            "--seed",
            type=int,
            default=1,
            help="the same number makes the same rows (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rows, days = options["rows"], options["days"]
        if not 1 <= rows <= MOST or not 1 <= days <= 10_000:
            raise CommandError(f"--rows is between 1 and {MOST:,}, --days between 1 and 10,000")
        mode = Installation.objects.values_list("mode", flat=True).first()
        if conf.IAMPORT_MODE != "sandbox" or mode != "sandbox":
            raise CommandError("this is not a database of sandbox mode: nothing was made")
        if table := occupied():
            raise CommandError(f"{table} holds rows already: nothing was made")
        since = time.monotonic()
        with Progress(self.stderr) as progress:
            counts = fill(
                rows,
                days=days,
                seed=options["seed"],
                now=timezone.now(),
                progress=lambda done: progress(f"{done:,} of {rows:,}"),
            )
        self.stdout.write("\n".join(f"{number:12,} {name}" for name, number in counts.items()))
        closed = close_days()
        self.stdout.write(f"{closed:12,} days summed up\n{time.monotonic() - since:12.1f} seconds")
