"""Results of identity checks."""

from __future__ import annotations

from django.db import models


class Certification(models.Model):
    """One person who proved who they are, at IMP.certification or by the control API."""

    imp_uid = models.CharField(max_length=32, unique=True)
    merchant_uid = models.CharField(max_length=40, blank=True)
    pg_tid = models.CharField(max_length=64)
    pg_provider = models.CharField(max_length=16, default="danal")
    name = models.CharField(max_length=40)
    gender = models.CharField(max_length=6)  # male, female
    birthday = models.CharField(max_length=10)  # YYYY-MM-DD
    foreigner = models.BooleanField(default=False)
    phone = models.CharField(max_length=16)
    carrier = models.CharField(max_length=8)
    unique_key = models.CharField(max_length=88)  # CI: the same for one person everywhere
    unique_in_site = models.CharField(max_length=64)  # DI: the same for one person at this merchant
    origin = models.CharField(max_length=300, blank=True)
    certified_at = models.BigIntegerField()

    def __str__(self) -> str:
        return self.imp_uid
