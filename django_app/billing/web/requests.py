"""What the views ask of a request."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest

from billing.conf import conf
from billing.db.routing import primary
from billing.gateway.api import Deadline
from billing.models import PointTransaction


def web_deadline() -> Deadline:
    """The seconds that a web request may spend on the gateway in all."""
    return Deadline(conf.BILLING_DOOR_SECONDS)


def own_transactions(request: HttpRequest) -> QuerySet[PointTransaction]:
    """The member's own rows; whatever belongs to somebody else does not exist."""
    return primary(PointTransaction).filter(owner_id=request.user.pk).select_related("owner")
