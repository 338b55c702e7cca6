"""For tests, ours and yours: the sandbox gateway behind `responses`, in the test's own process,
without a network.

    from billing.testing import sandbox_gateway

    def test_charge(db, user):
        with sandbox_gateway() as gateway:
            txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
            imp_uid = gateway.pay(txn.merchant_uid)
            PointTransaction.objects.sync(imp_uid)

The requests travel through `requests` and are answered by the sandbox app, so that there is one
imitation of the gateway only. It needs the `sandbox` app and its database alias (see
config/settings/test.py), and pytest-django's `databases=["default", "sandbox"]`.
"""

from __future__ import annotations

from billing.db.triggers import without_triggers as ledger_unlocked
from billing.testing.sandbox import SandboxGateway, sandbox_gateway

__all__ = ["SandboxGateway", "ledger_unlocked", "sandbox_gateway"]
