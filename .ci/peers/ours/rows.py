"""Our rows: webhook to credited points, the same once more, and the start of an attempt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import Sum

from billing.models import Point, PointEntry, PointTransaction, WebhookEvent
from billing.notifications import mail_queue
from peers.django_rows import DjangoRow
from peers.ours.members import AMOUNT, answer_from_memory, attempts, members
from peers.rows import expect

answer_from_memory()
WEBHOOK, CHECKOUT = "/billing/webhook/", "/billing/checkout/"
MANY, HOT = members(), members(1)
charged: list[bytes] = []  # webhooks that were delivered


def facts() -> dict[str, int]:
    """What our tables hold."""
    return {
        "points": Point.objects.aggregate(sum=Sum("balance"))["sum"] or 0,
        "entries": PointEntry.objects.count(),
        "deliveries": WebhookEvent.objects.filter(outcome="done").count(),
        "attempts": Point.objects.aggregate(sum=Sum("point"))["sum"] or 0,
        "rows": PointTransaction.objects.count(),
    }


class Ours(DjangoRow):
    """A row that adds to these facts by each act, and to no other."""

    adds: dict[str, int] = {}

    def prepare(self, number: int) -> Sequence[Any]:
        items = self.items(number)
        self.before = facts()
        return items

    def items(self, number: int) -> Sequence[Any]:
        raise NotImplementedError

    def check(self, items: Sequence[Any]) -> None:
        wanted = {
            name: value + self.adds.get(name, 0) * len(items) for name, value in self.before.items()
        }
        expect(type(self).__name__, facts(), wanted)


class Charge(Ours):
    """A webhook that credits. Mail that waits at the end is part of it."""

    adds = {"points": AMOUNT, "entries": 1, "deliveries": 1}

    def __init__(self, owners: list[Any], *, mail: bool = True) -> None:
        self.owners, self.mail = owners, mail

    def items(self, number: int) -> Sequence[bytes]:
        settings.BILLING_MAIL = self.mail
        return [json.dumps(body).encode() for body in attempts(self.owners, number)]

    def act(self, item: bytes) -> None:
        self.post(WEBHOOK, item)

    def finish(self) -> None:
        if not mail_queue.wait(60):
            raise SystemExit("mail still waits")

    def check(self, items: Sequence[bytes]) -> None:
        super().check(items)
        charged.extend(items)


class Duplicate(Ours):
    """A webhook that was handled already."""

    adds = {"deliveries": 1}

    def items(self, number: int) -> Sequence[bytes]:
        self.connect()
        for body in attempts(MANY, number - len(charged)):
            self.act(json.dumps(body).encode())
            charged.append(json.dumps(body).encode())
        return charged[-number:]

    def act(self, item: bytes) -> None:
        self.post(WEBHOOK, item)


class Start(Ours):
    """The verb: the row, the attempt, and the amount registered at the gateway."""

    adds = {"rows": 1, "attempts": 1}

    def items(self, number: int) -> Sequence[Any]:
        return [MANY[each % len(MANY)] for each in range(number)]

    def act(self, item: Any) -> None:
        PointTransaction.objects.start(user=item, amount=AMOUNT, pay_method="card")


class Checkout(Ours):
    """The same as the page asks for it: session, user, form, throttle."""

    adds = {"rows": 1, "attempts": 1}
    sessions: list[str] = []

    def items(self, number: int) -> Sequence[str]:
        if not self.sessions:
            self.connect()
            for member in MANY:
                self.client().force_login(member, "django.contrib.auth.backends.ModelBackend")
                self.sessions.append(self.client().cookies["sessionid"].value)
                self.client().cookies.clear()
        return [self.sessions[each % len(self.sessions)] for each in range(number)]

    def act(self, item: str) -> None:
        client = self.client()
        client.cookies["sessionid"] = item
        form = {"amount": str(AMOUNT), "pay_method": "card", "buyer_tel": "010-0000-0000"}
        expect("checkout", client.post(CHECKOUT, form).status_code, 201)


ROWS = {
    "charge": Charge(MANY),
    "charge-silent": Charge(MANY, mail=False),
    "charge-hot": Charge(HOT),
    "duplicate": Duplicate(),
    "start": Start(),
    "checkout": Checkout(),
}
