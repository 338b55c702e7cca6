"""What the gateway keeps beside payments: tokens, its log of calls, webhooks, faults in force, its
clock.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Token(models.Model):
    """An access token. The newest one of its key pair is handed out again until it expires."""

    # Digest of the key pair it was made for.
    owner = models.CharField(max_length=64, blank=True, db_index=True)
    value = models.CharField(max_length=40, unique=True)
    expired_at = models.BigIntegerField()

    def __str__(self) -> str:
        return f"token {self.pk}"


class Delivery(models.Model):
    """One attempt to send one webhook to one address: queued, claimed by whoever sends it
    (`sending`), then delivered or failed.

    A retry is a row of its own; `tries` is the number of the attempt. due_at is by the gateway's
    clock.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Being sent")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Not delivered")

    class Format(models.TextChoices):
        JSON = "json"
        FORM = "form"

    imp_uid = models.CharField(max_length=32, db_index=True)
    url = models.CharField(max_length=2000)
    format = models.CharField(max_length=4, choices=Format.choices, default=Format.JSON)
    body = models.JSONField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    due_at = models.BigIntegerField()
    tries = models.PositiveSmallIntegerField(default=0)
    answer_status = models.PositiveSmallIntegerField(null=True)
    # Real unix seconds, whatever the gateway's clock says.
    claimed_at = models.BigIntegerField(default=0, editable=False)
    answer_text = models.TextField(blank=True)
    created_at = models.BigIntegerField()
    delivered_at = models.BigIntegerField(default=0)
    # By hand or after a failure: V1 then waits less long.
    resend = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["state", "due_at"], name="sandbox_delivery_due")]

    def __str__(self) -> str:
        return f"{self.imp_uid} → {self.url}"


class ApiCall(models.Model):
    """One call of the REST API, without keys, secrets and tokens. Only the newest are kept
    (api/entry_point.py).
    """

    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    query = models.CharField(max_length=500, blank=True)
    body = models.TextField(blank=True)
    http_status = models.PositiveSmallIntegerField()
    code = models.IntegerField()
    # The one payment that it was about, if any.
    imp_uid = models.CharField(max_length=32, blank=True, db_index=True)
    # What was done to this call on purpose; http_status 0: it got no answer.
    fault = models.CharField(max_length=100, blank=True)
    created_at = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.http_status}"


class Gateway(models.Model):
    """The one row (pk 1) of what holds for the whole gateway; without it the defaults hold."""

    clock_offset = models.BigIntegerField(default=0)  # seconds that the clock was moved
    # Of the random faults; empty: not repeatable.
    seed = models.CharField(max_length=100, blank=True)
    # Since the seed was set: numbers the rules, so that their draws repeat.
    rules_made = models.PositiveIntegerField(default=0)
    # The console's choice; empty: as the settings say.
    webhook_format = models.CharField(max_length=4, blank=True)
    webhook_retries = models.PositiveSmallIntegerField(null=True)

    def __str__(self) -> str:
        return "gateway"


class Fault(models.Model):
    """Something that shall go wrong, for the next `left` matching calls or deliveries, or until it
    is removed.
    """

    number = models.PositiveIntegerField()  # since the seed was set
    of_delivery = models.BooleanField(default=False)  # else of an API call
    method = models.CharField(max_length=6, blank=True)
    # A part of the call's path, or of the delivery's address.
    path = models.CharField(max_length=200, blank=True)
    left = models.PositiveIntegerField(null=True)  # None: until removed
    chance = models.FloatField(default=1.0)
    draws = models.PositiveIntegerField(default=0)  # random numbers drawn so far
    effects = models.JSONField()  # names and values as faults/active_faults.py knows them

    def __str__(self) -> str:
        return f"fault {self.pk}"
