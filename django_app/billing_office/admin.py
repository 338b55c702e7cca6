"""The back office: staff find a payment, see its whole story, and act on it. Each module registers
its own pages.
"""

from billing_office.lists import ledger_admin, points, transactions, unmatched, users
from billing_office.pages import month_close

__all__ = ["ledger_admin", "month_close", "points", "transactions", "unmatched", "users"]
