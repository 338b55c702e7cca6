"""In which order a host project locks its own rows and ours (docs/money.md), on PostgreSQL: on
SQLite a transaction is alone anyway.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, transaction

from billing.models import Point
from billing.services import locking, points
from billing.tests.support.threads import together
from billing_office.actions import anonymize_member

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.skipif(
        not settings.DATABASES["default"]["ENGINE"].endswith("postgresql"),
        reason="one transaction at a time on SQLite",
    ),
]


@pytest.fixture
def meet(user: Any, django_user_model: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """meet(no_key=…): a shop locks its user row and spends, while a correction by this user is
    between balance and entry; both results.
    """
    Point.objects.adjust(
        user=user, delta=10_000, idempotency_key="a gift", reason="a test", by=user
    )
    user_locked, balance_locked = threading.Event(), threading.Event()
    real = locking.by_whom

    def between(by: Any) -> dict[str, Any]:
        if by is not None:
            balance_locked.set()
            assert user_locked.wait(30)
        return real(by)

    monkeypatch.setattr(points, "by_whom", between)

    def run(*, no_key: bool) -> list[Any]:
        def shop() -> int:
            with transaction.atomic():
                django_user_model.objects.select_for_update(no_key=no_key).get(pk=user.pk)
                user_locked.set()
                assert balance_locked.wait(30)
                return Point.objects.spend(user=user, amount=1_000, idempotency_key="order-1").delta

        def office() -> int:
            return Point.objects.adjust(
                user=user, delta=500, idempotency_key="more", reason="a test", by=user
            ).delta

        return together([shop, office])

    return run


def test_a_shop_that_locks_its_user_row_without_the_key_meets_nobody(meet):
    assert meet(no_key=True) == [-1_000, 500]
    assert Point.objects.get().balance == 9_500


def test_a_shop_that_locks_its_user_row_meets_nobody_who_lets_the_member_leave(
    user, django_user_model, monkeypatch
):
    """Leaving writes the user too, so it takes the user first, as the shop does: whoever comes
    second waits and no one is refused.
    """
    Point.objects.adjust(
        user=user, delta=10_000, idempotency_key="a gift", reason="a test", by=user
    )
    user_locked = threading.Event()
    real = anonymize_member.reason_to_wait
    monkeypatch.setattr(
        anonymize_member, "reason_to_wait", lambda who: user_locked.wait(5) and real(who)
    )

    def shop() -> int:
        with transaction.atomic():
            django_user_model.objects.select_for_update(no_key=True).get(pk=user.pk)
            user_locked.set()
            time.sleep(0.5)  # so that the other side comes as far as it can
            return Point.objects.spend(user=user, amount=1_000, idempotency_key="order-1").delta

    def office() -> None:
        user_locked.wait(30)
        anonymize_member.anonymize_and_close(user, balance_shown=None)

    assert together([shop, office]) == [-1_000, None]
    assert (Point.objects.get().balance, Point.objects.get().left_at is not None) == (9_000, True)


def test_a_shop_that_locks_the_whole_user_row_deadlocks(meet):
    """The negative control: an entry that says who made it shares a lock on that user's key. One of
    both is refused; nothing is lost.
    """
    results = meet(no_key=False)
    assert [type(result) for result in results].count(OperationalError) == 1, results
    assert Point.objects.get().balance == 10_000 + sum(
        result for result in results if isinstance(result, int)
    )
