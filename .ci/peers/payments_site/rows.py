"""django-payments: a callback that confirms a payment."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from uuid import uuid4

from payments import PaymentStatus

from peers.django_rows import DjangoRow
from peers.gateway import paid
from peers.payments_site.models import Payment
from peers.payments_site.provider import answers
from peers.rows import expect

_numbers = itertools.count(1)


class Callback(DjangoRow):
    """The per-payment address, with what the gateway is asked."""

    def prepare(self, number: int) -> Sequence[tuple[str, bytes]]:
        made = Payment.objects.bulk_create(
            Payment(variant="verified", currency="KRW", total=10_000, token=str(uuid4()))
            for _ in range(number)
        )
        self.before = self.confirmed()
        items = []
        for payment in made:
            imp_uid = f"imp_{next(_numbers):012}"
            answers.payments[imp_uid] = paid(imp_uid, payment.token, 10_000)
            items.append(
                (f"/payments/process/{payment.token}/", json.dumps({"imp_uid": imp_uid}).encode())
            )
        return items

    def act(self, item: tuple[str, bytes]) -> None:
        self.post(*item)

    def check(self, items: Sequence[tuple[str, bytes]]) -> None:
        expect(type(self).__name__, self.confirmed() - self.before, len(items))

    def confirmed(self) -> int:
        """Payments whose money is there."""
        return Payment.objects.filter(
            status=PaymentStatus.CONFIRMED, captured_amount=10_000
        ).count()


class Dummy(Callback):
    """Its dummy provider takes the callback's word: nobody is asked, the amount is not stored."""

    def prepare(self, number: int) -> Sequence[tuple[str, bytes]]:
        made = Payment.objects.bulk_create(
            Payment(variant="dummy", currency="KRW", total=10_000, token=str(uuid4()))
            for _ in range(number)
        )
        self.before = self.confirmed()
        return [
            (f"/payments/process/{each.token}/?verification_result=confirmed", b"") for each in made
        ]

    def act(self, item: tuple[str, bytes]) -> None:
        self.post(*item, status=302)

    def confirmed(self) -> int:
        return Payment.objects.filter(status=PaymentStatus.CONFIRMED).count()


ROWS = {"callback": Callback(), "dummy": Dummy()}
