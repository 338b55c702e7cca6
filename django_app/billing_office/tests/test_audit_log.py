"""What staff did is written down however it ended: once, on the row it was about, with what it came
to.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import requests
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model

from billing.models import Point, PointCancellation, PointTransaction
from billing_office.tests.conftest import told, url

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
YES = {"confirmed": "yes"}


def audit_results():
    """(what, result) of the audit log, oldest first."""
    entries = [json.loads(entry.change_message) for entry in LogEntry.objects.order_by("pk")]
    return [(one["what"], one.get("result")) for one in entries]


def timeline_lines(client, txn):
    return [
        str(event.what)
        for event in client.get(url("pointtransaction", txn.pk, "change")).context["events"]
    ]


@pytest.fixture
def account(gateway, user, settings):
    """A virtual account that waits for its deposit."""
    settings.IAMPORT_PG_API_KEY = "inicis-key"
    txn = rows.start(user=user, amount=10_000, pay_method="vbank")
    rows.sync(gateway.pay(txn.merchant_uid, outcome="vbank"))
    return rows.get(pk=txn.pk)


@pytest.fixture
def make_back(make_txn):
    """make_back(state="unknown") → a return of 12.5 USD."""

    def make(**values):
        values = {
            "amount": Decimal("12.5"),
            "currency": "USD",
            "checksum": Decimal("12.5"),
            "tries": 1,
            **values,
        }
        return PointCancellation.objects.create(
            txn=make_txn(), kind="return", imp_uid="imp_100000000009", base=0, reason="x", **values
        )

    return make


@pytest.mark.parametrize("trouble", [requests.ReadTimeout("hung"), None])
def test_an_account_of_which_nobody_knows_whether_it_is_closed(gateway, finance, account, trouble):
    if trouble:
        gateway.fail_next("vbanks/", trouble)
    else:
        gateway.answer_next("vbanks/", body="<html>")
    response = finance.post(url("pointtransaction", account.pk, "close-account"), YES, follow=True)
    assert told(response) == ["Not known yet whether the account is closed: ask the gateway."]
    assert audit_results() == [("close_account", "unknown")]
    assert any(
        what.startswith("Closed the virtual account: unknown")
        for what in timeline_lines(finance, account)
    )


def test_an_account_that_was_surely_not_closed(gateway, finance, account):
    gateway.fail_next("vbanks/", requests.exceptions.ConnectTimeout("no connection"))
    response = finance.post(url("pointtransaction", account.pk, "close-account"), YES, follow=True)
    assert "Nothing was changed here" in told(response)[0]
    assert audit_results() == [("close_account", "failed")]


def test_asking_how_it_ended_without_an_answer(gateway, finance, make_back):
    one = make_back(state="unknown")
    gateway.fail_next("payments/imp_100000000009")
    finance.post(url("pointcancellation", one.pk, "finish"), YES)
    assert audit_results() == [("finish", "failed")]
    assert any(
        what.startswith("Asked how the return of 12.5 USD ended: the gateway gave no usable answer")
        for what in timeline_lines(finance, one.txn)
    )


def test_a_decision_about_money_of_another_currency(gateway, finance, make_back):
    one = make_back(state="unknown", needs_staff=True)
    gateway.fail_next("payments/imp_100000000009")
    finance.post(url("pointcancellation", one.pk, "settle"), {"choice": "give_up", **YES})
    assert any(
        what.startswith("Gave up sending 12.5 USD back: the gateway gave no usable answer")
        for what in timeline_lines(finance, one.txn)
    )
    facts = json.loads(LogEntry.objects.get().change_message)
    assert (facts["amount"], facts["currency"], facts["kind"]) == ("12.5", "USD", "return")


def test_a_correction_is_written_down_once(boss, user):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    data = {"points": "5", "reason": "lost order", "key": key, **YES}
    for _ in range(2):
        boss.post(address, data)
    assert audit_results() == [("adjust", "done")]
    assert "+5P" in boss.get(url("point", user.pk, "change")).context["staff"][0][2]


def test_a_correction_that_is_refused(boss, user):
    address = url("point", user.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    boss.post(address, {"points": "-5", "reason": "too much", "key": key, **YES})
    boss.post(address, {"points": "5", "reason": "lost order", "key": key, **YES})
    boss.post(address, {"points": "6", "reason": "lost order", "key": key, **YES})
    assert audit_results() == [("adjust", "refused"), ("adjust", "done"), ("adjust", "refused")]
    lines = [
        line for _when, _who, line in boss.get(url("point", user.pk, "change")).context["staff"]
    ]
    assert "-5P: refused · “too much”" in lines[-1]


def test_a_review_that_is_resolved_twice(finance, make_txn):
    txn = make_txn()
    rows.filter(pk=txn.pk).update(review="wrong_amount")
    for _ in range(2):
        finance.post(url("pointtransaction", txn.pk, "resolve"), {"note": "sent back", **YES})
    assert audit_results() == [("resolve", "done"), ("resolve", "refused")]


def test_an_adoption_that_fails_stands_with_the_member(gateway, boss, make_user):
    owner = make_user("minji")
    uid = gateway.control(
        "pay", merchant_uid="lost-1", pay_method="card", outcome="paid", amount=7_000, webhook=False
    )["imp_uid"]
    data = {"imp_uid": uid, "member": "minji", **YES}
    gateway.fail_next(f"payments/{uid}")
    for _ in range(3):
        boss.post(url("pointtransaction", "adopt"), data)
    assert audit_results() == [("adopt", "failed"), ("adopt", "charged"), ("adopt", "refused")]
    about = LogEntry.objects.order_by("pk").values_list("content_type__model", "object_id")
    assert list(about) == [
        ("point", str(owner.pk)),
        ("pointtransaction", str(rows.get().pk)),
        ("point", str(owner.pk)),
    ]
    assert Point.objects.get().balance == 7_000


def test_a_correction_of_one_s_own_balance_is_staff_s(boss):
    me = get_user_model().objects.get(username="boss")
    address = url("point", me.pk, "adjust")
    key = boss.get(address).context["form"].initial["key"]
    boss.post(address, {"points": "5", "reason": "mine", "key": key, **YES})
    columns = boss.get(url("pointentry")).context["listing"].cells[0]
    assert str(columns[-1][1]) == "boss"
