"""`python django_app/manage.py roll_up`: the figures of the days that are over. `nightly`
does it.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from billing.management.output import JobCommand
from billing.reports.closed_days import close_days


class Command(JobCommand):
    """A second run changes nothing."""

    help = (
        "Sum up the days that are over for the overview and the month's close. What audit_points "
        "finds wrong is mended with --since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=_day,
            metavar="2026-11-01",
            help="also sum up again every day from this one on",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{close_days(since=options['since']):,} days summed up.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day: write it as 2026-11-24") from None
