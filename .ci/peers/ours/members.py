"""Members and their attempts in our database, with the gateway's answers to match."""

from __future__ import annotations

import itertools
import time
from typing import Any

from django.contrib.auth import get_user_model

from billing.gateway.api import gateway
from billing.models import Point, PointTransaction
from peers.gateway import CannedAnswers, paid

AMOUNT = 10_000
MANY = 200  # members: so many that no two threads wait for the same one

answers = CannedAnswers()
_numbers = itertools.count(time.time_ns() // 1_000_000)


def answer_from_memory() -> None:
    """From now on our client gets canned answers; nothing leaves this process."""
    for scheme in ("https://", "http://"):
        gateway().requests_session.mount(scheme, answers)


def members(number: int = MANY) -> list[Any]:
    """New users with an address for mail and a row for points."""
    users, first = get_user_model(), next(_numbers)
    made = users.objects.bulk_create(
        users(username=f"member-{first}-{each}", email="member@example.com", password="!")  # noqa: S106
        for each in range(number)
    )
    Point.objects.bulk_create(Point(user=user, point=1) for user in made)
    return made


def attempts(owners: list[Any], number: int) -> list[dict[str, Any]]:
    """So many attempts, one member after the other, each paid at the gateway and unknown to us:
    the body of each webhook.
    """
    fresh = PointTransaction.objects.bulk_create(
        PointTransaction(
            owner_id=owners[each % len(owners)].pk,
            merchant_uid=PointTransaction.objects.new_merchant_uid(owners[each % len(owners)]),
            amount=AMOUNT,
            pay_method="card",
        )
        for each in range(number)
    )
    bodies = []
    for txn in fresh:
        imp_uid = f"imp_{next(_numbers)}"
        answers.payments[imp_uid] = paid(imp_uid, txn.merchant_uid, txn.amount)
        bodies.append({"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, "status": "paid"})
    return bodies
