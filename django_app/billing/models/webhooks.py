"""Deliveries at the entry points that anybody may call."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class WebhookEvent(models.Model):
    """One delivery at an entry point that anybody may call, stored before anything is made of it.
    No unique key: every delivery is news.
    """

    class Source(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook")
        RETURN = "return", _("Return from the gateway")

    class Outcome(models.TextChoices):
        PENDING = "pending", _("Pending")
        DONE = "done", _("Done")
        # Why: `error_code`. Decided in webhooks/deliveries.py once the gateway was asked, and in
        # webhooks/intake.py where nobody is asked.
        IGNORED = "ignored", _("Ignored")
        DEAD = "dead", _("Given up")

    source = models.CharField(max_length=10, choices=Source.choices, default=Source.WEBHOOK)
    address = models.GenericIPAddressField(null=True, blank=True)
    imp_uid = models.CharField(max_length=32)
    merchant_uid = models.CharField(max_length=40)
    claimed_status = models.CharField(
        max_length=20, blank=True, default="", help_text=_("What the sender says; never believed.")
    )
    cancellation_id = models.CharField(max_length=40, blank=True, default="")
    body = models.TextField(blank=True, default="")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.PENDING)
    tries = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=30, blank=True, default="")
    error = models.CharField(
        max_length=300, blank=True, default="", help_text=_("The gateway's words, or a detail.")
    )
    next_try_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True, blank=True)

    is_stored = False  # whether the end of its try stands in the row

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=Q(outcome="pending"), name="billing_event_pending"
            ),
            models.Index(fields=["merchant_uid"], name="billing_event_by_payment"),
            models.Index(fields=["received_at"], name="billing_event_by_time"),
            models.Index(fields=["imp_uid"], name="billing_event_by_imp_uid"),
            models.Index(fields=["outcome", "received_at", "id"], name="billing_event_by_outcome"),
            models.Index(fields=["source", "received_at", "id"], name="billing_event_by_source"),
        ]

    def __str__(self) -> str:
        return f"{self.imp_uid} {self.claimed_status} ({self.outcome})"
