"""One repair at a time: a row of ReconcileRun, whose lease keeps two machines from doing the same
work twice.

Everything that a repair does is harmless when it is done twice; the lease only saves calls. It is
taken by an INSERT (a partial unique constraint lets one unfinished run be), prolonged while the run
lives, and ends by itself where the run was killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, models
from django.db.models import Q
from django.utils import timezone

from billing.db.routing import primary
from billing.db.transactions import money_transaction
from billing.models import ReconcileRun

NAME = "reconcile"
# Longer than any step: a question takes three minutes at most, its repeat and control included.
LEASE = timedelta(minutes=10)
PROLONG_AFTER = timedelta(minutes=1)
# By which the clocks of two machines may differ; more is a clock that was wrong.
CLOCKS_APART = timedelta(minutes=1)


class LeaseLost(Exception):
    """The lease ran out, and another run has taken over: stop."""


class Run:
    """The run that this process holds."""

    def __init__(self, row: ReconcileRun) -> None:
        self._row = row
        self._prolonged = timezone.now()

    @classmethod
    def begin(cls) -> Run | None:
        """Take the lease; None where another run holds it. A run whose lease is over is closed
        first: its process was killed. So is one whose lease ends later than any lease of now can:
        the clock was ahead when it began. If it still lives, it stops at its next step.
        """
        now = timezone.now()
        unfinished = _runs().filter(finished__isnull=True)
        ahead = unfinished.filter(lease_until__gt=_latest_lease(now))
        ahead.update(
            finished=now,
            result={"stopped": "its lease lay too far in the future: a clock was wrong"},
        )
        dead = unfinished.exclude(lease_until__gte=now)
        dead.update(finished=now, result={"stopped": "killed: its lease ran out"})
        row = ReconcileRun(name=NAME, lease_until=now + LEASE, watermark=last_watermark())
        try:
            with money_transaction(durable=True):
                row.save(force_insert=True)
        except IntegrityError:
            return None
        return cls(row)

    def renew_lease(self, *, now: datetime | None = None) -> None:
        """Prolong the lease, at most once a minute. Raises LeaseLost where another run has taken
        it.
        """
        now = now or timezone.now()
        if (
            abs(now - self._prolonged) >= PROLONG_AFTER
        ):  # also where the clock was put back meanwhile
            if not self._own_row().update(lease_until=now + LEASE):
                raise LeaseLost
            self._prolonged = now

    def end(self, result: dict[str, Any], watermark: datetime | None) -> None:
        """Close it with its result; watermark: up to when the windows have been read, None where
        not all could be. Twice: nothing.
        """
        values: dict[str, Any] = {"finished": timezone.now(), "lease_until": None, "result": result}
        if watermark is not None:
            values["watermark"] = watermark
        if self._own_row().update(**values):
            _name_payments_once(self._row.pk, result["unknown"]["payments"])

    def _own_row(self) -> Any:
        return ReconcileRun.objects.filter(pk=self._row.pk, finished__isnull=True)


def is_alive(run: ReconcileRun, now: datetime) -> bool:
    """Whether it holds its lease at that moment."""
    return (
        run.finished is None
        and run.lease_until is not None
        and now <= run.lease_until <= _latest_lease(now)
    )


def last_watermark() -> datetime | None:
    """Up to when the windows have been read; None before the first complete run. Each run carries
    it on.
    """
    return _runs().order_by("-id").values_list("watermark", flat=True).first()


def last_unresolved() -> list[str]:
    """imp_uids that the last run could neither compare nor apply. A run that was killed knew of
    none, and took none away.
    """
    return _last_of("unsettled")


def last_unread() -> list[tuple[str, int]]:
    """Seconds of the gateway's lists that the last run could not read: (status, unix second). As
    `last_unresolved`.
    """
    return [(status, second) for status, second in _last_of("unread")]


def last_unreadable_unmatched() -> list[str]:
    """imp_uids (or merchant_uids) of payments that cannot be read and are none of ours, which have
    been named.
    """
    return _last_of("unreadable_of_nobody")


def running() -> ReconcileRun | None:
    """The run that holds the lease now."""
    return _runs().filter(finished__isnull=True).first()


def prune(days: int) -> int:
    """Delete runs that ended more than `days` days ago, but the newest and those that name payments
    of nobody here; how many.
    """
    old = _runs().filter(finished__lt=timezone.now() - timedelta(days=days))
    newest = _runs().order_by("-id").first()
    names_nobody = Q(result__unknown__isnull=True) | Q(result__unknown__payments=[])
    return old.filter(names_nobody).exclude(pk=newest.pk).delete()[0] if newest else 0


def _name_payments_once(pk: int, named: Sequence[dict[str, Any]]) -> None:
    """Windows overlap, so that the run before named most of these payments too: each stays with the
    last run that saw it.
    """
    before = _runs().filter(pk__lt=pk).order_by("-id").first()
    unknown = before.result.get("unknown") if before else None
    if before is not None and unknown and unknown["payments"]:
        known = {payment["imp_uid"] for payment in named}
        unknown["payments"] = [
            payment for payment in unknown["payments"] if payment["imp_uid"] not in known
        ]
        ReconcileRun.objects.filter(pk=before.pk).update(result=before.result)


def _last_of(name: str) -> list[Any]:
    last = _runs().filter(result__has_key=name).order_by("-id").first()
    return list(last.result[name]) if last else []


def _latest_lease(now: datetime) -> datetime:
    return now + LEASE + CLOCKS_APART


def _runs() -> models.QuerySet[ReconcileRun]:
    return primary(ReconcileRun).filter(name=NAME)
