"""What the views ask of a request."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch

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


def login_url() -> str:
    """Where members log in. A LOGIN_URL that leads nowhere is said by `check`, not by a page that
    fails for members who are logged in.
    """
    try:
        return resolve_url(conf.django.LOGIN_URL)
    except (NoReverseMatch, TypeError):  # TypeError: None
        return "/"
