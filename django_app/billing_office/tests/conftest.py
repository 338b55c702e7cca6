"""Fixtures of the back office's tests: staff of each kind, and rows to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from billing.models import PointTransaction

GROUPS = {"support": "billing: support", "finance": "billing: finance"}


@pytest.fixture
def make_staff(make_user: Callable[..., Any]) -> Callable[..., Any]:
    """make_staff("support") → a user of that group; "boss" is a superuser; more: codenames of
    permissions of billing.
    """

    def make(kind: str, *codenames: str) -> Any:
        user = make_user(kind, is_staff=True, is_superuser=kind == "boss")
        if kind in GROUPS:
            user.groups.add(Group.objects.get(name=GROUPS[kind]))
        user.user_permissions.add(
            *Permission.objects.filter(content_type__app_label="billing", codename__in=codenames)
        )
        return user

    return make


@pytest.fixture
def log_in(make_staff: Callable[..., Any]) -> Callable[..., Client]:
    """log_in("finance") → a client in which that user is logged in, with pages in English."""

    def make(kind: str, *codenames: str) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(make_staff(kind, *codenames))
        return client

    return make


@pytest.fixture
def boss(log_in: Callable[..., Client]) -> Client:
    return log_in("boss")


@pytest.fixture
def finance(log_in: Callable[..., Client]) -> Client:
    return log_in("finance")


@pytest.fixture
def support(log_in: Callable[..., Client]) -> Client:
    return log_in("support")


@pytest.fixture
def paid(gateway: Any, user: Any) -> Callable[..., PointTransaction]:
    """paid(10_000, pay_method="card") → a credited row of `user`, its owner loaded."""

    def make(amount: int = 10_000, owner: Any = None, **how: Any) -> PointTransaction:
        txn = PointTransaction.objects.start(
            user=owner or user, amount=amount, pay_method=how.get("pay_method", "card")
        )
        PointTransaction.objects.sync(gateway.pay(txn.merchant_uid, **how))
        return PointTransaction.objects.select_related("owner__user").get(pk=txn.pk)

    return make


def url(model: str, *rest: Any) -> str:
    """url("pointtransaction", 7, "cancel") → its address."""
    return "/".join(["/admin/billing", model, *map(str, rest), ""])


def told(response: Any) -> list[str]:
    """The messages that the next page shows."""
    return [str(message) for message in response.context["messages"]]
