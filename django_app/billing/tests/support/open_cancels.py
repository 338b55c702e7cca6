"""One cancel that is open, and the ways to its end, for tests."""

from __future__ import annotations

from django.test import Client

from billing.models import PointCancellation, PointTransaction
from billing.reports import integrity_checks
from billing.states import Status

rows = PointTransaction.objects
State = PointCancellation.State


def done_there(gateway):
    gateway.control("clock", advance_s=60)


def the_cancel():
    return PointCancellation.objects.get()


def deliver(txn, status="cancelled"):
    body = {"imp_uid": txn.imp_uid, "merchant_uid": txn.merchant_uid, "status": status}
    return Client().post("/billing/webhook/", body, content_type="application/json")


def status_of(client, txn, query=""):
    return client.get(f"/billing/payments/{txn.merchant_uid}/status/{query}")


def closed(txn, ledger, *, deltas, cancelled):
    """The cancel is closed as done, and the row says the same; every sum agrees."""
    cancel, row = the_cancel(), rows.get(pk=txn.pk)
    assert (cancel.state, cancel.needs_staff, cancel.error) == (State.DONE, False, "")
    assert cancel.closed_at
    assert cancel.gateway_id  # found by its mark
    assert (row.status, row.cancel_amount, row.pending_cancel_total) == (
        Status.CANCELLED,
        cancelled,
        0,
    )
    assert ledger(txn) == (sum(deltas), deltas)
    assert [line for check in integrity_checks.CHECKS.values() for line in check()] == []
