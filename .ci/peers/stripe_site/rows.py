"""dj-stripe: a signed webhook about a charge, stored with its delivery, and once more."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import stripe
from django.conf import settings
from django.urls import reverse
from djstripe.models import Account, APIKey, Charge, Event, WebhookEndpoint, WebhookEventTrigger

from peers.django_rows import DjangoRow
from peers.rows import expect
from peers.stripe_site.stripe_api import ACCOUNT, CannedStripe, charge_event, signature

SECRET = "whsec_nobodys"  # noqa: S105
_numbers = itertools.count(time.time_ns() // 1_000_000)
answers = stripe.default_http_client = CannedStripe()

account, _ = Account.objects.get_or_create(id=ACCOUNT, defaults={"livemode": True})
APIKey.objects.get_or_create(
    secret=settings.STRIPE_LIVE_SECRET_KEY,
    defaults={"type": "secret", "livemode": True, "djstripe_owner_account": account},
)
endpoint, _ = WebhookEndpoint.objects.get_or_create(
    id="we_nobodys",
    defaults={
        "url": "https://shop.example/",
        "secret": SECRET,
        "enabled_events": ["*"],
        "status": "enabled",
        "livemode": True,
        "djstripe_owner_account": account,
    },
)
ADDRESS = reverse("djstripe:djstripe_webhook_by_uuid", args=[endpoint.djstripe_uuid])


class Webhook(DjangoRow):
    """charge.succeeded."""

    kind = "charge.succeeded"
    adds = (1, 1, 1)

    def prepare(self, number: int) -> Sequence[tuple[bytes, str]]:
        items = []
        for _ in range(number):
            name, charge, event = charge_event(next(_numbers), self.kind)
            answers.charges[name] = charge
            items.append((event, signature(event, SECRET)))
        self.before = self.stored()
        return items

    def act(self, item: tuple[bytes, str]) -> None:
        self.post(ADDRESS, item[0], **{"stripe-signature": item[1]})

    def check(self, items: Sequence[tuple[bytes, str]]) -> None:
        expect(
            type(self).__name__,
            self.stored(),
            [old + new * len(items) for old, new in zip(self.before, self.adds, strict=True)],
        )

    def stored(self) -> list[int]:
        """Deliveries that were processed, their events, and what those told of."""
        return [
            WebhookEventTrigger.objects.filter(processed=True, valid=True).count(),
            Event.objects.count(),
            Charge.objects.filter(status="succeeded").count(),
        ]


class Delivery(Webhook):
    """An event that dj-stripe keeps and makes nothing of: the least that a webhook can cost it."""

    kind = "balance.available"
    adds = (1, 1, 0)


ROWS = {"webhook": Webhook(), "delivery": Delivery()}
