"""A payment number that no transaction has: asked at the gateway by a press of those who may, and
never promised to the wrong member.
"""

from __future__ import annotations

import pytest
import requests

from billing.models import Point, PointTransaction, UnmatchedPayment
from billing.reconciliation import reconcile
from billing.states import Status
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import YES, audit_entries

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
ADOPT, FIND, LIST = (
    url("pointtransaction", "adopt"),
    url("pointtransaction", "find"),
    url("pointtransaction"),
)


@pytest.fixture
def unseen(gateway, make_user):
    """minji's payment, paid at the gateway, of which her row has heard nothing."""
    txn = rows.start(
        user=make_user("minji", email="minji@example.com"), amount=30_000, pay_method="card"
    )
    return txn, gateway.pay(txn.merchant_uid)


def test_the_number_leads_to_the_order(gateway, support, unseen):
    """I paid but have no points: the member gives the number he has."""
    txn, imp_uid = unseen
    calls = len(gateway.calls)
    page = support.get(LIST, {"q": imp_uid})
    assert len(gateway.calls) == calls  # whatever is typed or linked to
    assert "Ask the gateway whose payment it is" in page.text
    assert f'<form method="post" action="{FIND}"' in page.text
    response = support.post(FIND, {"imp_uid": imp_uid}, follow=True)
    assert response.redirect_chain == [(url("pointtransaction", txn.pk, "change"), 302)]
    assert told(response) == [
        f"Payment {imp_uid} belongs to this order. Ask the gateway below, and take its answer over."
    ]
    assert [call.path for call in gateway.calls[calls:]] == [
        f"payments/{imp_uid}?include_sandbox=true"
    ]
    assert Point.objects.get().balance == 0
    support.post(url("pointtransaction", txn.pk, "sync"))
    assert Point.objects.get().balance == 30_000


def test_only_who_may_ask_the_gateway_asks_it(gateway, log_in, unseen):
    reader = log_in("reader", "view_pointtransaction")
    calls = len(gateway.all_calls)
    assert FIND not in reader.get(LIST, {"q": unseen[1]}).text
    assert reader.post(FIND, {"imp_uid": unseen[1]}).status_code == 403
    assert len(gateway.all_calls) == calls


def test_it_is_never_asked_by_an_address(gateway, boss, unseen):
    calls = len(gateway.all_calls)
    assert boss.get(FIND, {"imp_uid": unseen[1]}).status_code == 405
    assert len(gateway.all_calls) == calls


def test_what_no_order_has_leads_to_the_claim_for_those_who_may(gateway, support, boss):
    imp_uid = gateway.pay("lost-1", amount=7_000)
    response = boss.post(FIND, {"imp_uid": imp_uid}, follow=True)
    assert response.redirect_chain[-1][0] == f"{ADOPT}?imp_uid={imp_uid}"
    assert "order lost-1, 7,000 won" in told(response)[0]
    response = support.post(FIND, {"imp_uid": imp_uid}, follow=True)
    assert response.redirect_chain[-1][0] == f"{LIST}?q={imp_uid}"
    assert "somebody who may claim payments must decide" in told(response)[0]


@pytest.mark.parametrize("typed", ["", "imp 1", "x" * 100, "imp_1/../../x", "\x00", "imp_①"])
def test_rubbish_is_said_and_the_gateway_not_asked(gateway, boss, typed):
    calls = len(gateway.all_calls)
    assert told(boss.post(FIND, {"imp_uid": typed}, follow=True)) == [
        "This is no payment number: imp_ and 12 digits."
    ]
    assert len(gateway.all_calls) == calls


def test_a_silent_gateway_and_an_unknown_number_are_said(gateway, boss):
    assert told(boss.post(FIND, {"imp_uid": "imp_404404404404"}, follow=True))[0].startswith(
        "The gateway does not know this payment."
    )
    for _ in range(3):
        gateway.fail_next("payments/imp_404404404404", requests.ConnectionError("down"))
    assert (
        "cannot be reached"
        in told(boss.post(FIND, {"imp_uid": "imp_404404404404"}, follow=True))[0]
    )


@pytest.mark.parametrize("member", ["minji", "doyun"])
def test_a_claim_of_somebody_s_order_promises_nothing(boss, make_user, unseen, member):
    """Neither for the wrong member nor for the right one; it says whose order it is, and leads
    there.
    """
    txn, imp_uid = unseen
    make_user("doyun")
    page = boss.post(ADOPT, {"imp_uid": imp_uid, "member": member})
    assert 'name="confirmed"' not in page.text
    assert "A transaction has this order:" in page.text
    assert f'href="{url("pointtransaction", txn.pk, "change")}">{txn.merchant_uid}</a>' in page.text
    assert ">minji</a>" in page.text
    assert "credited as points" not in page.text
    response = boss.post(ADOPT, {"imp_uid": imp_uid, "member": member, **YES}, follow=True)
    assert told(response) == [
        "That is not possible now: a transaction has this merchant_uid already."
    ]
    assert (rows.count(), Point.objects.get(user__username="minji").balance) == (1, 0)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"outcome": "failed"}, "there is no money left in this payment"),
        ({"outcome": "vbank"}, "there is no money left in this payment"),
        ({"currency": "USD"}, "it is not whole won"),
        ({"sandbox": True}, "it was paid through a test channel: no real money"),
    ],
)
def test_what_cannot_be_claimed_says_so_before_anything_is_promised(
    gateway, boss, make_user, how, words
):
    make_user("minji")
    imp_uid = gateway.pay("lost-1", amount=7_000, **how)
    page = boss.post(ADOPT, {"imp_uid": imp_uid, "member": "minji"})
    assert words in page.text
    assert 'name="confirmed"' not in page.text
    assert words in told(boss.post(FIND, {"imp_uid": imp_uid}, follow=True))[0]


def test_a_claim_ends_on_the_payment_and_takes_it_off_the_list(gateway, boss, make_user):
    make_user("minji")
    imp_uid = gateway.pay("lost-1", amount=7_000)
    reconcile(repair=True)
    assert (
        "what is left is credited as points: 7,000P"
        in boss.post(ADOPT, {"imp_uid": imp_uid, "member": "minji"}).text
    )
    response = boss.post(ADOPT, {"imp_uid": imp_uid, "member": "minji", **YES}, follow=True)
    assert response.redirect_chain[-1][0] == url("pointtransaction", rows.get().pk, "change")
    assert told(response) == ["Adopted: 7,000P were credited."]
    assert (UnmatchedPayment.objects.get().decision, UnmatchedPayment.objects.get().by_name) == (
        "claimed",
        "boss",
    )
    response = boss.post(ADOPT, {"imp_uid": imp_uid, "member": "minji", **YES}, follow=True)
    assert response.redirect_chain[-1][0] == url("pointtransaction", rows.get().pk, "change")
    assert Point.objects.get().balance == 7_000


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
    assert audit_entries() == [("adopt", "charged"), ("adopt", "refused")]


def test_adopting_says_what_is_wrong(gateway, boss, make_user):
    address = url("pointtransaction", "adopt")
    assert boss.post(address, {"imp_uid": "imp 1", "member": "nobody"}).context[
        "form"
    ].errors.keys() == {"imp_uid", "member"}
    make_user("minji")
    response = boss.post(address, {"imp_uid": "imp_404404404404", "member": "minji"})
    assert "does not know this payment" in response.text
    assert "confirmed" not in response.text
