"""The answer that proves a cancel closes it, whoever brings it: webhook, status, case view, a payer
who comes back. Once, and it is told once.
"""

from __future__ import annotations

import pytest
from django.core import mail

from billing.gateway.api import gateway as client
from billing.models import PointCancellation, PointTransaction, WebhookEvent
from billing.notifications import mail_queue
from billing.reconciliation import reconcile
from billing.services.apply import changes
from billing.tests.support.open_cancels import closed, deliver, done_there, status_of, the_cancel

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State


# -- whoever brings it -----------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [None, 4_000])
def test_a_webhook_closes_an_accepted_cancel(gateway, accepted, ledger, told, amount):
    txn = accepted(amount)
    part = amount or 10_000
    assert told == []
    done_there(gateway)
    assert deliver(txn).status_code == 200
    closed(txn, ledger, deltas=[10_000, -part], cancelled=part)
    assert told == [part]
    for _ in range(3):
        deliver(txn)
        rows.sync(txn.imp_uid)
        rows.finish(the_cancel())
    assert told == [part]


def test_status_closes_an_accepted_cancel(gateway, accepted, ledger, told, payer):
    txn = accepted()
    done_there(gateway)
    body = status_of(payer, txn).json()
    assert (body["status"], body["cancel_amount"], body["message"]) == (
        "cancelled",
        10_000,
        "10,000 won were refunded.",
    )
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


def test_taking_the_answer_over_in_the_case_view_closes_an_accepted_cancel(
    gateway, accepted, ledger, told, admin_client
):
    txn = accepted()
    done_there(gateway)
    page = admin_client.get(f"/admin/billing/pointtransaction/{txn.pk}/change/?ask=1")
    assert page.status_code == 200
    assert the_cancel().state == State.ACCEPTED  # looking changes nothing
    admin_client.post(f"/admin/billing/pointtransaction/{txn.pk}/sync/")
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


def test_a_payer_who_comes_back_closes_an_accepted_cancel(gateway, accepted, ledger, told, payer):
    txn = accepted()
    done_there(gateway)
    payer.get("/billing/complete/", {"imp_uid": txn.imp_uid, "merchant_uid": txn.merchant_uid})
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


def test_reconcile_closes_it_by_the_list_too(gateway, accepted, ledger, told):
    txn = accepted()
    done_there(gateway)
    reconcile(repair=True)
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


def test_a_cancel_whose_answer_was_lost_is_closed_by_the_webhook(gateway, paid, user, ledger, told):
    txn = paid()
    gateway.control("faults", path="payments/cancel", timeout=True, times=1)
    assert rows.cancel(txn, reason="x", by=user).state == State.UNKNOWN
    deliver(txn)
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


def test_what_waits_for_staff_waits_no_more(gateway, accepted, ledger, told):
    txn = accepted()
    PointCancellation.objects.update(needs_staff=True)
    done_there(gateway)
    deliver(txn)
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)


def test_the_member_is_mailed_once(gateway, accepted, settings, user, payer):
    settings.BILLING_MAIL = True
    type(user).objects.update(email="payer@example.com")
    txn = accepted()
    assert mail_queue.wait(30)
    mail.outbox.clear()  # of the charge; the refund is no news yet
    done_there(gateway)
    for _ in range(2):
        deliver(txn)
        status_of(payer, txn)
        rows.finish(the_cancel())
        reconcile(repair=True)
    assert mail_queue.wait(30)
    [letter] = mail.outbox
    assert "10,000" in letter.subject


# -- below the goal it stays open ------------------------------------------------------------------


def test_less_than_the_goal_closes_nothing(gateway, accepted, ledger, told):
    txn = accepted(4_000)
    gateway.cancel(txn.imp_uid, 3_999)
    deliver(txn)
    row = rows.get(pk=txn.pk)
    assert (the_cancel().state, row.cancel_amount, row.pending_cancel_total) == (
        State.ACCEPTED,
        3_999,
        4_000,
    )
    assert ledger(txn) == (6_000, [10_000, -4_000])
    assert told == []


def test_another_payments_cancel_closes_nothing(accepted, answer, ledger, told):
    txn = accepted()
    rows.apply(answer(txn, "imp_999999999999", status="cancelled"))
    assert (the_cancel().state, rows.get(pk=txn.pk).pending_cancel_total) == (
        State.ACCEPTED,
        10_000,
    )
    assert told == []


def test_more_than_the_goal_takes_the_rest_too(gateway, accepted, ledger, told):
    """The console cancelled beside ours: both are taken, and told in one."""
    txn = accepted(4_000)
    gateway.cancel(txn.imp_uid, 6_000)
    assert rows.sync(txn.imp_uid).points == -2_000
    assert (the_cancel().state, rows.get(pk=txn.pk).pending_cancel_total) == (State.DONE, 0)
    assert ledger(txn) == (4_000, [10_000, -4_000, -2_000])
    assert told == [6_000]


# -- rows of before --------------------------------------------------------------------------------


@pytest.fixture
def of_before(gateway, accepted):
    """A row as it was left before this rule: the refund is done and known, and its cancel still
    open.
    """
    txn = accepted()
    done_there(gateway)
    rows.filter(pk=txn.pk).update(status="cancelled", cancel_amount=10_000)
    return rows.get(pk=txn.pk)


def test_a_row_of_before_heals_though_nothing_is_new(of_before, ledger, told):
    assert rows.sync(of_before.imp_uid).points == 0
    closed(of_before, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


@pytest.mark.parametrize("status", ["cancelled", "paid"])
def test_a_webhook_about_a_row_of_before_is_not_useless(gateway, of_before, ledger, status):
    asked = len(gateway.calls)
    deliver(of_before, status)
    assert len(gateway.calls) == asked + 1
    closed(of_before, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    deliver(of_before, status)
    assert len(gateway.calls) == asked + 1  # now it is
    assert WebhookEvent.objects.filter(outcome="done").count() == 2


def test_an_old_answer_heals_it_too_and_takes_nothing_back(of_before, answer, ledger):
    rows.apply(answer(of_before, str(of_before.imp_uid), status="paid"))
    assert (the_cancel().state, rows.get().cancel_amount, rows.get().pending_cancel_total) == (
        State.DONE,
        10_000,
        0,
    )
    assert ledger(of_before) == (0, [10_000, -10_000])


def test_what_would_heal_is_named_before_it_is_done(of_before, gateway):
    payment = client().payment(of_before.imp_uid)
    assert changes(of_before, payment) == ("pending_cancel_total",)
    rows.apply(payment)
    assert changes(rows.get(), payment) == ()


def test_a_row_of_before_says_refunded(of_before, payer):
    page = payer.get(f"/billing/payments/{of_before.merchant_uid}/").content.decode()
    assert 'class="outcome cancelled"' in page
    assert "Refund under way" not in page


# -- status ----------------------------------------------------------------------------------------
