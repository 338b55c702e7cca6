"""What staff read about a row, as data: one line each, never changed by the program."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class TransactionNote(models.Model):
    """code: a `states.Review` or `note_codes.NoteCode`, which tells what `params` holds. by: who of
    the staff did it; null where the program noted it.
    """

    txn = models.ForeignKey(
        "billing.PointTransaction", models.PROTECT, related_name="notes", db_index=False
    )
    code = models.CharField(max_length=30)
    params = models.JSONField(default=dict, blank=True)
    by_name = models.CharField(max_length=150, blank=True, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        indexes = [models.Index(fields=["txn", "id"], name="billing_note_by_txn")]

    def __str__(self) -> str:
        return f"{self.code} {self.params}"
