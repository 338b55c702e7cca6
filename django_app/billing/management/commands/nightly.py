"""`python django_app/manage.py nightly`: the work of a night in one line for cron."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError

from billing.conf import conf
from billing.management.output import JobCommand
from billing.notifications import staff_mail
from billing.reconciliation import runs

KEEP_RUNS = 90  # days


class Command(JobCommand):
    """Every step runs, also when one before it fails. Exit code: the worst of the steps' (2 for one
    that broke).
    """

    help = (
        "Reconcile and repair, sum up closed days, audit the points, delete old webhook "
        "deliveries, runs and sessions, tell staff."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.name_database(options)
        self._options = {
            "verbosity": options["verbosity"],
            "stdout": self.stdout,
            "stderr": self.stderr,
        }
        steps: dict[str, Callable[[], None]] = {
            "reconcile --repair": lambda: self._call("reconcile", repair=True),
            "roll_up": lambda: self._call(
                "roll_up"
            ),  # before the audit, which compares it with the rows
            "audit_points": lambda: self._call("audit_points"),
            "prune_webhooks": lambda: self._call("prune_webhooks"),
            "old runs": lambda: self.stdout.write(f"{runs.prune(KEEP_RUNS)} deleted."),
            "clearsessions": lambda: self._call("clearsessions", ours=False),
        }
        steps.update(
            (name, partial(self._call, name, ours=False)) for name in conf.BILLING_NIGHTLY_COMMANDS
        )
        codes = {name: self._step(name, step) for name, step in steps.items()}
        if conf.BILLING_STAFF_MAIL:
            codes["staff mail"] = self._step(
                "staff mail", lambda: self.stdout.write(f"{staff_mail.send(codes)} addresses.")
            )
        worst = max(codes.values())
        if worst:
            failed = ", ".join(f"{name} ({code})" for name, code in codes.items() if code)
            self.stdout.write(f"\nNot well: {failed}.")
            sys.exit(worst)

    def _step(self, name: str, step: Callable[[], None]) -> int:
        """Its exit code. Ctrl-C ends the whole night."""
        self.stdout.write(f"-- {name}")
        try:
            step()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
            if code == 130:
                raise
            return code
        except CommandError as error:
            self.stderr.write(str(error))
            return 2
        except Exception:  # noqa: BLE001  (whatever it is, the other steps shall run)
            self.stderr.write(traceback.format_exc())
            return 2
        return 0

    def _call(self, name: str, *, ours: bool = True, **options: Any) -> None:
        call_command(name, **self._options, **options, **({"within": "nightly"} if ours else {}))
