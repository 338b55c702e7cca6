"""What staff do in tests, and what was written down about it."""

from __future__ import annotations

import json
import re
from typing import Any

from django.contrib.admin.models import LogEntry
from django.test import Client

from billing.models import PointTransaction
from billing_office.tests.conftest import url

YES = {"confirmed": "yes"}
ACCOUNT = {"refund_bank": "88", "refund_account": "110-123-456789", "refund_holder": "홍길동"}


def payment_page(client: Client, txn: PointTransaction, **query: Any) -> Any:
    return client.get(url("pointtransaction", txn.pk, "change"), query)


def cancel(client: Client, txn: PointTransaction, amount: str = "10000", **more: Any) -> Any:
    """Send the form that cancels; confirmed="yes" does it."""
    fields = {
        "amount": amount,
        "reason": "wrong order",
        "remaining": str(txn.amount - txn.cancel_amount),
        **more,
    }
    return client.post(url("pointtransaction", txn.pk, "cancel"), fields, follow=True)


def sent_cancels(gateway: Any) -> list[Any]:
    """What the gateway was asked to cancel."""
    return [json.loads(call.body) for call in gateway.calls if call.path == "payments/cancel"]


def next_cancel(gateway: Any, **fault: Any) -> None:
    """How the gateway treats the next cancel."""
    gateway.control("faults", path="payments/cancel", times=1, **fault)


def audit_entries() -> list[tuple[str, str | None]]:
    """(what, result or note) of the audit log, oldest first."""
    entries = [json.loads(entry.change_message) for entry in LogEntry.objects.order_by("pk")]
    return [(one["what"], one.get("result") or one.get("note")) for one in entries]


def compared_lines(response: Any) -> dict[str, tuple[str | None, str | None, bool]]:
    """label → (ours, theirs, differs) without markup."""

    def plain(text: Any) -> str | None:
        return " ".join(re.sub(r"<[^>]+>", " ", str(text)).split()) if text is not None else None

    return {
        str(line.label): (plain(line.held), plain(line.at_gateway), line.differs)
        for line in response.context["lines"]
    }
