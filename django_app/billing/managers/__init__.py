"""What may happen to the tables of money. Managers reach their tables through `self.model` and
relations.
"""

from billing.managers.applying import ApplyResult
from billing.managers.decisions import Choice
from billing.managers.points import PointManager
from billing.managers.transactions import PointTransactionManager

__all__ = ["ApplyResult", "Choice", "PointManager", "PointTransactionManager"]
