"""A cancel by staff, through its pages: form, confirmation, action. Nothing moves before the last
step, and nothing moves twice.
"""

from __future__ import annotations

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction

from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.services import cancel as cancel_service
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import (
    ACCOUNT,
    YES,
    audit_entries,
    cancel,
    next_cancel,
    sent_cancels,
)

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State


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
    assert (sent_cancels(gateway), ledger(txn), audit_entries()) == ([], (10_000, [10_000]), [])


@pytest.mark.parametrize(
    "amount", ["0", "-1", "10001", "1.5", "", "1_000", "５０００", "9" * 30, "10000원"]
)
def test_amounts_that_cannot_be(gateway, finance, paid, ledger, amount):
    txn = paid()
    response = cancel(finance, txn, amount=amount, **YES)
    assert response.context["form"].errors["amount"]
    assert (sent_cancels(gateway), ledger(txn)) == ([], (10_000, [10_000]))


def test_part_then_all_of_a_card_payment(gateway, finance, paid, ledger, caplog):
    txn = paid()
    with caplog.at_level(logging.INFO, logger="billing.staff"):
        assert told(cancel(finance, txn, amount="4000", **YES)) == ["Done: 4,000 won went back."]
    assert ledger(txn) == (6_000, [10_000, -4_000])
    txn.refresh_from_db()
    assert told(cancel(finance, txn, amount="6,000", **YES)) == ["Done: 6,000 won went back."]
    assert ledger(txn) == (0, [10_000, -4_000, -6_000])
    assert [(body["amount"], body["checksum"]) for body in sent_cancels(gateway)] == [
        (4_000, 10_000),
        (6_000, 6_000),
    ]
    entry = PointEntry.objects.last()
    assert (entry.by.get_username(), entry.by_name) == ("finance", "finance")
    assert audit_entries() == [("cancel", "done"), ("cancel", "done")]
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
    assert audit_entries() == [("cancel", "done"), ("cancel", "refused")]


def test_inside_a_transaction_it_would_be_refused(gateway, finance, paid, ledger):
    """The negative control: Django's own change page would post inside one."""
    txn = paid()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        cancel(finance, txn, **YES)
    assert (sent_cancels(gateway), ledger(txn)) == ([], (10_000, [10_000]))


# -- spent points ----------------------------------------------------------------------------------


def test_spent_points_are_refused_before_anything_is_asked(gateway, finance, paid, user, ledger):
    txn = paid()
    Point.objects.spend(user=user, amount=6_500, idempotency_key="order")
    response = cancel(finance, txn, **YES)
    assert "6,500P of these points have been spent already" in response.text
    response = cancel(finance, txn, rule="negative", **YES)  # not theirs to choose
    assert "6,500P of these points have been spent already" in response.text
    assert (sent_cancels(gateway), Point.objects.get().balance) == ([], 3_500)


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
    assert sent_cancels(gateway) == []


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
    next_cancel(gateway, cancel_later_s=3600)
    assert told(cancel(finance, txn, **ACCOUNT, **YES))[0].startswith(
        "Accepted, not done yet: 10,000 won"
    )
    assert sent_cancels(gateway)[0]["refund_account"] == "110123456789"
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
    assert audit_entries() == [("cancel", "refused")]
