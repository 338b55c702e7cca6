"""Audit: whether balances, rows and ledger agree with each other. Asks our own database only;
reconcile asks the gateway.

Each check is one statement, which sees one moment: two would show false drift while money moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest

from billing.db import triggers
from billing.db.routing import write_alias
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.reports import closed_days

MOST_NAMED = 20
Kind = PointEntry.Kind


@dataclass
class Finding:
    """What one check found. count: how many contradict it; named: the first of them, in words with
    their ids.
    """

    check: str
    count: int = 0
    named: list[str] = field(default_factory=list)


def check_integrity() -> Iterator[Finding]:
    """Run every check, one after the other. Changes nothing; memory does not grow with the number
    of rows.
    """
    for name, check in CHECKS.items():
        finding = Finding(name)
        for words in check():
            finding.count += 1
            if len(finding.named) < MOST_NAMED:
                finding.named.append(words)
        yield finding


def _balances() -> Iterable[str]:
    members = Point.objects.annotate(
        total=Coalesce(Sum("entries__delta"), 0, output_field=BigIntegerField())
    )
    for pk, balance, total in _rows(members.exclude(balance=F("total")), "pk", "balance", "total"):
        yield f"member {pk}: the balance is {balance}, the entries add up to {total}"


def _credits() -> Iterable[str]:
    target = Case(
        When(credited_at__isnull=True, then=Value(0)),
        default=F("amount") - Greatest("cancel_amount", "pending_cancel_total"),
        output_field=BigIntegerField(),
    )
    rows = PointTransaction.objects.annotate(target=target).exclude(credited=F("target"))
    for merchant_uid, credited, wanted in _rows(rows, "merchant_uid", "credited", "target"):
        yield f"{merchant_uid}: {credited} points are credited, its facts say {wanted}"


def _credits_in_the_ledger() -> Iterable[str]:
    rows = PointTransaction.objects.annotate(
        total=Coalesce(Sum("entries__delta"), 0, output_field=BigIntegerField())
    )
    for merchant_uid, credited, total in _rows(
        rows.exclude(credited=F("total")), "merchant_uid", "credited", "total"
    ):
        yield f"{merchant_uid}: {credited} points are credited, its entries add up to {total}"


def _owners() -> Iterable[str]:
    strays = PointEntry.objects.filter(txn__isnull=False).exclude(owner=F("txn__owner"))
    for pk, owner, merchant_uid, right in _rows(
        strays, "pk", "owner_id", "txn__merchant_uid", "txn__owner_id"
    ):
        yield (
            f"entry {pk}: belongs to member {owner}, its transaction {merchant_uid} to member "
            f"{right}"
        )


def _cancel_goals() -> Iterable[str]:
    is_open = Q(
        cancellations__kind=PointCancellation.Kind.CANCEL,
        cancellations__state__in=PointCancellation.OPEN,
    )
    reaches = Q(pending_cancel_total=F("cancellations__base") + F("cancellations__amount"))
    rows = PointTransaction.objects.annotate(
        open=Count("cancellations", filter=is_open),
        right=Count("cancellations", filter=is_open & reaches),
    ).filter(
        Q(pending_cancel_total=0, open__gt=0) | Q(pending_cancel_total__gt=0) & ~Q(open=1, right=1)
    )
    for merchant_uid, goal, count, right in _rows(
        rows, "merchant_uid", "pending_cancel_total", "open", "right"
    ):
        yield (
            f"{merchant_uid}: its cancel goal is {goal} won, and {count} cancels are open, {right} "
            "of them to that goal"
        )


def _give_backs() -> Iterable[str]:
    spend = PointEntry.objects.filter(
        owner=OuterRef("owner"),
        kind=Kind.SPEND,
        idempotency_key=OuterRef("idempotency_key"),
        delta=-OuterRef("delta"),
    )
    rows = PointEntry.objects.filter(kind=Kind.GIVE_BACK).exclude(Exists(spend))
    for pk, owner, key, delta in _rows(rows, "pk", "owner_id", "idempotency_key", "delta"):
        yield (
            f"entry {pk}: member {owner} got back {delta} points for {key!r}, and never spent that "
            "much under this key"
        )


def _signs() -> Iterable[str]:
    gains = Q(kind__in=[Kind.CHARGE, Kind.RELEASE, Kind.GIVE_BACK], delta__gt=0)
    losses = Q(kind__in=[Kind.CANCEL, Kind.SPEND], delta__lt=0)
    rows = PointEntry.objects.exclude(gains | losses | Q(kind=Kind.ADJUST))
    for pk, kind, delta in _rows(rows, "pk", "kind", "delta"):
        yield f"entry {pk}: {kind} of {delta:+} points"


def _triggers() -> Iterable[str]:
    return [
        f"{name} is missing: run migrate"
        for name in triggers.missing_triggers(write_alias(PointEntry))
    ]


CHECKS: dict[str, Callable[[], Iterable[str]]] = {
    "a balance is the sum of the member's entries": _balances,
    "what a row credits follows from its facts": _credits,
    "what a row credits is the sum of its entries": _credits_in_the_ledger,
    "a row's entries are its member's": _owners,
    "a cancel goal has its one open cancel": _cancel_goals,
    "what was given back was spent": _give_backs,
    "the sign of an entry fits its kind": _signs,
    "the ledger's triggers are there": _triggers,
    "the figures of closed days are the sums of their rows": closed_days.differences,
}


def _rows(rows: QuerySet[Any], *columns: str) -> Iterator[tuple[Any, ...]]:
    """Read as they come, in the order of their ids, never all at once."""
    return rows.using(write_alias(rows.model)).order_by("pk").values_list(*columns).iterator()
