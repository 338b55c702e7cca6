"""What staff do, through its pages: form, confirmation, deed. Nothing moves before the last step,
and nothing moves twice.
"""

from __future__ import annotations

import json
import logging

import pytest
import requests
from django.contrib.admin.models import LogEntry
from django.db import transaction

from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.services import cancel as cancel_service
from billing.tests.support.aging import let_pass
from billing_office.tests.conftest import told, url
from billing_office.tests.support.audit_log import deeds

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
YES = {"confirmed": "yes"}
ACCOUNT = {"refund_bank": "88", "refund_account": "110-123-456789", "refund_holder": "홍길동"}


def fields(txn, amount="10000", **more):
    return {
        "amount": amount,
        "reason": "wrong order",
        "remaining": str(txn.amount - txn.cancel_amount),
        **more,
    }


def cancel(client, txn, **data):
    return client.post(url("pointtransaction", txn.pk, "cancel"), fields(txn, **data), follow=True)


def sent(gateway):
    return [json.loads(call.body) for call in gateway.calls if call.path == "payments/cancel"]


def fault(gateway, **what):
    gateway.control("faults", path="payments/cancel", times=1, **what)


# -- the steps -------------------------------------------------------------------------------------


def test_nothing_happens_before_it_is_confirmed(gateway, finance, paid, ledger):
    txn = paid()
    form = finance.get(url("pointtransaction", txn.pk, "cancel"))
    assert 'value="10,000"' in form.text
    assert "Nothing happens yet" in form.text
    confirm = cancel(finance, txn, amount="4,000")
    for sentence in (
        "4,000P are taken from payer first: 10,000P become 6,000P.",
        "give back 4,000 won of payment",
        "cannot be undone",
    ):
        assert sentence in confirm.text
    assert 'name="amount" value="4,000"' in confirm.text
    again = cancel(finance, txn, amount="4,000", edit="yes")
    assert 'name="reason" value="wrong order"' in again.text
    assert (sent(gateway), ledger(txn), deeds()) == ([], (10_000, [10_000]), [])


@pytest.mark.parametrize(
    "amount", ["0", "-1", "10001", "1.5", "", "1_000", "５０００", "9" * 30, "10000원"]
)
def test_amounts_that_cannot_be(gateway, finance, paid, ledger, amount):
    txn = paid()
    response = cancel(finance, txn, amount=amount, **YES)
    assert response.context["form"].errors["amount"]
    assert (sent(gateway), ledger(txn)) == ([], (10_000, [10_000]))


def test_part_then_all_of_a_card_payment(gateway, finance, paid, ledger, caplog):
    txn = paid()
    with caplog.at_level(logging.INFO, logger="billing.staff"):
        assert told(cancel(finance, txn, amount="4000", **YES)) == ["Done: 4,000 won went back."]
    assert ledger(txn) == (6_000, [10_000, -4_000])
    txn.refresh_from_db()
    assert told(cancel(finance, txn, amount="6,000", **YES)) == ["Done: 6,000 won went back."]
    assert ledger(txn) == (0, [10_000, -4_000, -6_000])
    assert [(body["amount"], body["checksum"]) for body in sent(gateway)] == [
        (4_000, 10_000),
        (6_000, 6_000),
    ]
    entry = PointEntry.objects.last()
    assert (entry.by.get_username(), entry.by_name) == ("finance", "finance")
    assert deeds() == [("cancel", "done"), ("cancel", "done")]
    assert next(
        record.getMessage() for record in caplog.records if record.name == "billing.staff"
    ).startswith("finance: cancel billing.")
    page = finance.get(url("pointtransaction", txn.pk, "change"))
    assert url("pointtransaction", txn.pk, "cancel") not in page.text
    assert told(finance.get(url("pointtransaction", txn.pk, "cancel"), follow=True)) == [
        "This payment cannot be cancelled as it stands."
    ]


def test_a_form_that_is_sent_twice_cancels_once(gateway, finance, paid, ledger):
    txn = paid()
    cancel(finance, txn, amount="3000", **YES)
    response = cancel(finance, txn, amount="3000", remaining="10000", **YES)
    assert "has changed since this form was opened" in told(response)[0]
    assert ledger(txn) == (7_000, [10_000, -3_000])
    assert deeds() == [("cancel", "done"), ("cancel", "refused")]


def test_inside_a_transaction_it_would_be_refused(gateway, finance, paid, ledger):
    """The negative control: Django's own change page would post inside one."""
    txn = paid()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        cancel(finance, txn, **YES)
    assert (sent(gateway), ledger(txn)) == ([], (10_000, [10_000]))


# -- spent points ----------------------------------------------------------------------------------


def test_spent_points_are_refused_before_anything_is_asked(gateway, finance, paid, user, ledger):
    txn = paid()
    Point.objects.spend(user=user, amount=6_500, idempotency_key="order")
    response = cancel(finance, txn, **YES)
    assert "6,500P of these points have been spent already" in response.text
    response = cancel(finance, txn, rule="negative", **YES)  # not theirs to choose
    assert "6,500P of these points have been spent already" in response.text
    assert (sent(gateway), Point.objects.get().balance) == ([], 3_500)


def test_points_that_are_spent_between_two_steps(gateway, finance, paid, user, monkeypatch):
    txn = paid()
    hold = cancel_service._hold

    def spend_first(*arguments):
        Point.objects.spend(user=user, amount=6_500, idempotency_key="order")
        return hold(*arguments)

    monkeypatch.setattr(cancel_service, "_hold", spend_first)
    assert told(cancel(finance, txn, **YES)) == [
        "6,500P of these points have been spent already. Nothing was cancelled."
    ]
    assert sent(gateway) == []


def test_into_a_negative_balance_for_who_may(gateway, boss, paid, user, ledger):
    txn = paid()
    Point.objects.spend(user=user, amount=6_500, idempotency_key="order")
    confirm = cancel(boss, txn, rule="negative")
    assert "The balance falls below zero" in confirm.text
    assert "3,500P become -6,500P" in confirm.text
    assert told(cancel(boss, txn, rule="negative", **YES)) == ["Done: 10,000 won went back."]
    assert Point.objects.get().balance == -6_500


# -- accepted, unknown, refused --------------------------------------------------------------------


def test_a_virtual_account_needs_an_account_and_is_told_as_accepted(gateway, finance, user, ledger):
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    txn = rows.get(pk=txn.pk)
    missing = cancel(finance, txn, **YES)
    assert set(missing.context["form"].errors) == {"refund_bank", "refund_account", "refund_holder"}
    confirm = cancel(finance, txn, **ACCOUNT)
    assert "To account" not in confirm.text
    assert "account ••••6789 at bank 88, holder 홍•동" in confirm.text
    assert "may accept it now and pay later" in confirm.text
    fault(gateway, cancel_later_s=3600)
    assert told(cancel(finance, txn, **ACCOUNT, **YES))[0].startswith(
        "Accepted, not done yet: 10,000 won"
    )
    assert sent(gateway)[0]["refund_account"] == "110123456789"
    assert (PointCancellation.objects.get().state, Point.objects.get().balance) == (
        State.ACCEPTED,
        0,
    )
    assert "110123456789" not in LogEntry.objects.get().change_message
    page = finance.get(url("pointtransaction", txn.pk, "change")).text
    assert "••••6789" in page
    assert "110123456789" not in page


def test_a_cancel_that_is_refused(gateway, finance, paid, ledger):
    txn = paid()
    gateway.answer_next(
        "payments/cancel",
        json_body={"code": 1, "message": "취소할 수 <b>없는</b> 거래", "response": None},
    )
    response = cancel(finance, txn, **YES)
    assert told(response) == [
        "Not cancelled: 10,000 won. “취소할 수 <b>없는</b> 거래” The points are back."
    ]
    assert "<b>없는</b>" not in response.text  # quoted, not rendered
    assert ledger(txn) == (10_000, [10_000, -10_000, 10_000])
    assert deeds() == [("cancel", "refused")]


@pytest.fixture
def unknown(gateway, finance, paid):
    """A card payment whose cancel timed out before (or after) it happened."""

    def make(*, happened):
        txn = paid()
        if happened:
            fault(gateway, timeout=True)
        else:
            gateway.fail_next("payments/cancel", requests.ReadTimeout("hung"))
        assert told(cancel(finance, txn, **YES))[0].startswith(
            "Not known yet whether 10,000 won went back"
        )
        assert PointCancellation.objects.get().state == State.UNKNOWN
        return txn, PointCancellation.objects.get()

    return make


def test_an_unknown_cancel_is_held_and_finished_by_hand(gateway, finance, unknown, ledger):
    txn, one = unknown(happened=True)
    assert ledger(txn) == (0, [10_000, -10_000])
    page = finance.get(url("pointtransaction", txn.pk, "change")).text
    assert url("pointcancellation", one.pk, "finish") in page
    assert url("pointcancellation", one.pk, "settle") not in page
    confirm = finance.get(url("pointcancellation", one.pk, "finish"))
    assert "at the earliest 15 minutes after the last try" in confirm.text
    response = finance.post(url("pointcancellation", one.pk, "finish"), YES, follow=True)
    assert told(response) == ["Done: 10,000 won went back."]
    assert ledger(txn) == (0, [10_000, -10_000])
    assert deeds() == [("cancel", "unknown"), ("finish", "done")]
    assert len(sent(gateway)) == 1


def test_an_unknown_cancel_that_staff_settle(gateway, finance, unknown, ledger):
    txn, one = unknown(happened=False)
    assert told(finance.get(url("pointcancellation", one.pk, "settle"), follow=True)) == [
        "This does not wait for a decision."
    ]
    for _ in range(2):  # sent again once by itself, then staff are asked
        let_pass(minutes=16)
        gateway.fail_next("payments/cancel", requests.ReadTimeout("hung"))
        finance.post(url("pointcancellation", one.pk, "finish"), YES)
    one.refresh_from_db()
    assert (one.needs_staff, one.tries) == (True, 2)
    form = finance.get(url("pointcancellation", one.pk, "settle"))
    assert 'value="give_up"' in form.text
    confirm = finance.post(url("pointcancellation", one.pk, "settle"), {"choice": "give_up"})
    assert "10,000P go back to the member" in confirm.text
    response = finance.post(
        url("pointcancellation", one.pk, "settle"), {"choice": "give_up", **YES}, follow=True
    )
    assert "The points are back" in told(response)[0]
    assert ledger(txn) == (10_000, [10_000, -10_000, 10_000])
    assert deeds()[-1] == ("give_up", "refused")


def test_what_the_gateway_did_counts_whatever_staff_choose(gateway, finance, unknown, ledger):
    txn, one = unknown(happened=True)
    PointCancellation.objects.filter(pk=one.pk).update(needs_staff=True)
    response = finance.post(
        url("pointcancellation", one.pk, "settle"), {"choice": "give_up", **YES}, follow=True
    )
    assert told(response) == ["Done: 10,000 won went back."]
    assert ledger(txn) == (0, [10_000, -10_000])


def test_a_virtual_account_s_cancel_is_sent_again_with_an_account(gateway, finance, user):
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    txn = rows.get(pk=txn.pk)
    gateway.fail_next("payments/cancel", requests.ReadTimeout("hung"))
    cancel(finance, txn, **ACCOUNT, **YES)
    one = PointCancellation.objects.get()
    PointCancellation.objects.update(needs_staff=True)
    settle = url("pointcancellation", one.pk, "settle")
    assert (
        "refund_account"
        in finance.post(settle, {"choice": "send_again", **YES}).context["form"].errors
    )
    assert told(finance.post(settle, {"choice": "send_again", **ACCOUNT, **YES}, follow=True)) == [
        "Done: 10,000 won went back."
    ]
    assert [body["refund_account"] for body in sent(gateway)] == ["110123456789"] * 2


def test_wrong_money_from_a_virtual_account_is_sent_back_to_one_that_staff_name(
    gateway, finance, user
):
    """The row knows nothing of that payment: the fields are offered all the same."""
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank", amount=9_000)
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    back = PointCancellation.objects.get()
    assert (back.kind, back.needs_staff, rows.get(pk=txn.pk).paid_method) == ("return", True, "")
    settle = url("pointcancellation", back.pk, "settle")
    assert (
        "a refund account is needed"
        in told(finance.post(settle, {"choice": "send_again", **YES}, follow=True))[0]
    )
    half = finance.post(settle, {"choice": "send_again", "refund_bank": "88", **YES})
    assert set(half.context["form"].errors) == {"refund_account", "refund_holder"}
    assert told(finance.post(settle, {"choice": "send_again", **ACCOUNT, **YES}, follow=True)) == [
        "Done: 9,000 won went back."
    ]
    assert Point.objects.get().balance == 0


# -- account, review, adopt ------------------------------------------------------------------------
