"""Time that passes in a test: every stored moment that a rule waits for moves into the past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F

from billing.models import PointCancellation, PointTransaction, WebhookEvent

MOMENTS: dict[type[Any], tuple[str, ...]] = {
    PointCancellation: ("created_at", "sent_at", "waiting_since"),
    PointTransaction: ("created_at", "synced_at", "next_check_at"),
    WebhookEvent: ("received_at", "next_try_at"),
}


def let_pass(**period: float) -> None:
    """let_pass(minutes=16): as if so much time had gone by since everything happened."""
    for model, names in MOMENTS.items():
        model._default_manager.update(**{name: F(name) - timedelta(**period) for name in names})
