"""What the gateway says about a payment, kept beside our own columns."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class GatewayFacts(models.Model):
    """The facts of `gateway.payment.Payment`, as the newest answer that counted had them."""

    paid_method = models.CharField(
        max_length=20, blank=True, default="", help_text=_("What was really used.")
    )
    test_channel = models.BooleanField(default=False)
    pg_provider = models.CharField(max_length=40, blank=True, default="")
    pg_id = models.CharField(max_length=80, blank=True, default="")
    pg_tid = models.CharField(max_length=120, blank=True, default="")
    apply_num = models.CharField(max_length=40, blank=True, default="")
    card_name = models.CharField(max_length=40, blank=True, default="")
    bank_name = models.CharField(max_length=40, blank=True, default="")
    vbank_code = models.CharField(max_length=10, blank=True, default="")
    vbank_name = models.CharField(max_length=40, blank=True, default="")
    vbank_num = models.CharField(max_length=40, blank=True, default="")
    vbank_holder = models.CharField(max_length=60, blank=True, default="")
    vbank_date = models.DateTimeField(null=True, blank=True)
    vbank_issued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    fail_reason = models.CharField(max_length=500, blank=True, default="")
    cancel_reason = models.CharField(max_length=500, blank=True, default="")
    receipt_url = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        abstract = True
