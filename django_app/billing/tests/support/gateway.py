"""What the sandbox gateway was asked, what it holds, and trouble with it, for tests of cancels."""

from __future__ import annotations

import json
from typing import Any

from billing.models import PointTransaction
from billing.testing import SandboxGateway
from billing_sandbox.models import Payment


def at_the_gateway(gateway: SandboxGateway, txn: PointTransaction) -> tuple[str, int]:
    """(status, cancel_amount) as the gateway has it."""
    found = Payment.objects.using("sandbox").get(imp_uid=txn.imp_uid)
    return found.status, int(found.cancel_amount)


def sent(gateway: SandboxGateway) -> list[dict[str, Any]]:
    """The bodies of the cancels that reached it."""
    return [json.loads(call.body) for call in gateway.calls if call.path == "payments/cancel"]


def fault(gateway: SandboxGateway, **what: Any) -> None:
    """Trouble with the next cancels."""
    gateway.control("faults", path="payments/cancel", **what)
