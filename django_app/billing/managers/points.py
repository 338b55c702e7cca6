"""Members' points: the count of attempts and the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F
from django.utils.translation import get_language

if TYPE_CHECKING:
    from billing.models import Point  # noqa: F401  (the quoted name below)


class PointManager(models.Manager["Point"]):
    """`Point.objects`."""

    def count_attempt(self, owner_id: Any) -> None:
        """One more attempt of this member, whose account is made with the first. Runs inside start()'s transaction.

        A conditional UPDATE, so that no attempt is lost whatever runs at the same time: 1 statement, 3 for a member's first. Called
        twice, it counts two. The language of the moment is kept for mail that is sent without a request.
        """
        values = {"point": F("point") + 1, "language": (get_language() or "")[:10]}
        if not self.filter(pk=owner_id).update(**values):
            self.bulk_create([self.model(pk=owner_id)], ignore_conflicts=True)
            self.filter(pk=owner_id).update(**values)

    def balance_of(self, user: Any) -> int:
        """Points the member can spend; 0 for one who never charged."""
        return self.filter(pk=user.pk).values_list("balance", flat=True).first() or 0
