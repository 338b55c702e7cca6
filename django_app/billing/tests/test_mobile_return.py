"""The mobile return: a browser comes back from the gateway. What its address claims is never
believed.
"""

import re

import pytest
import requests
from django.test import Client

from billing.models import Point, PointEntry, PointTransaction, WebhookEvent
from billing.states import Status
from billing.tests.support.counting import counted, statements
from billing.tests.support.payments import envelope

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

COMPLETE = "/billing/complete/"


@pytest.fixture
def txn(gateway, user):
    return PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")


@pytest.fixture
def phone(user):
    client = Client()
    client.force_login(user)
    return client


def handle_browser_return(client, imp_uid, merchant_uid, **more):
    return client.get(COMPLETE, {"imp_uid": imp_uid, "merchant_uid": merchant_uid, **more})


def page_of(txn):
    return f"/billing/payments/{txn.merchant_uid}/"


def balance():
    return Point.objects.get().balance


def test_a_return_is_synced_and_sent_to_its_page(
    gateway, txn, phone, django_assert_max_num_queries
):
    imp_uid = gateway.pay(txn.merchant_uid)
    asked = len(gateway.calls)
    with django_assert_max_num_queries(20) as captured:
        response = handle_browser_return(phone, imp_uid, txn.merchant_uid, imp_success="true")
    assert (response.status_code, response["Location"]) == (302, page_of(txn))
    assert len(counted(captured)) == 7
    assert len(gateway.calls) - asked == 1
    assert balance() == 10_000
    assert phone.get(response["Location"]).status_code == 200
    event = WebhookEvent.objects.get()
    assert (event.source, event.outcome, event.address, event.claimed_status, event.body) == (
        "return",
        "done",
        "127.0.0.1",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("outcome", "state", "credited"),
    [
        ("paid", "paid", 10_000),
        ("failed", "failed", 0),
        ("ready", "checking", 0),
        ("vbank", "waiting", 0),
        ("cancelled", "cancelled", 0),
    ],
)
def test_the_page_tells_the_truth_whatever_the_address_claims(
    gateway, user, phone, outcome, state, credited
):
    for claims in (
        {},
        {"imp_success": "true", "success": "true"},
        {"imp_success": "false", "error_code": "F400", "error_msg": "no"},
    ):
        txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
        imp_uid = gateway.pay(
            txn.merchant_uid, outcome="paid" if outcome == "cancelled" else outcome
        )
        if outcome == "cancelled":
            gateway.cancel(imp_uid)
        response = handle_browser_return(phone, imp_uid, txn.merchant_uid, **claims)
        assert phone.get(response["Location"]).context["state"] == state, claims
        assert PointTransaction.objects.get(pk=txn.pk).credited == credited
    assert balance() == 3 * credited


def test_money_that_does_not_belong_to_the_order(gateway, txn, phone):
    response = handle_browser_return(
        phone, gateway.pay(txn.merchant_uid, amount=1_000), txn.merchant_uid, imp_success="true"
    )
    page = phone.get(response["Location"])
    assert page.context["state"].startswith("return")
    assert (balance(), PointEntry.objects.count()) == (0, 0)


def test_another_orders_payment_is_credited_where_it_belongs(gateway, txn, phone, make_user):
    other = PointTransaction.objects.start(
        user=make_user("other"), amount=10_000, pay_method="card"
    )
    response = handle_browser_return(phone, gateway.pay(other.merchant_uid), txn.merchant_uid)
    assert phone.get(response["Location"]).context["state"] == "checking"
    assert dict(Point.objects.values_list("user__username", "balance")) == {
        "payer": 0,
        "other": 10_000,
    }


def test_a_payer_whose_session_ended_is_credited_and_sees_it_after_login(gateway, txn, user):
    imp_uid = gateway.pay(txn.merchant_uid)
    anonymous = Client()
    response = handle_browser_return(anonymous, imp_uid, txn.merchant_uid)
    assert balance() == 10_000
    login = anonymous.get(response["Location"])
    assert (login.status_code, login["Location"]) == (302, f"/accounts/login/?next={page_of(txn)}")
    landed = anonymous.post(
        login["Location"],
        {"username": "payer", "password": "a-long-passphrase", "next": page_of(txn)},
    )
    assert (landed.status_code, landed["Location"]) == (302, page_of(txn))
    assert anonymous.get(landed["Location"]).context["state"] == "paid"


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_to_anybody_else_it_shows_nothing(gateway, txn, make_user, who):
    """The same answers, header by header, whether there is such an order or not."""
    stranger = Client()
    if who == "stranger":
        stranger.force_login(make_user("stranger"))
    seen = []
    for merchant_uid in (txn.merchant_uid, "20261123" + "z" * 26):
        response = handle_browser_return(stranger, "imp_000000000001", merchant_uid)
        page = stranger.get(response["Location"])
        # A clock.
        headers = [
            sorted((name, value) for name, value in each.headers.items() if name != "Expires")
            for each in (response, page)
        ]
        whole = repr([headers, *((each.status_code, each.content) for each in (response, page))])
        seen.append(
            re.sub('csrfmiddlewaretoken" value="[^"]*', "", whole.replace(merchant_uid, ""))
        )
    assert seen[0] == seen[1]
    assert page.status_code == (404 if who == "stranger" else 302)


TROUBLE = {
    "500": {"status": 500},
    "html": {"body": "<html>"},
    "code": {"json_body": envelope(None, code=1, message="no")},
    "404": {
        "status": 404,
        "json_body": envelope(None, code=-1, message="존재하지 않는 결제정보입니다."),
    },
    "hung": requests.ReadTimeout("hung"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_is_never_a_false_failed(gateway, txn, phone, name):
    imp_uid = gateway.pay(txn.merchant_uid)
    trouble = TROUBLE[name]
    if isinstance(trouble, Exception):
        gateway.fail_next(f"payments/{imp_uid}", trouble)
    else:
        gateway.answer_next(f"payments/{imp_uid}", **trouble)
    response = handle_browser_return(phone, imp_uid, txn.merchant_uid)
    assert response.status_code == 302
    assert PointTransaction.objects.get().status == Status.READY
    assert WebhookEvent.objects.get().outcome == "pending"
    assert phone.get(response["Location"]).context["state"] == "checking"
    handle_browser_return(phone, imp_uid, txn.merchant_uid)  # the payer loads it once more
    assert phone.get(response["Location"]).context["state"] == "paid"


def test_a_reload_of_the_return_asks_nothing_more(gateway, txn, phone):
    imp_uid = gateway.pay(txn.merchant_uid)
    handle_browser_return(phone, imp_uid, txn.merchant_uid)
    asked = len(gateway.calls)
    with statements(1):
        assert handle_browser_return(phone, imp_uid, txn.merchant_uid).status_code == 302
    assert len(gateway.calls) == asked
    assert (PointEntry.objects.count(), WebhookEvent.objects.count()) == (1, 1)


def test_reloads_of_an_unpaid_return_are_bounded(gateway, txn, phone, settings):
    settings.BILLING_CALLS_PER_HOUR = 3
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready")
    asked = len(gateway.calls)
    locations = {
        handle_browser_return(phone, imp_uid, txn.merchant_uid)["Location"] for _ in range(80)
    }
    assert locations == {page_of(txn)}
    assert len(gateway.calls) - asked == 3
    outcomes = list(WebhookEvent.objects.values_list("outcome", flat=True))
    assert (outcomes.count("done"), outcomes.count("pending"), len(outcomes)) == (3, 20, 73)


def test_ids_given_twice(gateway, txn, phone):
    """The last one counts, for both: what it is, the gateway says."""
    imp_uid = gateway.pay(txn.merchant_uid)
    response = phone.get(
        f"{COMPLETE}?imp_uid=imp_1&merchant_uid=m-1&imp_uid={imp_uid}&merchant_uid={txn.merchant_uid}"
    )
    assert response["Location"] == page_of(txn)
    assert balance() == 10_000
