"""Fixtures of the billing tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing import signals
from billing.gateway.payment import Payment
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.services.start import open_attempt
from billing.testing import SandboxGateway
from billing.tests.support.browser import ONE_LOOK, Payer
from billing.tests.support.payments import payment_json

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def make_txn(user: Any) -> Callable[..., PointTransaction]:
    """make_txn(amount=…) → an attempt of `user` as start() leaves it, without asking the
    gateway.
    """

    def make(amount: int = 10_000, pay_method: str = "card", owner: Any = None) -> PointTransaction:
        return open_attempt(owner or user, amount, pay_method)

    return make


@pytest.fixture
def answer() -> Callable[..., Payment]:
    """answer(txn, status="paid", …) → the gateway's payment for this row, parsed from JSON."""

    def make(txn: PointTransaction, imp_uid: str = "imp_100000000001", **changes: Any) -> Payment:
        changes.setdefault("amount", txn.amount)
        if changes.get("status") == "cancelled":
            changes.setdefault("cancel_amount", txn.amount)
        return Payment.from_json(
            payment_json(**{"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, **changes})
        )

    return make


@pytest.fixture
def ledger() -> Callable[[PointTransaction], tuple[int, list[int]]]:
    """ledger(txn) checks I1 and the row's own sums, and returns (balance, [deltas of the row])."""

    def check(txn: PointTransaction) -> tuple[int, list[int]]:
        fresh = PointTransaction.objects.select_related("owner").get(pk=txn.pk)
        balance = Point.objects.get(pk=txn.owner_id).balance
        assert balance == sum(
            PointEntry.objects.filter(owner_id=txn.owner_id).values_list("delta", flat=True)
        )
        deltas = list(fresh.entries.order_by("id").values_list("delta", flat=True))
        assert fresh.credited == sum(deltas)
        if fresh.is_matched:
            assert fresh.credited == fresh.amount - max(
                fresh.cancel_amount, fresh.pending_cancel_total
            )
        return balance, deltas

    return check


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


@pytest.fixture
def browser(running_chromium: Browser) -> Browser:
    """Chromium."""
    return running_chromium


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> str:
    """The server's address; the gateway is its own sandbox."""
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    settings.BILLING_NOTICE_URL = f"{live_server.url}/billing/webhook/"
    return live_server.url


@pytest.fixture
def visit(browser: Browser, site: str, user: Any) -> Iterator[Callable[..., Payer]]:
    """visit(size=…, language=…, hurry=…) → the member `user`, not logged in yet."""
    visitors: list[Payer] = []

    def make(**options: Any) -> Payer:
        visitors.append(Payer(browser, site, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture(params=ONE_LOOK)
def payer(visit: Callable[..., Payer], user: Any, request: pytest.FixtureRequest) -> Payer:
    """The member on the charge page, whose clock runs fast; at a desk, in English, unless all looks
    are asked for.
    """
    size, language = request.param
    made = visit(size=size, language=language, hurry=True)
    made.enter(user)
    return made
