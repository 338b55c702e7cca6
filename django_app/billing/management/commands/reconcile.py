"""`python django_app/manage.py reconcile [--repair]`: compare our rows with the gateway's
payments.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, time
from typing import Any

from django.utils import timezone

from billing.conf import conf
from billing.db.database_state import describe_database
from billing.management.output import JobCommand, Progress, clean_stop, quiet_log, table
from billing.reconciliation import COULD_NOT_ASK, Report, reconcile

EARLIEST = date(2000, 1, 1)
SHOWN = 20


class Command(JobCommand):
    """Exit code 0: everything agrees, or another run is at it. 1: something differs and is not
    repaired. 2: the gateway gave no answer.
    """

    help = (
        "Compare transactions with the gateway's payments. Only reports; --repair makes our rows "
        "equal to the gateway's answers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="repair what differs; without it nothing is written",
        )
        parser.add_argument(
            "--since",
            type=_day,
            metavar="YYYY-MM-DD",
            help="look back to this day (Asia/Seoul), at every open attempt since",
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object instead of the summary"
        )
        parser.add_argument(
            "--quiet", action="store_true", help="print nothing if all is well: for cron"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["json"] and not options["quiet"]:
            self.name_database(options)
        with clean_stop(), quiet_log(options["verbosity"]), Progress(self.stderr) as progress:
            try:
                report = reconcile(
                    repair=options["repair"], since=options["since"], progress=progress
                )
            except KeyboardInterrupt:
                self.stderr.write("\nStopped. Nothing is half done; the next run goes on.")
                sys.exit(130)
        if options["json"]:
            where = {"iamport_mode": conf.IAMPORT_MODE, "database": describe_database()}
            self.stdout.write(
                json.dumps({**where, **report.as_json()}, ensure_ascii=False, indent=2)
            )
        elif report.exit_code or not options["quiet"]:
            if options["quiet"]:
                self.name_database(options)
            self.stdout.write(summary(report))
        if report.exit_code:
            sys.exit(report.exit_code)


def summary(report: Report) -> str:
    """The report for people: a table, and what they should look at."""
    if report.skipped:
        return f"Nothing was done: {report.skipped}."
    columns = ("rows", "calls", "payments", "differ", "repaired", "failed")
    lines = [
        [name, *(f"{getattr(tally, column):,}" for column in columns)]
        for name, tally in report.sweeps.items()
    ]
    said = [table([["", *columns], *lines]), ""]
    named = [
        f"{item['merchant_uid']} ({item['imp_uid']}): {', '.join(item['columns'])}"
        for item in report.drift
    ]
    said += _some(
        "What differed, and is repaired unless a trouble names it"
        if report.repair
        else "What differs",
        named,
    )
    said += _some("Troubles", report.troubles)
    said += _some("Notes", report.notes)
    unmatched = [
        f"{item['imp_uid']} ({item['merchant_uid']}): {item['status']}, {item['amount']} "
        f"{item['currency']}"
        for item in report.unmatched
    ]
    said += _some(
        "Payments whose merchant_uid no transaction has, never touched "
        f"({report.unmatched_count:,})",
        unmatched,
    )
    if report.stopped:
        said.append(f"Stopped: {report.stopped}.")
    said.append(_verdict(report))
    return "\n".join(said)


def _verdict(report: Report) -> str:
    if report.exit_code == COULD_NOT_ASK:
        unanswered = f"The gateway gave no answer to {report.unreachable_calls:,} questions"
        return f"{unanswered}, so nobody knows whether everything agrees. The next run asks again."
    if report.remaining and not report.repair:
        return f"Not as the gateway says: {report.remaining:,}. To repair it: reconcile --repair"
    if report.remaining:
        return f"Could not be repaired: {report.remaining:,}. See the troubles above."
    if report.undecided:
        return (
            "Every transaction agrees with the gateway. Undecided payments that no transaction "
            f"has: {report.undecided:,}. "
            "Staff claim them, or say that they are not ours: back office, Unmatched payments."
        )
    return "Everything agrees with the gateway."


def _some(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = [f"  … and {len(items) - SHOWN} more with --json"] if len(items) > SHOWN else []
    return [f"{title}:", *(f"  {item}" for item in items[:SHOWN]), *more, ""]


def _day(text: str) -> datetime:
    """Midnight of that day in the project's time zone."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day: write it as 2026-11-24") from None
    if not EARLIEST <= day <= timezone.localdate():
        raise ArgumentTypeError(f"{text} is not between {EARLIEST} and today")
    return timezone.make_aware(datetime.combine(day, time.min))
