"""Money on its way back to the payer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class PointCancellation(models.Model):
    """Money on its way back: a cancel of ours, or the return of wrong money. Refund accounts are
    not kept, at most their last digits.
    """

    class Kind(models.TextChoices):
        CANCEL = "cancel", _("Cancel")
        MISMATCH_REFUND = "return", _("Return of wrong money")

    class State(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        ACCEPTED = "accepted", _("Accepted")
        UNKNOWN = "unknown", pgettext_lazy("cancel", "Unknown")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")

    OPEN = (State.REQUESTED, State.ACCEPTED, State.UNKNOWN)

    txn = models.ForeignKey(
        "billing.PointTransaction", models.PROTECT, related_name="cancellations"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    imp_uid = models.CharField(max_length=32)
    amount = models.DecimalField(
        max_digits=18, decimal_places=4, help_text=_("In the payment's currency.")
    )
    currency = models.CharField(max_length=3, default="KRW")
    base = models.DecimalField(
        max_digits=18, decimal_places=4, help_text=_("What was cancelled before it began.")
    )
    checksum = models.DecimalField(
        max_digits=18,
        decimal_places=4,
        help_text=_("What the gateway must still hold for it to begin."),
    )
    reason = models.CharField(max_length=256)
    reason_code = models.CharField(max_length=20, blank=True, default="")
    by_name = models.CharField(max_length=150, blank=True, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    tries = models.PositiveIntegerField(default=0)
    gateway_id = models.CharField(max_length=40, blank=True, default="")
    refund_last4 = models.CharField(max_length=4, blank=True, default="")
    error_code = models.CharField(max_length=30, blank=True, default="")
    error = models.CharField(
        max_length=500, blank=True, default="", help_text=_("The gateway's words, or a detail.")
    )
    needs_staff = models.BooleanField(
        default=False, help_text=_("Nothing more happens by itself: staff decide.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text=_("Accepted at the gateway, to be done later.")
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("cancel or return")
        verbose_name_plural = _("cancels and returns")
        indexes = [
            models.Index(
                fields=["state"],
                condition=Q(state__in=["requested", "accepted", "unknown"]),
                name="billing_cancellation_open",
            ),
            models.Index(fields=["created_at", "id"], name="billing_cancellation_by_time"),
            models.Index(
                fields=["state", "created_at", "id"], name="billing_cancellation_by_state"
            ),
            models.Index(fields=["kind", "created_at", "id"], name="billing_cancellation_by_kind"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_cancellation_amount"),
            models.CheckConstraint(condition=Q(base__gte=0), name="billing_cancellation_base"),
            models.UniqueConstraint(
                fields=["txn"],
                condition=Q(kind="cancel", state__in=["requested", "accepted", "unknown"]),
                name="billing_one_open_cancel",
            ),
            models.UniqueConstraint(
                fields=["imp_uid"],
                condition=Q(kind="return"),
                name="billing_one_return_per_payment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.currency} ({self.state})"
