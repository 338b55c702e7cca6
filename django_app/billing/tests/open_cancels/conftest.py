"""Fixtures of the tests of open cancels."""

from __future__ import annotations

import pytest
from django.test import Client

from billing import signals
from billing.models import PointCancellation, PointTransaction
from billing.tests.support.open_cancels import the_cancel

rows = PointTransaction.objects
State = PointCancellation.State


@pytest.fixture
def payer(user):
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def told():
    """Points of every point_cancelled."""
    heard = []

    def receive(sender, points, **kwargs):
        heard.append(points)

    signals.point_cancelled.connect(receive)
    yield heard
    signals.point_cancelled.disconnect(receive)


@pytest.fixture
def accepted(gateway, paid, user):
    """accepted(amount) → a row whose cancel the gateway takes now and does later; `done_there`
    makes it happen.
    """

    def make(amount=None):
        txn = paid()
        gateway.control("faults", path="payments/cancel", cancel_later_s=20, times=1)
        rows.cancel(txn, reason="wrong order", by=user, amount=amount)
        assert the_cancel().state == State.ACCEPTED
        return rows.get(pk=txn.pk)

    return make
