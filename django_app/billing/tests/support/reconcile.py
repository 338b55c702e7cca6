"""What reconcile's tests count, and answers that hide something."""

from __future__ import annotations

import io

from django.core.management import call_command
from django.utils import timezone

from billing.models import PointCancellation, PointTransaction
from billing.tests.support.payments import envelope
from billing_sandbox import serializer
from billing_sandbox.models import Payment

rows = PointTransaction.objects
State = PointCancellation.State
NOW = timezone.now()


def asked(gateway, fragment=""):
    return [call.path for call in gateway.calls if fragment in call.path]


def tally(report, name):
    found = report.sweeps[name]
    return found.rows, found.calls, found.payments, found.differ, found.repaired, found.failed


def hide_all_but(gateway, imp_uid):
    """A gateway that knows only the newest payment of a merchant_uid when it is asked for
    several.
    """
    newest = serializer.payment_json(Payment.objects.using("sandbox").get(imp_uid=imp_uid))
    gateway.answer_next("payments?merchant_uid", json_body=envelope([newest]))


payments = Payment.objects.using("sandbox")


def credited():
    return sum(rows.values_list("credited", flat=True))


STATUS_LISTS = ("paid payments", "cancelled payments")


def run(*arguments):
    """(exit code, stdout) of the command."""
    out, code = io.StringIO(), 0
    try:
        call_command("reconcile", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as stop:
        code = stop.code
    return code, out.getvalue()


def down(gateway, fragment="payments", times=100):
    for _ in range(times):
        gateway.fail_next(fragment)
