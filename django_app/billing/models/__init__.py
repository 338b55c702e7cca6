"""The tables: columns, constraints, and managers whose verbs lead to `services/`."""

from billing.models.cancellations import PointCancellation
from billing.models.notes import TransactionNote
from billing.models.operations import DailyFigures, Installation, ReconcileRun
from billing.models.points import Point, PointEntry, PointManager
from billing.models.transactions import (
    ApplyResult,
    PointTransaction,
    PointTransactionManager,
)
from billing.models.unmatched import UnmatchedPayment
from billing.models.webhooks import WebhookEvent
from billing.states import PayMethod

__all__ = [
    "ApplyResult",
    "DailyFigures",
    "Installation",
    "PayMethod",
    "Point",
    "PointCancellation",
    "PointEntry",
    "PointManager",
    "PointTransaction",
    "PointTransactionManager",
    "ReconcileRun",
    "TransactionNote",
    "UnmatchedPayment",
    "WebhookEvent",
]
