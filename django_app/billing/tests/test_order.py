"""One payment, five ways to hear of it, in every order and at once: one credit, one signal, the
right balance.
"""

from __future__ import annotations

import itertools
import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from billing import signals
from billing.gateway.api import gateway as client
from billing.models import Point, PointEntry, PointTransaction, WebhookEvent
from billing.reconciliation import reconcile
from billing.states import Status
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def charged():
    heard = []

    def hear(sender, **kwargs):
        heard.append(kwargs["points"])

    signals.point_charged.connect(hear)
    yield heard
    signals.point_charged.disconnect(hear)


@pytest.fixture
def doors(gateway, user):
    """doors() → (row, {name: knock}) of a paid payment that nobody has reported yet."""
    browser = Client()
    browser.force_login(user)

    def make():
        txn = rows.start(user=user, amount=10_000, pay_method="card")
        imp_uid = gateway.pay(txn.merchant_uid)
        notice = {"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, "status": "paid"}
        return txn, {
            "callback": lambda: browser.post("/billing/validation/", notice).status_code,
            "return": lambda: browser.get("/billing/complete/", notice).status_code,
            "webhook": lambda: (
                Client()
                .post("/billing/webhook/", json.dumps(notice), content_type="application/json")
                .status_code
            ),
            "webhook again": lambda: (
                Client().post("/billing/webhook/", urlencode(notice), content_type=FORM).status_code
            ),
            "reconcile": lambda: _reconciled(txn),
        }

    return make


def _reconciled(txn):
    """As if the row's time had come; beside another run it has nothing to do."""
    rows.filter(pk=txn.pk, credited_at__isnull=True).update(next_check_at=timezone.now())
    found = reconcile(repair=True)
    return 200 if found.skipped or found.exit_code == 0 else found


RIGHT = {"callback": 200, "return": 302, "webhook": 200, "webhook again": 200, "reconcile": 200}


@pytest.mark.parametrize("first", RIGHT)
def test_every_order(settings, doors, charged, first):
    """All 120 orders, each with a payment of its own; here those that begin with one door."""
    settings.BILLING_VALIDATIONS_PER_MINUTE = 1_000
    orders = list(itertools.permutations(sorted(set(RIGHT) - {first})))
    for rest in orders:
        txn, knock = doors()
        for door in (first, *rest):
            assert knock[door]() == RIGHT[door], (first, rest)
        assert list(txn.entries.values_list("kind", "delta")) == [("charge", 10_000)], (first, rest)
    assert charged == [10_000] * 24
    assert Point.objects.get().balance == 240_000


def test_all_at_once(settings, doors, charged, ledger):
    settings.BILLING_VALIDATIONS_PER_MINUTE = 1_000
    txn, knock = doors()
    results = together([knock[name] for name in RIGHT for _ in range(3)])
    assert results == [RIGHT[name] for name in RIGHT for _ in range(3)]
    assert ledger(txn) == (10_000, [10_000])
    assert charged == [10_000]
    assert not WebhookEvent.objects.filter(outcome="pending").exists()


def test_a_stale_paid_answer_never_undoes_a_cancel(gateway, user, ledger):
    """The answer is fetched, held back while a console cancel is applied, and released."""
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    rows.sync(imp_uid)
    held_back = client().payment(imp_uid)
    gateway.cancel(imp_uid, 4_000)
    rows.sync(imp_uid)
    half = client().payment(imp_uid)
    gateway.cancel(imp_uid)
    rows.sync(imp_uid)
    for late in (held_back, half, held_back):
        assert rows.apply(late).points == 0
    assert ledger(txn) == (0, [10_000, -4_000, -6_000])
    assert (rows.get().status, rows.get().cancel_amount) == (Status.CANCELLED, 10_000)


def test_cancelled_before_anybody_heard_of_it(gateway, user, ledger):
    """Rule V1: bound with nothing left, so that the stale `paid` finds a row that holds this
    payment already.
    """
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    held_back = client().payment(imp_uid)
    gateway.cancel(imp_uid)
    rows.sync(imp_uid)
    assert rows.apply(held_back).points == 0
    assert (ledger(txn), PointEntry.objects.count(), Point.objects.get().balance) == ((0, []), 0, 0)


def test_first_seen_partly_cancelled(gateway, user, ledger, charged):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    gateway.cancel(imp_uid, 4_000)
    rows.sync(imp_uid)
    assert ledger(txn) == (6_000, [6_000])
    assert charged == [6_000]
