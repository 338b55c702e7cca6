"""What may happen to the tables of money. Managers reach their tables through `self.model` and relations."""

from billing.managers.points import PointManager
from billing.managers.transactions import Applied, PointTransactionManager

__all__ = ["Applied", "PointManager", "PointTransactionManager"]
