"""The back office: staff find a payment, see everything that happened to it, and act on it. Each
module registers its own pages.
"""

from billing_office.lists import (
    cancellations,
    deliveries,
    ledger,
    points,
    reconcile_runs,
    transactions,
    unmatched_payments,
    users,
)
from billing_office.pages import month_close

__all__ = [
    "cancellations",
    "deliveries",
    "ledger",
    "month_close",
    "points",
    "reconcile_runs",
    "transactions",
    "unmatched_payments",
    "users",
]
