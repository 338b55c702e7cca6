"""The time line of one payment, and personal data on its page."""

from __future__ import annotations

import logging
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Point, PointTransaction, WebhookEvent
from billing_office.tests.conftest import told, url

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

rows = PointTransaction.objects


def case(client, txn, **query):
    return client.get(url("pointtransaction", txn.pk, "change"), query)


def lines(response):
    """label → (ours, theirs, differs) without markup."""

    def plain(text):
        return " ".join(re.sub(r"<[^>]+>", " ", str(text)).split()) if text is not None else None

    return {
        str(line.label): (plain(line.ours), plain(line.theirs), line.differs)
        for line in response.context["lines"]
    }


def test_everything_that_happened_is_told_in_order(gateway, boss, user):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid, webhook=True)
    gateway.deliver()
    boss.post(url("pointtransaction", txn.pk, "sync"))
    data = {
        "amount": "4,000",
        "reason": "kind",
        "rule": "unspent",
        "remaining": "10000",
        "confirmed": "yes",
    }
    boss.post(url("pointtransaction", txn.pk, "cancel"), data)
    told_in_order = [str(event.what) for event in reversed(case(boss, txn).context["events"])]
    expected = [
        "Began to pay 10,000 won", "Registered the amount at the gateway", "Payment window opened",
        "Paid", "Webhook", "Charge +10,000P",
        "Asked the gateway and took its answer over: nothing new", "Cancel of 4,000 won begun (#1)",
        "Cancel -4,000P", "Cancel #1 ended",
        "Cancel of 4,000 won: done · “kind”",
    ]  # fmt: skip
    mentioned = [what for what in told_in_order if re.sub(r"#\d+", "#1", what) in expected]
    assert {re.sub(r"#\d+", "#1", what) for what in mentioned} == set(expected)
    by_step = [
        what
        for what in told_in_order
        if what in ("Began to pay 10,000 won", "Paid", "Charge +10,000P", "Cancel -4,000P")
    ]
    assert by_step == ["Began to pay 10,000 won", "Paid", "Charge +10,000P", "Cancel -4,000P"]
    assert imp_uid in case(boss, txn).text


@pytest.mark.parametrize("number", [0, 30])
def test_statements_do_not_grow_with_the_story(gateway, support, paid, number):
    txn = paid(50_000)
    for _i in range(number):
        WebhookEvent.objects.create(imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid)
        rows.cancel(txn, reason="part", by=txn.owner.user, amount=100)
    case(support, txn)
    with CaptureQueriesContext(connection) as caught:
        assert case(support, txn).status_code == 200
    assert len(caught) == 10, [one["sql"][:90] for one in caught]


def test_a_long_story_says_that_it_is_cut(support, paid):
    txn = paid()
    WebhookEvent.objects.bulk_create(
        WebhookEvent(imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid) for _ in range(150)
    )
    response = case(support, txn)
    assert "newest 100" in response.text
    assert sum(event.link != "" for event in response.context["events"]) == 100


def test_what_strangers_wrote_is_only_text(support, paid):
    txn = paid()
    WebhookEvent.objects.create(
        imp_uid="imp_1",
        merchant_uid=txn.merchant_uid,
        claimed_status="<script>",
        body="<script>alert(1)</script>",
    )
    rows.filter(pk=txn.pk).update(receipt_url="", has_notes=True, fail_reason="<i>")
    txn.notes.create(code="legacy", params={"text": "<b>x</b>"})
    assert "<script>alert" not in case(support, txn).text
    event = WebhookEvent.objects.latest("pk")
    page = support.get(url("webhookevent", event.pk, "change")).text
    assert "&lt;script&gt;alert(1)" in page


# -- personal data ---------------------------------------------------------------------------------


@pytest.fixture
def secret(gateway, make_user):
    """A virtual account of a member with a name."""
    owner = make_user(
        "hong@example.com", email="mail@example.com", first_name="길동", last_name="홍"
    )
    txn = rows.start(user=owner, amount=10_000, pay_method="vbank")
    rows.sync(gateway.pay(txn.merchant_uid, outcome="vbank"))
    rows.filter(pk=txn.pk).update(vbank_num="11012345678901", vbank_holder="홍길동")
    return rows.get(pk=txn.pk)


def test_masked_for_all_and_in_full_for_few(support, finance, secret, caplog):
    for client in (support, finance):
        page = (
            case(client, secret, ask=1).text
            + client.get(url("point", secret.owner_id, "change")).text
        )
        for text in ("11012345678901", "홍길동", "hong@example.com", "mail@example.com"):
            assert text not in page
        assert "••••8901" in page
        assert "홍•동" in page
    assert LogEntry.objects.count() == 0
    with caplog.at_level(logging.INFO, logger="billing.staff"):
        full = case(support, secret, full=1).text
        assert "11012345678901" in full
        assert "홍길동" in full
        member = support.get(url("point", secret.owner_id, "change"), {"full": "1"}).text
        assert "hong@example.com" in member
        assert "mail@example.com" in member
    assert [
        record.getMessage().split(" ")[:2]
        for record in caplog.records
        if record.name == "billing.staff"
    ] == [["support:", "seen"]] * 2
    assert "Looked at personal data in full" in case(support, secret).text
    assert (
        "Looked at personal data in full"
        in support.get(url("point", secret.owner_id, "change")).text
    )


def test_the_gateway_s_side_is_masked_too(gateway, finance, secret):
    rows.filter(pk=secret.pk).update(vbank_num="", vbank_holder="")
    theirs = lines(case(finance, secret, ask=1))
    assert re.fullmatch(r"•{4}\d{4}", theirs["Virtual account"][1])
    assert "•" in theirs["Account holder"][1]


def test_keys_and_tokens_are_nowhere(settings, boss, secret):
    page = case(boss, secret, ask=1, full=1).text + boss.get("/admin/").text
    assert settings.IAMPORT_SECRET not in page
    assert settings.IAMPORT_KEY not in page


# -- members and deliveries ------------------------------------------------------------------------


def test_a_member_s_page(support, paid, user):
    txn = paid(10_000)
    rows.cancel(txn, reason="x", by=user, amount=2_500)
    Point.objects.spend(user=user, amount=500, idempotency_key="order-1", memo="a book")
    response = support.get(url("point", user.pk, "change"))
    assert response.context["balance"] == "7,000P"
    for text in (
        "1 attempt to pay",
        txn.merchant_uid,
        "-2,500P",
        "-500P",
        "a book",
        "order-1",
        "Cancelled in part",
    ):
        assert text in response.text


def test_a_member_who_never_paid_has_a_page(support, user):
    response = support.get(url("point", user.pk, "change"))
    assert (response.status_code, response.context["balance"]) == (200, "0P")
    assert Point.objects.count() == 0


def test_cancels_by_the_member_name_no_login(support, gateway, make_user, paid):
    owner = make_user("hong@example.com")
    txn = paid(10_000, owner=owner)
    rows.cancel(txn, reason="changed my mind", by=owner)
    for page in (
        case(support, txn),
        support.get(url("pointcancellation")),
        support.get(url("pointentry")),
    ):
        assert "hong@example.com" not in page.text
        assert "Member" in page.text


def test_a_delivery_s_page_and_its_replay(gateway, support, user, ledger):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    event = WebhookEvent.objects.create(
        imp_uid=imp_uid,
        merchant_uid=txn.merchant_uid,
        outcome="dead",
        body='{"imp_uid": 1}',
        error="gone",
    )
    page = support.get(url("webhookevent", event.pk, "change")).text
    assert "gone" in page
    assert "&quot;imp_uid&quot;" in page
    for _ in range(2):
        response = support.post(url("webhookevent", event.pk, "replay"), follow=True)
        assert told(response) == [
            "Replayed: the gateway was asked, and the transaction is as it says."
        ]
    assert ledger(txn) == (10_000, [10_000])
    assert "Replayed a delivery: done" in response.text
    assert "Replayed a delivery: done" in case(support, txn).text


def test_a_replay_for_somebody_else_s_payment(gateway, support):
    imp_uid = gateway.control(
        "pay",
        merchant_uid="other-shop-1",
        pay_method="card",
        outcome="paid",
        amount=5_000,
        webhook=False,
    )["imp_uid"]
    event = WebhookEvent.objects.create(
        imp_uid=imp_uid, merchant_uid="other-shop-1", outcome="ignored"
    )
    assert (
        "Replayed and ignored"
        in told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0]
    )


def test_a_replay_without_an_answer(gateway, support, make_txn):
    txn = make_txn()
    event = WebhookEvent.objects.create(
        imp_uid="imp_1", merchant_uid=txn.merchant_uid, outcome="dead"
    )
    gateway.fail_next("payments/imp_1")
    assert (
        "no usable answer"
        in told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0]
    )


def test_a_pending_delivery_is_tried_again(gateway, support, user, ledger):
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    event = WebhookEvent.objects.create(imp_uid=imp_uid, merchant_uid=txn.merchant_uid)
    gateway.fail_next(imp_uid)
    assert (
        "stays pending"
        in told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0]
    )
    event.refresh_from_db()
    assert (event.outcome, event.tries) == ("pending", 1)
    assert told(support.post(url("webhookevent", event.pk, "replay"), follow=True))[0].startswith(
        "Replayed"
    )
    event.refresh_from_db()
    assert (event.outcome, event.tries) == ("done", 2)
    assert ledger(txn) == (10_000, [10_000])
