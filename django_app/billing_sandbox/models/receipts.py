"""Cash receipts of transfers and virtual accounts."""

from __future__ import annotations

from django.db import models

from billing_sandbox.models.payments import Payment


class CashReceipt(models.Model):
    """One issue; after a cancel there may be another. Whom it was issued to is not kept."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="cash_receipts")
    receipt_tid = models.CharField(max_length=64)
    apply_num = models.CharField(max_length=20)
    type = models.CharField(max_length=7)  # person, company
    amount = models.BigIntegerField()  # won
    vat = models.BigIntegerField()  # won, part of amount
    applied_at = models.BigIntegerField()
    cancelled_at = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.receipt_tid
