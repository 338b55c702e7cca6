"""Staff close accounts, resolve reviews, claim payments, correct balances."""

from __future__ import annotations

import json

import pytest

from billing.errors import InsufficientPoints
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.states import Review, Status
from billing.tests.support.notes import notes_of
from billing_office.tests.conftest import told, url
from billing_office.tests.support.audit_log import deeds
from billing_sandbox.models import Payment

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
    assert deeds() == [("close_account", "done"), ("close_account", "refused")]


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


def test_adopt_a_payment_that_no_row_knows(gateway, boss, make_user):
    owner = make_user("minji", email="minji@example.com")
    imp_uid = gateway.control(
        "pay", merchant_uid="lost-1", pay_method="card", outcome="paid", amount=7_000, webhook=False
    )["imp_uid"]
    address = url("pointtransaction", "adopt")
    form = boss.get(address, {"imp_uid": imp_uid})
    assert f'value="{imp_uid}"' in form.text
    confirm = boss.post(address, {"imp_uid": imp_uid, "member": "minji@example.com"})
    assert "order lost-1, 7,000 won" in confirm.text
    assert Point.objects.count() == 0
    data = {"imp_uid": imp_uid, "member": "minji", **YES}
    assert told(boss.post(address, data, follow=True)) == ["Adopted: 7,000P were credited."]
    txn = rows.get()
    assert (txn.owner_id, txn.owner.balance, txn.owner.point, txn.status) == (
        owner.pk,
        7_000,
        0,
        Status.PAID,
    )
    assert told(boss.post(address, data, follow=True)) == [
        "That is not possible now: a transaction has this merchant_uid already."
    ]
    assert Point.objects.get().balance == 7_000
    assert deeds() == [("adopt", "charged"), ("adopt", "refused")]


def test_adopting_says_what_is_wrong(gateway, boss, make_user):
    address = url("pointtransaction", "adopt")
    assert boss.post(address, {"imp_uid": "imp 1", "member": "nobody"}).context[
        "form"
    ].errors.keys() == {"imp_uid", "member"}
    make_user("minji")
    response = boss.post(address, {"imp_uid": "imp_404404404404", "member": "minji"})
    assert "does not know this payment" in response.text
    assert "confirmed" not in response.text


# -- balance, leaving ------------------------------------------------------------------------------


def test_correct_a_balance_once(boss, user):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    data = {"points": "+5,000", "reason": "lost order", "key": key}
    assert "0P become 5,000P" in boss.post(address, data).text
    for _ in range(2):
        assert told(boss.post(address, {**data, **YES}, follow=True)) == [
            "The balance was corrected by +5,000P."
        ]
    entry = PointEntry.objects.get()
    assert (entry.delta, entry.memo, entry.by_name, entry.idempotency_key) == (
        5_000,
        "lost order",
        "boss",
        key,
    )
    assert (
        "for another number of points"
        in told(boss.post(address, {**data, "points": "1", **YES}, follow=True))[0]
    )
    other = {"points": "−7,000", "reason": "x", "key": key[:-1] + ("0" if key[-1] != "0" else "1")}
    assert "would fall below zero" in boss.post(address, other).text
    assert "2,000P are missing" in told(boss.post(address, {**other, **YES}, follow=True))[0]
    assert Point.objects.get().balance == 5_000
    with pytest.raises(InsufficientPoints):
        Point.objects.spend(user=user, amount=5_001, idempotency_key="x")


@pytest.mark.parametrize("typed", ["0", "+0", "abc", "1.5", "--5", "+-5", "", "９", "1" * 16])
def test_corrections_that_cannot_be(boss, user, typed):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    assert (
        boss.post(address, {"points": typed, "reason": "x", "key": key, **YES})
        .context["form"]
        .errors["points"]
    )
    assert (
        boss.post(address, {"points": "5", "reason": "x", "key": "mine", **YES})
        .context["form"]
        .errors["key"]
    )
    assert PointEntry.objects.count() == 0


def test_the_gateway_is_never_asked_by_a_correction(gateway, boss, user):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    boss.post(address, {"points": "5", "reason": "x", "key": key, **YES})
    assert (gateway.all_calls, Payment.objects.using("sandbox").count()) == ([], 0)
