"""`python django_app/manage.py prune_attempts`: forget what no longer counts. `nightly` runs it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts import logins, throttle


class Command(BaseCommand):
    """Delete counters of attempts whose window is over, and lines that were not seen for
    logins.KNOWN_DAYS.
    """

    help = (
        "Delete counters of attempts that are over and lines of members that were not seen for 90 "
        "days."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{throttle.prune()} counters and {logins.prune()} known lines deleted.")
