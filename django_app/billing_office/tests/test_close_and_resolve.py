"""A virtual account is closed, a review resolved."""

from __future__ import annotations

import pytest

from billing.models import PointCancellation, PointTransaction
from billing.states import Review
from billing.tests.support.notes import notes_of
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import (
    YES,
    audit_entries,
)

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State


def test_close_a_virtual_account(gateway, finance, user, settings):
    settings.IAMPORT_PG_API_KEY = "inicis-key"
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    rows.sync(gateway.pay(txn.merchant_uid, outcome="vbank"))
    address = url("pointtransaction", txn.pk, "close-account")
    assert address in finance.get(url("pointtransaction", txn.pk, "change")).text
    assert "takes no deposit any more" in finance.get(address).text
    assert told(finance.post(address, YES, follow=True)) == ["The virtual account is closed."]
    assert rows.get(pk=txn.pk).account_closed_at
    assert "no virtual account waits" in told(finance.post(address, YES, follow=True))[0]
    assert audit_entries() == [("close_account", "done"), ("close_account", "refused")]


def test_resolve_a_review(finance, make_txn):
    txn = make_txn()
    rows.filter(pk=txn.pk).update(review=Review.WRONG_AMOUNT)
    address = url("pointtransaction", txn.pk, "resolve")
    assert finance.post(address, {"note": " ", **YES}).context["form"].errors["note"]
    assert "No money moves" in finance.post(address, {"note": "sent back by hand"}).text
    assert told(finance.post(address, {"note": "sent back by hand", **YES}, follow=True)) == [
        "The review is resolved."
    ]
    txn.refresh_from_db()
    assert txn.review == ""
    assert notes_of(txn) == [("resolved", {"reason": "sent back by hand"}, "finance")]
    assert (
        "nothing is to be reviewed here"
        in told(finance.post(address, {"note": "x", **YES}, follow=True))[0]
    )
