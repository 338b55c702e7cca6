"""Tables about the work itself: runs of the jobs, the figures of closed days, the mode of this
database. `models.py` has those of money.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ReconcileRun(models.Model):
    """One run of `reconcile --repair`, or of another job by that name. The lease keeps two machines
    from doing the same work.
    """

    name = models.CharField(max_length=20, default="reconcile")
    started = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    watermark = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("reconcile run")
        verbose_name_plural = _("reconcile runs")
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(finished__isnull=True),
                name="billing_one_run_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.started:%Y-%m-%d %H:%M}"


class DailyFigures(models.Model):
    """What happened on one closed day (Asia/Seoul) by one method; "" holds what has no method
    (spend, adjust). See `figures.py`.
    """

    day = models.DateField()
    pay_method = models.CharField(max_length=20, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    charged = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    spent = models.BigIntegerField(default=0)
    given_back = models.BigIntegerField(default=0)
    adjusted = models.BigIntegerField(default=0)
    rolled_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("daily figures")
        verbose_name_plural = _("daily figures")
        constraints = [
            models.UniqueConstraint(
                fields=["day", "pay_method"], name="billing_one_figure_per_day_and_method"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.pay_method}"


class Installation(models.Model):
    """The mode this database was made for: one row, written by migrate (`installation.py`)."""

    mode = models.CharField(max_length=10)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="billing_one_installation")]

    def __str__(self) -> str:
        return self.mode
