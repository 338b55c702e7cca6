"""Members' points: the count of attempts, the balance, and what services and staff do with it:
spend, refund a spend, adjust.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from django.db.models import F
from django.utils.translation import get_language

from billing.db.routing import primary
from billing.db.transactions import money_transaction
from billing.errors import IdempotencyConflict, InsufficientPoints, NoSuchSpend
from billing.models import Point, PointEntry
from billing.services.locking import by_whom

MOST_POINTS = 10**12
KEY_LENGTH = 100
MEMO_LENGTH = 200

# Spending joins the caller's transaction, so that points and what they buy are committed together.
# Several members in one transaction: in ascending id, or two callers could wait for each other.


def count_attempt(owner_id: Any) -> None:
    """The verb `Point.objects.count_attempt`; what it promises is said there."""
    values = {"point": F("point") + 1, "language": (get_language() or "")[:10]}
    if not Point.objects.filter(pk=owner_id).update(**values):
        primary(Point).bulk_create([Point(pk=owner_id)], ignore_conflicts=True)
        Point.objects.filter(pk=owner_id).update(**values)


def balance_of(user: Any) -> int:
    """The verb `Point.objects.balance_of`; what it promises is said there."""
    return primary(Point).filter(pk=user.pk).values_list("balance", flat=True).first() or 0


def spend(*, user: Any, amount: int, idempotency_key: str, memo: str = "") -> PointEntry:
    """The verb `Point.objects.spend`; what it promises is said there."""
    _check(amount, idempotency_key, memo)
    entry = _post_keyed_entry(user.pk, "spend", idempotency_key, -amount, floor=0, memo=memo)
    if entry is None:
        entry = _entry_under(user.pk, "spend", idempotency_key, -amount)
        if (
            primary(PointEntry)
            .filter(owner_id=user.pk, kind="give_back", idempotency_key=idempotency_key)
            .exists()
        ):
            raise IdempotencyConflict(
                f"what was spent under {idempotency_key!r} has been given back"
            )
    if entry is None:
        # More may have come meanwhile.
        raise InsufficientPoints(max(1, amount - balance_of(user)))
    return entry


def refund_spend(*, user: Any, idempotency_key: str) -> PointEntry:
    """The verb `Point.objects.refund_spend`; what it promises is said there."""
    _check(1, idempotency_key, "")
    spent = (
        primary(PointEntry)
        .filter(owner_id=user.pk, kind="spend", idempotency_key=idempotency_key)
        .first()
    )
    if spent is None:
        raise NoSuchSpend(f"nothing was spent under {idempotency_key!r}")
    entry = _post_keyed_entry(user.pk, "give_back", idempotency_key, -spent.delta, memo=spent.memo)
    if entry is None:
        entry = primary(PointEntry).get(
            owner_id=user.pk, kind="give_back", idempotency_key=idempotency_key
        )
    return entry


def adjust(*, user: Any, delta: int, idempotency_key: str, reason: str, by: Any) -> PointEntry:
    """The verb `Point.objects.adjust`; what it promises is said there."""
    _check(abs(delta) if type(delta) is int else 0, idempotency_key, reason)
    if not reason.strip() or by is None:
        raise ValueError("an adjustment says why, and who made it")
    primary(Point).bulk_create([Point(pk=user.pk)], ignore_conflicts=True)
    entry = _post_keyed_entry(
        user.pk,
        "adjust",
        idempotency_key,
        delta,
        floor=0 if delta < 0 else None,
        memo=reason.strip(),
        by=by,
    )
    if entry is None:
        entry = _entry_under(user.pk, "adjust", idempotency_key, delta)
    if entry is None:
        raise InsufficientPoints(max(1, -delta - balance_of(user)))
    return entry


def _post_keyed_entry(
    owner_id: Any,
    kind: str,
    idempotency_key: str,
    delta: int,
    *,
    floor: int | None = None,
    memo: str = "",
    by: Any = None,
) -> PointEntry | None:
    """Balance, then entry, in one savepoint; None, and nothing done, where the balance would
    fall below `floor` or the key is used.

    Without the savepoint a clash of keys would break the caller's transaction.
    """
    account = Point.objects.filter(pk=owner_id)
    if floor is not None:
        account = account.filter(balance__gte=floor - delta)
    try:
        with money_transaction():
            if not account.update(balance=F("balance") + delta):
                return None
            return primary(PointEntry).create(
                owner_id=owner_id,
                kind=kind,
                idempotency_key=idempotency_key,
                delta=delta,
                memo=memo[:MEMO_LENGTH],
                **by_whom(by),
            )
    except IntegrityError:
        if (
            not primary(PointEntry)
            .filter(owner_id=owner_id, kind=kind, idempotency_key=idempotency_key)
            .exists()
        ):
            raise
        return None


def _entry_under(owner_id: Any, kind: str, idempotency_key: str, delta: int) -> PointEntry | None:
    entry = (
        primary(PointEntry)
        .filter(owner_id=owner_id, kind=kind, idempotency_key=idempotency_key)
        .first()
    )
    if entry is not None and entry.delta != delta:
        raise IdempotencyConflict(
            f"{idempotency_key!r} stands for {abs(entry.delta)} points already, "
            f"not for {abs(delta)}"
        )
    return entry


def _check(amount: object, key: object, memo: object) -> None:
    if type(amount) is not int or not 1 <= amount <= MOST_POINTS:
        raise ValueError(f"points are a whole number between 1 and {MOST_POINTS}")
    if not isinstance(key, str) or not 1 <= len(key) <= KEY_LENGTH or not key.isprintable():
        raise ValueError(f"a key is 1 to {KEY_LENGTH} printable characters")
    if not isinstance(memo, str) or "\x00" in memo:
        raise ValueError("a memo is text without NUL")
