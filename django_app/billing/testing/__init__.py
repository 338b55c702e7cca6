"""For tests, ours and yours: the sandbox gateway in the test's own process, without a network.

    pytest_plugins = ["billing.testing.plugin"]     # conftest.py
    INSTALLED_APPS += ["billing_sandbox"]           # the settings of your tests

    def test_charge(charge, member):
        assert charge(10_000).status == "paid"

docs/testing.md shows every fixture. The requests travel through `requests` and are answered by the
sandbox app, so that there is one imitation of the gateway only. Without pytest:
`with sandbox_gateway() as gateway`.
"""

from __future__ import annotations

from billing.db.triggers import without_triggers as ledger_unlocked
from billing.testing.clock import Clock
from billing.testing.emptying import ledger_emptied_too
from billing.testing.members import create_member
from billing.testing.sandbox import SandboxGateway, sandbox_gateway

__all__ = [
    "Clock",
    "SandboxGateway",
    "create_member",
    "ledger_emptied_too",
    "ledger_unlocked",
    "sandbox_gateway",
]
