"""The back office: staff find a payment, see its whole story, and act on it. Each module registers its own pages."""

from billing.admin import close, money_lists, points, transactions, unmatched, users

__all__ = ["close", "money_lists", "points", "transactions", "unmatched", "users"]
