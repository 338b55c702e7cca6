"""Webhooks: queued here as rows, sent by webhook_delivery.py. V1 sends none on failure and none for
an abandoned window.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from billing_sandbox.conf import conf
from billing_sandbox.database import alias
from billing_sandbox.engine import clock
from billing_sandbox.faults import active_faults
from billing_sandbox.models import Delivery, Gateway, Payment

# Sent after the commit that queued something: the worker listens, and this module need not know it.
queued = Signal()
DROPPED = "dropped on purpose: a fault is in force"
MAX_RETRIES = 5  # at most: V1 makes them on written request only
RETRY_AFTER = 60  # seconds


def queue(
    payment: Payment, cancellation_id: str = "", *, console_only: bool = False
) -> list[Delivery]:
    """One delivery for each address of the payment: its notice_url replaces the console's. Joins
    the caller's transaction.

    console_only: to the console's address, whatever the payment says, as an API cancel with
    enable_webhook does (documented).
    """
    body = {
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "status": payment.status,
    }
    if cancellation_id:
        body["cancellation_id"] = cancellation_id
    console = conf.webhook_url
    return _queue_to(
        payment.imp_uid,
        (not console_only and payment.notice_urls) or ([console] if console else []),
        body,
        resend=False,
    )


def resend(payment: Payment) -> list[Delivery]:
    """The newest webhook again, as the console does it: to the addresses of then (documented: a
    change since does not count).

    Where there was none, the present status is sent.
    """
    rows = Delivery.objects.filter(imp_uid=payment.imp_uid)
    newest = rows.order_by("-pk").first()
    if newest is None:
        last = payment.cancellations.order_by("pk").last()
        return queue(payment, last.cancellation_id if last else "")
    urls = dict.fromkeys(row.url for row in rows.order_by("pk") if row.body == newest.body)
    return _queue_to(payment.imp_uid, urls, newest.body, resend=True)


def queue_retry(delivery: Delivery) -> None:
    """One more attempt, a minute later, if V1 was asked for retries and some are left."""
    by_hand = delivery.resend and delivery.tries == 1
    if not by_hand and delivery.tries <= max_retries():
        Delivery.objects.create(
            imp_uid=delivery.imp_uid,
            url=delivery.url,
            format=delivery.format,
            body=delivery.body,
            tries=delivery.tries,
            resend=True,
            due_at=clock.now() + RETRY_AFTER,
            created_at=clock.now(),
        )


def max_retries() -> int:
    """How often V1 tries again after a network error or a 5xx answer: the console's setting, else
    SANDBOX["webhook_retries"], else 0.
    """
    gateway = Gateway.objects.filter(pk=1).first()
    if gateway is None or gateway.webhook_retries is None:
        return conf.webhook_retries
    return gateway.webhook_retries


def content_format() -> str:
    """json or form: the console's setting, else SANDBOX["webhook_format"], else json."""
    chosen = Gateway.objects.filter(pk=1).values_list("webhook_format", flat=True).first()
    return str(chosen or conf.webhook_format)


def _queue_to(
    imp_uid: str, urls: Iterable[str], body: dict[str, Any], *, resend: bool
) -> list[Delivery]:
    now, usual = clock.now(), content_format()
    rows = []
    for url in urls:
        fault = active_faults.for_delivery(url)
        facts = {
            "imp_uid": imp_uid,
            "url": url,
            "format": fault.get("format", usual),
            "body": body,
            "resend": resend,
            "due_at": now + fault.get("delay_s", 0) + fault.get("reorder", 0),
            "created_at": now,
        }
        if fault.get("drop"):
            facts |= {"state": Delivery.State.FAILED, "answer_text": DROPPED, "delivered_at": now}
        rows += [Delivery.objects.create(**facts) for _ in range(1 + fault.get("duplicate", 0))]
    if rows:
        transaction.on_commit(_announce, using=alias())
    return rows


def _announce() -> None:
    queued.send(sender=None)
