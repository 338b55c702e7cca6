"""Routers that read elsewhere than they write: verbs and jobs of money decide on the database that
is written to.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from billing.errors import IdempotencyConflict, InsufficientPoints, NotAllowed
from billing.models import Point, PointCancellation, PointEntry, PointTransaction, WebhookEvent
from billing.reconciliation import reconcile
from billing.reconciliation.runs import Run
from billing.reports.closed_days import close_days
from billing.reports.integrity_checks import check_integrity
from billing.services import cancel as cancel_service
from billing.webhooks import intake, retry
from billing.webhooks.payload import WebhookPayload

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]


class PrimaryReplicaRouter:
    """As in Django's documentation: reads go to the replica, writes to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == "billing" else None

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "default"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool | None:
        return True


@pytest.fixture
def far_replica(settings: Any) -> None:
    """Reads of our tables go to an alias that nobody can use: whatever is read there raises."""
    settings.DATABASE_ROUTERS = [
        "billing_sandbox.router.SandboxRouter",
        "billing.tests.test_routing.PrimaryReplicaRouter",
    ]


@pytest.fixture
def replica(far_replica: None) -> Iterator[None]:
    """A replica that is never behind: the same database over a connection of its own."""
    same = deepcopy(connections["default"].settings_dict)
    # Two IMMEDIATE transactions of one thread would wait for each other.
    same["OPTIONS"].pop("transaction_mode", None)
    connections.settings["replica"] = same
    made = connections["replica"]
    # The test case knows this alias not, and refuses.
    made.ensure_connection = lambda: made.connect() if made.connection is None else None  # type: ignore[method-assign]
    yield
    made.close()
    del connections["replica"]
    del connections.settings["replica"]


@pytest.fixture
def rich(user: Any) -> Any:
    """A member with 10,000 points."""
    Point.objects.adjust(
        user=user, delta=10_000, idempotency_key="a gift", reason="a test", by=user
    )
    return user


def balance(user: Any) -> int:
    return Point.objects.using("default").get(pk=user.pk).balance


def entries(user: Any, kind: str) -> list[int]:
    return list(
        PointEntry.objects.using("default")
        .filter(owner_id=user.pk, kind=kind)
        .order_by("id")
        .values_list("delta", flat=True)
    )


def test_a_spend_behind_a_replica_is_taken_once_for_one_key(rich, replica):
    made = {
        Point.objects.spend(user=rich, amount=1_000, idempotency_key="order-1").pk for _ in range(3)
    }
    assert (len(made), balance(rich), entries(rich, "spend")) == (1, 9_000, [-1_000])


def test_a_read_through_the_router_does_fail_here(rich, far_replica):
    """Negative control of the tests below."""
    with pytest.raises(Exception, match="replica"):
        PointTransaction.objects.count()


def test_points_move_without_a_look_at_the_replica(rich, far_replica):
    for _ in range(3):
        Point.objects.spend(user=rich, amount=4_000, idempotency_key="order-1")
    with pytest.raises(IdempotencyConflict):
        Point.objects.spend(user=rich, amount=4_001, idempotency_key="order-1")
    with pytest.raises(InsufficientPoints) as short:
        Point.objects.spend(user=rich, amount=6_001, idempotency_key="order-2")
    assert short.value.missing == 1
    for _ in range(2):
        Point.objects.refund_spend(user=rich, idempotency_key="order-1")
        Point.objects.adjust(
            user=rich, delta=-500, idempotency_key="less", reason="a test", by=rich
        )
    assert (balance(rich), entries(rich, "spend"), entries(rich, "give_back"),
        entries(rich, "adjust")) == (
        9_500, [-4_000], [4_000], [10_000, -500],
    )  # fmt: skip


def test_a_payment_lives_without_a_look_at_the_replica(gateway, user, far_replica):
    """Start, a paid answer, a webhook, a part cancel, one at the console, and wrong money: every
    look that decides is at the primary.
    """
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    for _ in range(2):
        PointTransaction.objects.sync(imp_uid)
    assert balance(user) == 10_000
    done = PointTransaction.objects.cancel(txn, reason="a part", by=user, amount=4_000)
    assert (done.state, balance(user)) == ("done", 6_000)
    assert PointTransaction.objects.finish(done).state == "done"
    gateway.cancel(imp_uid, amount=1_000)
    payload = WebhookPayload(
        imp_uid=imp_uid,
        merchant_uid=txn.merchant_uid,
        status="cancelled",
        cancellation_id="",
        body="{}",
    )
    assert intake.receive(payload, "127.0.0.1")
    assert balance(user) == 5_000
    intake.handle_browser_return(imp_uid, txn.merchant_uid, "127.0.0.1")
    wrong = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    second = gateway.pay(wrong.merchant_uid, amount=9_000)
    for _ in range(2):
        PointTransaction.objects.sync(second)
    back = PointCancellation.objects.using("default").get(txn_id=wrong.pk)
    assert (back.kind, back.state, balance(user)) == ("return", "done", 5_000)
    assert entries(user, "charge") == [10_000]


def test_a_delivery_that_waits_is_tried_without_a_look_at_the_replica(gateway, user, far_replica):
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    event = WebhookEvent.objects.create(imp_uid=imp_uid, merchant_uid=txn.merchant_uid)
    assert retry.try_again(event)
    assert retry.try_again(WebhookEvent.objects.using("default").get(pk=event.pk))
    assert balance(user) == 10_000


def test_staffs_verbs_do_not_look_at_the_replica(gateway, user, far_replica):
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    PointTransaction.objects.sync(gateway.pay(txn.merchant_uid))
    gateway.fail_next("payments/cancel")
    open_one = PointTransaction.objects.cancel(txn, reason="all", by=user)
    assert (open_one.state, balance(user)) == ("unknown", 0)
    cancel_service._ask_staff(open_one, "a test")
    assert (
        PointTransaction.objects.decide_refund(open_one, choice="give_up", by=user).state
        == "refused"
    )
    assert balance(user) == 10_000
    assert PointTransaction.objects.resolve(txn, by=user, note="seen").review == ""
    account = PointTransaction.objects.start(user=user, amount=10_000, pay_method="vbank")
    PointTransaction.objects.sync(
        gateway.pay(account.merchant_uid, outcome="vbank", pg_provider="tosspayments")
    )
    assert PointTransaction.objects.close_account(account, by=user).txn.account_closed_at
    foreign = gateway.control(
        "pay",
        merchant_uid="order-1",
        outcome="paid",
        pay_method="card",
        webhook=False,
        amount=3_000,
    )["imp_uid"]
    assert (
        PointTransaction.objects.claim_unmatched_payment(foreign, user=user, by=user).points
        == 3_000
    )
    with pytest.raises(NotAllowed):
        PointTransaction.objects.claim_unmatched_payment(foreign, user=user, by=user)
    assert balance(user) == 13_000


def test_the_jobs_read_what_is_written(gateway, user, far_replica):
    """What a replica has not seen yet would be reported as nobody's payment, and a lagging audit as
    a contradiction.
    """
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    gateway.pay(txn.merchant_uid)
    PointTransaction.objects.filter(pk=txn.pk).update(next_check_at=txn.created_at)
    report = reconcile(repair=True)
    assert (report.troubles, report.unmatched_count, balance(user), report.exit_code) == (
        [],
        0,
        10_000,
        0,
    )
    assert close_days(now=timezone.now() + timedelta(days=2)) == 2
    assert [finding.check for finding in check_integrity() if finding.count] == []
    run = Run.begin()
    assert run is not None
    assert Run.begin() is None
