"""Billing keys and the payments that are to be made with them later."""

from __future__ import annotations

from django.db import models


class Customer(models.Model):
    """A billing key under the merchant's own name for it. Of the card only the masked number and
    its last month are kept.
    """

    customer_uid = models.CharField(max_length=80, unique=True)
    pg_provider = models.CharField(max_length=16)
    pg_id = models.CharField(max_length=80)
    customer_id = models.CharField(max_length=80, blank=True)
    card_number = models.CharField(max_length=20)  # masked
    valid_until = models.BigIntegerField()  # first second after the card's last month
    customer_name = models.CharField(max_length=20, blank=True)
    customer_tel = models.CharField(max_length=20, blank=True)
    customer_email = models.CharField(max_length=200, blank=True)
    customer_addr = models.CharField(max_length=200, blank=True)
    customer_postcode = models.CharField(max_length=8, blank=True)
    inserted = models.BigIntegerField()
    updated = models.BigIntegerField()

    def __str__(self) -> str:
        return self.customer_uid


class Schedule(models.Model):
    """A payment to be made at a time: scheduled, then executed or revoked, once."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled"
        EXECUTED = "executed"
        REVOKED = "revoked"

    customer_uid = models.CharField(max_length=80, db_index=True)
    merchant_uid = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.SCHEDULED)
    schedule_at = models.BigIntegerField()
    executed_at = models.BigIntegerField(default=0)
    revoked_at = models.BigIntegerField(default=0)
    imp_uid = models.CharField(max_length=32, blank=True)  # of the payment, once executed
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, default="KRW")
    # The payment's other columns: name, buyer_*, custom_data, notice_urls.
    facts = models.JSONField(default=dict)
    site = models.CharField(max_length=255)

    class Meta:
        indexes = [models.Index(fields=["state", "schedule_at"], name="sandbox_schedule_due")]

    def __str__(self) -> str:
        return self.merchant_uid
