"""Payments, what was given back of them, and amounts prepared."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """V1 knows these four; a partial cancel is `cancelled` too."""

    READY = "ready", _("Ready")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Payment(models.Model):
    """One attempt to pay. Several may share a merchant_uid: abandoned and failed ones stay for
    ever.

    Empty text means that V1 answers null; `serializer.payment` knows all of V1's empty values.
    """

    imp_uid = models.CharField(max_length=32, unique=True)
    merchant_uid = models.CharField(max_length=40, db_index=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.READY)
    # Major units; never reduced by cancels.
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    # Running total.
    cancel_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    currency = models.CharField(max_length=3, default="KRW")
    sandbox = models.BooleanField(default=False)  # paid through the vendor's test channel
    name = models.CharField(max_length=40, blank=True)
    pay_method = models.CharField(max_length=20)
    channel = models.CharField(max_length=6, default="pc")
    user_agent = models.CharField(max_length=500, blank=True)
    custom_data = models.TextField(blank=True)  # JSON text

    buyer_name = models.CharField(max_length=16, blank=True)
    buyer_email = models.CharField(max_length=64, blank=True)
    buyer_tel = models.CharField(max_length=16, blank=True)
    buyer_addr = models.CharField(max_length=128, blank=True)
    buyer_postcode = models.CharField(max_length=8, blank=True)

    # the processor's part, known once it has answered
    pg_provider = models.CharField(max_length=16, blank=True)
    pg_id = models.CharField(max_length=80, blank=True)
    pg_tid = models.CharField(max_length=64, blank=True)
    emb_pg_provider = models.CharField(max_length=16, blank=True)
    apply_num = models.CharField(max_length=20, blank=True)
    bank_code = models.CharField(max_length=8, blank=True)
    bank_name = models.CharField(max_length=40, blank=True)
    card_code = models.CharField(max_length=8, blank=True)
    card_name = models.CharField(max_length=40, blank=True)
    card_number = models.CharField(max_length=20, blank=True)
    card_type = models.SmallIntegerField(null=True)  # 0 credit, 1 check
    card_quota = models.SmallIntegerField(default=0)  # months
    vbank_code = models.CharField(max_length=8, blank=True)
    vbank_name = models.CharField(max_length=40, blank=True)
    vbank_num = models.CharField(max_length=32, blank=True)
    vbank_holder = models.CharField(max_length=40, blank=True)
    vbank_date = models.BigIntegerField(default=0)
    vbank_issued_at = models.BigIntegerField(default=0)
    receipt_url = models.CharField(max_length=300, blank=True)
    fail_reason = models.CharField(max_length=255, blank=True)
    cancel_reason = models.CharField(max_length=256, blank=True)

    started_at = models.BigIntegerField()
    paid_at = models.BigIntegerField(default=0)
    failed_at = models.BigIntegerField(default=0)
    cancelled_at = models.BigIntegerField(default=0)
    updated_at = models.BigIntegerField()  # moves on every change of state

    # what request_pay asked for, and answers do not carry
    asked_pg = models.CharField(max_length=100)  # provider.MID
    channel_key = models.CharField(max_length=200, blank=True)  # decides the form of the callback
    vbank_due = models.BigIntegerField(default=0)
    notice_urls = models.JSONField(default=list)  # they replace the console's address
    m_redirect_url = models.CharField(max_length=2000, blank=True)
    origin = models.CharField(max_length=255, blank=True)  # of the page that opened the window
    site = models.CharField(max_length=255)  # where this gateway was reached: scheme and host
    error_code = models.CharField(max_length=20, blank=True)  # for the callback
    # By DELETE /vbanks; V1 does not tell how it shows, so it does not show.
    vbank_closed = models.BooleanField(default=False)
    cash_receipt_issued = models.BooleanField(default=False)
    customer_uid = models.CharField(max_length=80, blank=True)
    # Issue, payment, payment.scheduled; empty: an ordinary payment.
    customer_uid_usage = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(name="sandbox_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="sandbox_cancel_within_amount",
                condition=Q(cancel_amount__gte=0, cancel_amount__lte=F("amount")),
            ),
        ]
        # the status list compares another time for each status
        indexes = [
            models.Index(fields=["status", time], name=f"sandbox_{time}")
            for time in ("started_at", "paid_at", "failed_at", "cancelled_at")
        ]

    def __str__(self) -> str:
        return self.imp_uid

    @property
    def remaining(self) -> Decimal:
        """What a cancel could still give back."""
        return self.amount - self.cancel_amount

    @property
    def has_account(self) -> bool:
        """A virtual account was issued."""
        return bool(self.vbank_num)


class Cancellation(models.Model):
    """One item of a payment's cancel_history."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="cancellations")
    cancellation_id = models.CharField(max_length=20, unique=True)
    pg_tid = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    reason = models.CharField(max_length=256)
    cancelled_at = models.BigIntegerField()

    def __str__(self) -> str:
        return self.cancellation_id


class CancelLater(models.Model):
    """A cancel that was accepted and is not done yet (some processors finish it hours later). Done
    at `due_at` of the gateway's clock.
    """

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="cancels_later")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    reason = models.CharField(max_length=256)
    due_at = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.amount} at {self.due_at}"


class Prepared(models.Model):
    """The amount that request_pay must ask for."""

    merchant_uid = models.CharField(max_length=40, unique=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, blank=True)  # empty: not checked
    created_at = models.BigIntegerField()

    def __str__(self) -> str:
        return self.merchant_uid
