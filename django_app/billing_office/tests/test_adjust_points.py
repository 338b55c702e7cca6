"""Staff correct a balance: once, by an entry with a reason."""

from __future__ import annotations

import pytest

from billing.errors import InsufficientPoints
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import (
    YES,
)
from billing_sandbox.models import Payment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State


def test_correct_a_balance_once(boss, user):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    data = {"points": "+5,000", "reason": "lost order", "key": key}
    assert "0P become 5,000P" in boss.post(address, data).text
    for _ in range(2):
        assert told(boss.post(address, {**data, **YES}, follow=True)) == [
            "The balance was corrected by +5,000P."
        ]
    entry = PointEntry.objects.get()
    assert (entry.delta, entry.memo, entry.by_name, entry.idempotency_key) == (
        5_000,
        "lost order",
        "boss",
        key,
    )
    assert (
        "for another number of points"
        in told(boss.post(address, {**data, "points": "1", **YES}, follow=True))[0]
    )
    other = {"points": "−7,000", "reason": "x", "key": key[:-1] + ("0" if key[-1] != "0" else "1")}
    assert "would fall below zero" in boss.post(address, other).text
    assert "2,000P are missing" in told(boss.post(address, {**other, **YES}, follow=True))[0]
    assert Point.objects.get().balance == 5_000
    with pytest.raises(InsufficientPoints):
        Point.objects.spend(user=user, amount=5_001, idempotency_key="x")


@pytest.mark.parametrize("typed", ["0", "+0", "abc", "1.5", "--5", "+-5", "", "９", "1" * 16])
def test_corrections_that_cannot_be(boss, user, typed):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    assert (
        boss.post(address, {"points": typed, "reason": "x", "key": key, **YES})
        .context["form"]
        .errors["points"]
    )
    assert (
        boss.post(address, {"points": "5", "reason": "x", "key": "mine", **YES})
        .context["form"]
        .errors["key"]
    )
    assert PointEntry.objects.count() == 0


def test_the_gateway_is_never_asked_by_a_correction(gateway, boss, user):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    boss.post(address, {"points": "5", "reason": "x", "key": key, **YES})
    assert (gateway.all_calls, Payment.objects.using("sandbox").count()) == ([], 0)
