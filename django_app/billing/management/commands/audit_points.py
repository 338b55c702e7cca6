"""`python django_app/manage.py audit_points`: do balances, transactions and ledger agree with each
other?
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from billing.conf import conf
from billing.db.database_state import describe_database
from billing.management.output import JobCommand
from billing.reports.integrity_checks import Finding, check_integrity


class Command(JobCommand):
    """Exit code 0: all of it agrees. 1: it does not."""

    help = (
        "Check balances, transactions and ledger against each other, in our own database. Changes "
        "nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object instead of text"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["json"]:
            self.name_database(options)
        findings = list(check_integrity())
        wrong = sum(finding.count for finding in findings)
        if options["json"]:
            where = {"iamport_mode": conf.IAMPORT_MODE, "database": describe_database()}
            found = {
                **where,
                "clean": not wrong,
                "checks": [asdict(finding) for finding in findings],
            }
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            for finding in findings:
                self.stdout.write("\n".join(_lines(finding)))
            self.stdout.write(f"{wrong:,} contradictions." if wrong else "Clean.")
        if wrong:
            sys.exit(1)


def _lines(finding: Finding) -> list[str]:
    if not finding.count:
        return [f"ok     {finding.check}"]
    more = finding.count - len(finding.named)
    return [
        f"WRONG  {finding.check}: {finding.count:,}",
        *(f"         {words}" for words in finding.named),
        *([f"         … and {more:,} more"] if more else []),
    ]
