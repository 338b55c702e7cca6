"""Fixtures of the billing tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from billing import signals
from billing.models import PointCancellation, PointTransaction
from billing.testing import SandboxGateway
from billing.tests.support.browser import ONE_LOOK, Payer

if TYPE_CHECKING:
    pass


@pytest.fixture
def staff(make_user: Callable[..., Any]) -> Any:
    """Somebody who cancels and decides."""
    return make_user("staff")


@pytest.fixture
def paid(gateway: SandboxGateway, user: Any) -> Callable[..., PointTransaction]:
    """paid(10_000, pay_method="card", …) → a credited row, its owner loaded."""

    def make(amount: int = 10_000, pay_method: str = "card", **how: Any) -> PointTransaction:
        txn = PointTransaction.objects.start(user=user, amount=amount, pay_method=pay_method)
        how.setdefault("outcome", "vbank" if pay_method == "vbank" else "paid")
        imp_uid = gateway.pay(txn.merchant_uid, pay_method=pay_method, **how)
        if how["outcome"] == "vbank":
            gateway.control(f"payments/{imp_uid}/deposit")
        PointTransaction.objects.sync(imp_uid)
        return PointTransaction.objects.select_related("owner").get(pk=txn.pk)

    return make


@pytest.fixture
def cancel(staff: Any) -> Callable[..., PointCancellation]:
    """cancel(txn, amount=…) as `staff` does it."""

    def act(txn: PointTransaction, **how: Any) -> PointCancellation:
        how = {"reason": "wrong order", "by": staff, **how}
        return PointTransaction.objects.cancel(txn, **how)

    return act


@pytest.fixture
def told() -> Iterator[list[tuple[str, Any]]]:
    """(signal, points or code) of every signal about points and reviews, in order."""
    heard: list[tuple[str, Any]] = []
    receivers = []
    for name in ("point_charged", "point_cancelled", "payment_needs_review"):

        def receive(sender: Any, name: str = name, **kwargs: Any) -> None:
            heard.append((name, kwargs.get("points") or kwargs.get("code")))

        getattr(signals, name).connect(receive)
        receivers.append((name, receive))
    yield heard
    for name, receive in receivers:
        getattr(signals, name).disconnect(receive)


# -- in the browser --------------------------------------------------------------------------------


@pytest.fixture(params=ONE_LOOK)
def payer(visit: Callable[..., Payer], user: Any, request: pytest.FixtureRequest) -> Payer:
    """The member on the charge page, whose clock runs fast; at a desk, in English, unless all looks
    are asked for.
    """
    size, language = request.param
    made = visit(size=size, language=language, hurry=True)
    made.enter(user)
    return made
