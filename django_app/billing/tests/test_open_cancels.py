"""The answer that proves a cancel closes it, whoever brings it: webhook, status, case view, a payer
who comes back. Once, and it is told once.
"""

from __future__ import annotations

import threading

import pytest
import requests
from django.core import mail
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from billing import signals
from billing.gateway.api import gateway as client
from billing.models import PointCancellation, PointEntry, PointTransaction, WebhookEvent
from billing.notifications import mail_queue
from billing.reconciliation import reconcile
from billing.reports import integrity_checks
from billing.services import cancel as cancel_service
from billing.states import Status
from billing.tests.support.aging import let_pass
from billing.tests.support.counting import statements
from billing.tests.support.payments import envelope, payment_json
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

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
def paid(gateway, user):
    def make(amount=10_000, method="card"):
        txn = rows.start(user=user, amount=amount, pay_method=method)
        rows.sync(gateway.pay(txn.merchant_uid, pay_method=method))
        return rows.select_related("owner").get(pk=txn.pk)

    return make


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


def done_there(gateway):
    gateway.control("clock", advance_s=60)


def the_cancel():
    return PointCancellation.objects.get()


def deliver(txn, status="cancelled"):
    body = {"imp_uid": txn.imp_uid, "merchant_uid": txn.merchant_uid, "status": status}
    return Client().post("/billing/webhook/", body, content_type="application/json")


def status_of(client, txn, query=""):
    return client.get(f"/billing/payments/{txn.merchant_uid}/status/{query}")


def closed(txn, ledger, *, deltas, cancelled):
    """The cancel is closed as done, and the row says the same; every sum agrees."""
    cancel, row = the_cancel(), rows.get(pk=txn.pk)
    assert (cancel.state, cancel.needs_staff, cancel.error) == (State.DONE, False, "")
    assert cancel.closed_at
    assert cancel.gateway_id  # found by its mark
    assert (row.status, row.cancel_amount, row.pending_cancel_total) == (
        Status.CANCELLED,
        cancelled,
        0,
    )
    assert ledger(txn) == (sum(deltas), deltas)
    assert [line for check in integrity_checks.CHECKS.values() for line in check()] == []


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
    assert rows.changes(of_before, payment) == ("pending_cancel_total",)
    rows.apply(payment)
    assert rows.changes(rows.get(), payment) == ()


def test_a_row_of_before_says_refunded(of_before, payer):
    page = payer.get(f"/billing/payments/{of_before.merchant_uid}/").content.decode()
    assert 'class="outcome cancelled"' in page
    assert "Refund under way" not in page


# -- status ----------------------------------------------------------------------------------------


def test_status_asks_about_an_open_cancel_once_in_five_seconds(gateway, accepted, payer):
    txn = accepted()
    asked = len(gateway.calls)
    for _ in range(5):
        assert status_of(payer, txn).status_code == 200
    assert len(gateway.calls) == asked + 1
    cache.clear()
    status_of(payer, txn)
    assert len(gateway.calls) == asked + 2


@pytest.mark.parametrize("state", ["open", "cancelling"])
def test_status_asks_nobody_where_it_is_told_so(gateway, accepted, payer, user, state):
    txn = (
        accepted()
        if state == "cancelling"
        else rows.start(user=user, amount=10_000, pay_method="card")
    )
    asked = len(gateway.calls)
    assert status_of(payer, txn, "?ask=0").status_code == 200
    assert len(gateway.calls) == asked
    status_of(payer, txn, "?ask=1")  # and the question that was not asked is not counted
    assert len(gateway.calls) == asked + 1


@pytest.mark.parametrize("query", ["?ask=2", "?ask=", "?ask=0%00", "?ask=%EF%BC%90"])
def test_status_refuses_what_is_neither(gateway, accepted, payer, query):
    txn = accepted()
    answer = status_of(payer, txn, query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_input")


def test_status_never_sends_a_cancel_again(gateway, paid, user, payer, ledger):
    """A further try may take a minute, which a question does not have: reconcile sends it."""
    txn = paid()
    gateway.control("faults", path="payments/cancel", drop=True, times=1)
    rows.cancel(txn, reason="x", by=user)
    let_pass(minutes=16)
    sent = [call for call in gateway.calls if call.path == "payments/cancel"]
    assert status_of(payer, txn).json()["status"] == "paid"
    assert [call for call in gateway.calls if call.path == "payments/cancel"] == sent
    assert (the_cancel().state, the_cancel().tries) == (State.UNKNOWN, 1)
    reconcile(repair=True)
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)


def test_status_takes_a_refusal_that_is_proved(gateway, paid, user, payer, ledger, told):
    """A part was cancelled at the console before our try came: our checksum cannot match
    any more.
    """
    txn = paid()
    gateway.control("faults", path="payments/cancel", drop=True, times=1)
    rows.cancel(txn, reason="x", by=user)
    gateway.cancel(txn.imp_uid, 3_000)
    body = status_of(payer, txn).json()
    assert (body["status"], body["cancel_amount"], body["balance"]) == ("cancelled", 3_000, 7_000)
    assert the_cancel().state == State.REFUSED
    assert ledger(txn) == (7_000, [10_000, -10_000, 7_000])
    assert told == [3_000]


def test_status_leaves_a_cancel_to_its_sender_while_that_is_at_it(gateway, accepted, payer):
    txn = accepted()
    PointCancellation.objects.update(state=State.REQUESTED)
    asked = len(gateway.calls)
    assert status_of(payer, txn).status_code == 200
    assert len(gateway.calls) == asked


@pytest.mark.parametrize(
    ("trouble", "status"), [("hung", 503), ("nonsense", 502), ("unknown", 200)]
)
def test_status_when_the_gateway_has_trouble_with_a_cancel(
    gateway, accepted, payer, trouble, status
):
    txn = accepted()
    if trouble == "hung":
        gateway.fail_next(f"payments/{txn.imp_uid}", requests.ReadTimeout("hung"))
    elif trouble == "nonsense":
        gateway.answer_next(
            f"payments/{txn.imp_uid}",
            json_body=envelope(payment_json(amount=1, cancel_amount=2, imp_uid=txn.imp_uid)),
        )
    else:
        gateway.answer_next(
            f"payments/{txn.imp_uid}",
            status=404,
            json_body=envelope(None, code=1, message="존재하지 않는 결제정보입니다."),
        )
    assert status_of(payer, txn).status_code == status
    assert (the_cancel().state, rows.get().pending_cancel_total) == (State.ACCEPTED, 10_000)
    assert status_of(payer, txn).status_code == 200  # what we know, until it is time to ask again


def test_status_of_somebody_else_closes_nothing(gateway, accepted, make_user):
    txn = accepted()
    done_there(gateway)
    other = Client()
    other.force_login(make_user("other"))
    asked = len(gateway.calls)
    assert status_of(other, txn).status_code == 404
    assert (len(gateway.calls), the_cancel().state) == (asked, State.ACCEPTED)


# -- what it costs ---------------------------------------------------------------------------------


def test_an_answer_that_closes_a_cancel_costs_two_statements_more(gateway, accepted):
    """Lock, the cancel, its end, the row: the member's balance was moved by the hold. Without an
    open cancel nothing is added.
    """
    txn = accepted()
    done_there(gateway)
    payment = client().payment(txn.imp_uid)
    with statements(4):
        rows.apply(payment)
    with statements(2):
        rows.apply(payment)


def test_status_costs_two_statements_more_only_where_a_cancel_is_open(
    gateway, accepted, payer, paid
):
    settled = paid()
    with statements(3):  # session, user, row
        status_of(payer, settled)
    txn = accepted()
    with statements(4):  # and the standing's cancellations
        status_of(payer, txn, "?ask=0")
    with statements(6):  # the open cancel, and the row once more
        status_of(payer, txn)
    with statements(4):  # within 5 seconds
        status_of(payer, txn)


# -- at the same time ------------------------------------------------------------------------------


@pytest.fixture
def meanwhile(monkeypatch):
    """meanwhile("send_and_conclude", job) → `job` runs in a thread of its own before that step of the
    cancel's sender.
    """

    def plan(step, job):
        real, results = getattr(cancel_service, step), []

        def late(*args, **more):
            monkeypatch.setattr(cancel_service, step, real)
            results.extend(together([job] * 4))
            return real(*args, **more)

        monkeypatch.setattr(cancel_service, step, late)
        return results

    return plan


def test_a_webhook_that_is_faster_than_the_answer_leaves_the_close_to_the_sender(
    gateway, paid, user, ledger, told, meanwhile
):
    txn = paid()
    seen = meanwhile(
        "_conclude",
        lambda: (deliver(txn).status_code, the_cancel().state, rows.get().cancel_amount),
    )
    assert rows.cancel(txn, reason="x", by=user, amount=4_000).state == State.DONE
    assert seen == [(200, State.REQUESTED, 4_000)] * 4
    closed(txn, ledger, deltas=[10_000, -4_000], cancelled=4_000)
    assert told == [4_000]


def test_what_its_sender_has_not_sent_yet_is_not_closed_by_the_console(
    gateway, paid, user, ledger, told, meanwhile
):
    """Else it would be sent after it was closed, maybe beside the next one."""
    txn = paid()
    gateway.cancel(txn.imp_uid, 4_000)
    seen = meanwhile(
        "send_and_conclude", lambda: (rows.sync(txn.imp_uid).points, the_cancel().state)
    )
    # As much is back as was asked for.
    assert rows.cancel(txn, reason="x", by=user, amount=4_000).state == State.DONE
    assert seen == [(0, State.REQUESTED)] * 4
    row = rows.get()
    assert (row.cancel_amount, row.pending_cancel_total, ledger(txn)) == (
        4_000,
        0,
        (6_000, [10_000, -4_000]),
    )
    assert told == [4_000]


def test_a_sender_that_crashed_leaves_it_to_everybody(
    gateway, paid, user, ledger, told, monkeypatch
):
    """Sent, and the process died before it could close it."""
    txn = paid()

    def crash(*args, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cancel_service, "_conclude", crash)
        with pytest.raises(KeyboardInterrupt):
            rows.cancel(txn, reason="x", by=user)
    deliver(txn)
    assert (the_cancel().state, rows.get().pending_cancel_total) == (State.REQUESTED, 10_000)
    let_pass(minutes=2)
    deliver(txn)
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


def test_a_close_that_comes_second_only_takes_the_answer_over(
    gateway, accepted, ledger, told, meanwhile
):
    """finish() has asked and found it done; before it closes, four webhooks have."""
    txn = accepted()
    done_there(gateway)
    seen = meanwhile("close_cancel", lambda: (deliver(txn).status_code, the_cancel().state))
    assert rows.finish(the_cancel()).state == State.DONE
    assert seen == [(200, State.DONE)] * 4
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]


@pytest.mark.parametrize("round_", range(4))
def test_everybody_brings_the_proof_at_once(gateway, accepted, ledger, told, payer, user, round_):
    txn = accepted()
    done_there(gateway)
    cancel = the_cancel()
    jobs = [
        lambda: rows.sync(txn.imp_uid).points,
        lambda: rows.finish(PointCancellation.objects.get(pk=cancel.pk)).state,
    ]
    results = together(jobs * 8)
    assert set(results) == {0, State.DONE}, results
    closed(txn, ledger, deltas=[10_000, -10_000], cancelled=10_000)
    assert told == [10_000]
    assert PointEntry.objects.count() == 2


def test_closing_without_looking_whether_it_is_open_tells_it_twice(gateway, accepted, told):
    """The negative control: the same steps, but who comes second closes again."""
    txn = accepted()
    done_there(gateway)
    payment, cancel = client().payment(txn.imp_uid), the_cancel()
    everybody_has_read = threading.Barrier(2)

    def careless():
        row = rows.select_related("owner").get(pk=txn.pk)
        assert row.pending_cancel_total
        everybody_has_read.wait(30)
        with transaction.atomic():
            PointCancellation.objects.filter(pk=cancel.pk).update(state=State.DONE)
            signals.point_cancelled.send(
                sender=PointTransaction,
                txn=row,
                points=int(payment.cancel_amount) - int(cancel.base),
            )

    assert together([careless, careless]) == [None, None]
    assert told == [10_000, 10_000]
