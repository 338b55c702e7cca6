"""Webhooks: queued here as rows, handed out by deliveries.py. V1 sends none on failure and none for an abandoned window."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from sandbox import clock, worker
from sandbox.models import Delivery, Payment
from sandbox.router import ALIAS


def queue(payment: Payment, cancellation_id: str = "") -> list[Delivery]:
    """One delivery for each address of the payment: its notice_url replaces the console's. Joins the caller's transaction."""
    body = {"imp_uid": payment.imp_uid, "merchant_uid": payment.merchant_uid, "status": payment.status}
    if cancellation_id:
        body["cancellation_id"] = cancellation_id
    console = settings.SANDBOX["webhook_url"]
    now = clock.now()
    rows = [
        Delivery.objects.create(imp_uid=payment.imp_uid, url=url, body=body, due_at=now, created_at=now)
        for url in payment.notice_urls or ([console] if console else [])
    ]
    if rows:
        transaction.on_commit(worker.wake, using=ALIAS)
    return rows
