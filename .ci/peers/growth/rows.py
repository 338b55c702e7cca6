"""What a member and the gateway ask for, in tables that hold many rows already."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from billing.models import Point, PointEntry, PointTransaction
from peers.django_rows import DjangoRow
from peers.ours.rows import MANY, Charge
from peers.rows import expect

_numbers = itertools.count(time.time_ns())


class Page(DjangoRow):
    """A page of members who have charged before."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.sessions: list[str] = []

    def prepare(self, number: int) -> Sequence[str]:
        if not self.sessions:
            middle = PointTransaction.objects.count() // 2
            owners = PointTransaction.objects.filter(pk__gte=middle).order_by("pk")
            for owner in dict.fromkeys(owners.values_list("owner_id", flat=True)[:50]):
                client = Client()
                user = get_user_model().objects.get(pk=owner)
                client.force_login(user, settings.AUTHENTICATION_BACKENDS[-1])
                self.sessions.append(client.cookies["sessionid"].value)
        return [self.sessions[each % len(self.sessions)] for each in range(number)]

    def act(self, item: str) -> None:
        self.client().cookies["sessionid"] = item
        answer = self.client().get(self.address)
        expect(self.address, answer.status_code, 200)

    def check(self, items: Sequence[str]) -> None:
        """Each answer was looked at."""


class Spend(DjangoRow):
    """The verb."""

    def prepare(self, number: int) -> Sequence[Any]:
        Point.objects.filter(pk__in=[user.pk for user in MANY], balance__lt=number).update(
            balance=10**9
        )
        self.before = PointEntry.objects.filter(kind="spend").count()
        return [MANY[each % len(MANY)] for each in range(number)]

    def act(self, item: Any) -> None:
        key = f"order-{next(_numbers)}"
        Point.objects.spend(user=item, amount=1, idempotency_key=key, memo="ticket")

    def check(self, items: Sequence[Any]) -> None:
        found = PointEntry.objects.filter(kind="spend").count() - self.before
        expect("spends", found, len(items))


ROWS = {
    "charge page": Page("/billing/charge/"),
    "history": Page("/billing/payments/"),
    "webhook": Charge(MANY),
    "spend": Spend(),
}
