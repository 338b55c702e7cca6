"""An open cancel or return: asked how it ended, or decided by staff."""

from __future__ import annotations

import pytest
import requests

from billing.models import Point, PointCancellation, PointTransaction
from billing.tests.support.aging import let_pass
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


@pytest.fixture
def unknown(gateway, finance, paid):
    """A card payment whose cancel timed out before (or after) it happened."""

    def make(*, happened):
        txn = paid()
        if happened:
            next_cancel(gateway, timeout=True)
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
    assert audit_entries() == [("cancel", "unknown"), ("finish", "done")]
    assert len(sent_cancels(gateway)) == 1


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
    assert audit_entries()[-1] == ("give_up", "refused")


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
    assert [body["refund_account"] for body in sent_cancels(gateway)] == ["110123456789"] * 2


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
