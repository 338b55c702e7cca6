"""`python django_app/manage.py prune_webhooks`: delete old deliveries of the webhook and of
returns.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from billing.management.output import JobCommand
from billing.webhooks import retry

DAYS = 90


class Command(JobCommand):
    """Pending deliveries are never deleted. A second time there is nothing left to do; it may be
    stopped at any moment.
    """

    help = (
        f"Delete webhook deliveries that were closed long ago. At least {retry.FEWEST_DAYS} "
        "days "
        "are kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=DAYS,
            help=f"keep what was closed within so many days (default {DAYS})",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only say how many would be deleted"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        try:
            if options["dry_run"]:
                self.stdout.write(
                    f"{retry.prunable(days).count():,} deliveries closed more than {days} "
                    "days ago would be deleted."
                )
            else:
                self.stdout.write(
                    f"{retry.prune(days):,} deliveries closed more than {days} days ago deleted."
                )
        except (ValueError, OverflowError) as error:
            raise CommandError(str(error)) from None
