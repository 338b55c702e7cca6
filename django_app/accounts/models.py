"""Counters of attempts, and from which lines members logged in. Both hold keyed hashes only: no
address and no name can be read back.
"""

from __future__ import annotations

from django.db import models

DIGEST = 64  # hex digits


class AttemptCounter(models.Model):
    """How often one thing was tried by one line, name or member in its current window. Updated in
    place.
    """

    # HMAC of the action and of who tries.
    key = models.CharField(max_length=DIGEST, primary_key=True)
    started_at = models.BigIntegerField()  # unix seconds: when the window began
    # Unix seconds: from then on the row says nothing.
    expires_at = models.BigIntegerField(db_index=True)
    count = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]}…: {self.count}"


class KnownLine(models.Model):
    """A line from which a member logged in, and when last."""

    # HMAC of the member's primary key and the line.
    key = models.CharField(max_length=DIGEST, primary_key=True)
    seen_at = models.BigIntegerField(db_index=True)  # unix seconds

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]}…"
