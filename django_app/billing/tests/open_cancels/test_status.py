"""The status of a row whose cancel is open: what is asked, what it may close, what it costs."""

from __future__ import annotations

import pytest
import requests
from django.test import Client

from billing.gateway.api import gateway as client
from billing.models import PointCancellation, PointTransaction
from billing.reconciliation import reconcile
from billing.support import safe_cache
from billing.tests.support.aging import let_pass
from billing.tests.support.counting import statements
from billing.tests.support.open_cancels import closed, done_there, status_of, the_cancel
from billing.tests.support.payments import envelope, payment_json

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State


def test_status_asks_about_an_open_cancel_once_in_five_seconds(gateway, accepted, payer):
    txn = accepted()
    asked = len(gateway.calls)
    for _ in range(5):
        assert status_of(payer, txn).status_code == 200
    assert len(gateway.calls) == asked + 1
    safe_cache.cache.clear()
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
