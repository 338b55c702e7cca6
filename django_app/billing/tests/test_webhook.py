"""The webhook, which anybody may call. What it is told is never believed."""

import json
import threading
from contextlib import nullcontext
from datetime import timedelta

import pytest
import requests
from django.db import models
from django.test import Client
from django.utils import timezone

from billing.models import Point, PointEntry, PointTransaction, WebhookEvent
from billing.states import Status
from billing.tests.support.counting import counted
from billing.tests.support.payments import envelope
from billing.tests.support.threads import together
from billing.webhooks import intake

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

WEBHOOK = "/billing/webhook/"


@pytest.fixture
def txn(gateway, user):
    return PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")


def deliver(imp_uid, merchant_uid, status="paid", form=False, **more):
    notice = {"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": status, **more}
    client = Client(enforce_csrf_checks=True)
    return client.post(WEBHOOK, notice) if form is None else client.post(
        WEBHOOK,
        "&".join(f"{key}={value}" for key, value in notice.items()) if form else json.dumps(notice),
        content_type="application/x-www-form-urlencoded" if form else "application/json",
    )  # fmt: skip


def balance():
    return Point.objects.get().balance


# -- webhook ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [False, True])
def test_a_notice_is_stored_and_the_gateway_is_asked(gateway, txn, form):
    imp_uid = gateway.pay(txn.merchant_uid)
    assert deliver(imp_uid, txn.merchant_uid, form=form).status_code == 200
    assert balance() == 10_000
    event = WebhookEvent.objects.get()
    assert (
        event.outcome,
        event.imp_uid,
        event.merchant_uid,
        event.claimed_status,
        event.tries,
    ) == (
        "done",
        imp_uid,
        txn.merchant_uid,
        "paid",
        1,
    )
    assert event.address == "127.0.0.1"
    assert imp_uid in event.body
    assert event.handled_at is not None


def test_multipart_is_not_what_the_gateway_sends(gateway, txn):
    assert deliver("imp_1", txn.merchant_uid, form=None).status_code == 400


def test_a_notice_that_lies_credits_nothing(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid, outcome="failed")
    assert deliver(imp_uid, txn.merchant_uid, status="paid").status_code == 200
    assert balance() == 0
    assert PointTransaction.objects.get().status == Status.FAILED


def test_paid_says_the_notice_and_ready_says_the_gateway(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready")
    assert deliver(imp_uid, txn.merchant_uid, status="paid").status_code == 200
    assert (balance(), PointTransaction.objects.get().status) == (0, Status.READY)
    assert WebhookEvent.objects.get().outcome == "done"


def test_a_notice_about_a_payment_that_the_gateway_does_not_know_yet(gateway, txn):
    """Asking again may help: the sender is told so, and we do it ourselves."""
    assert deliver("imp_000000000000", txn.merchant_uid).status_code == 503
    assert balance() == 0
    event = WebhookEvent.objects.get()
    assert (event.outcome, event.tries, event.error_code) == ("pending", 1, "payment_not_found")
    assert event.next_try_at > timezone.now()


def test_the_same_notice_many_times(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    asked = len(gateway.calls)
    assert [
        deliver(imp_uid, txn.merchant_uid, form=number % 2 == 1).status_code for number in range(6)
    ] == [200] * 6
    assert len(gateway.calls) - asked == 1
    assert list(PointEntry.objects.values_list("kind", "delta")) == [("charge", 10_000)]
    assert WebhookEvent.objects.filter(outcome="done").count() == 6


def test_the_webhook_was_faster_than_the_page(gateway, txn, user):
    imp_uid = gateway.pay(txn.merchant_uid)
    assert deliver(imp_uid, txn.merchant_uid).status_code == 200
    page = Client()
    page.force_login(user)
    answer = page.post(
        "/billing/validation/", {"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid}
    ).json()
    assert (answer["status"], answer["balance"], PointEntry.objects.count()) == ("paid", 10_000, 1)


def test_a_notice_for_one_row_with_another_rows_payment_credits_the_true_owner(
    gateway, txn, make_user
):
    other = PointTransaction.objects.start(
        user=make_user("other"), amount=10_000, pay_method="card"
    )
    imp_uid = gateway.pay(other.merchant_uid)
    assert deliver(imp_uid, txn.merchant_uid).status_code == 200
    assert dict(Point.objects.values_list("user__username", "balance")) == {
        "payer": 0,
        "other": 10_000,
    }


def test_an_unknown_merchant_uid_costs_no_call(gateway, txn):
    asked = len(gateway.all_calls)
    assert deliver("imp_100000000001", "somebody-elses-order").status_code == 200
    assert len(gateway.all_calls) == asked
    event = WebhookEvent.objects.get()
    assert (event.outcome, event.tries) == ("ignored", 0)


@pytest.mark.parametrize(
    ("status", "cancel", "calls"),
    [
        ("paid", None, 0),
        ("ready", None, 0),
        ("failed", None, 0),
        ("cancelled", None, 1),
        ("cancelled", 10_000, 0),
        ("paid", 4_000, 0),
        ("cancelled", 4_000, 1),
    ],
)
def test_news_that_can_change_nothing_costs_no_call(gateway, txn, status, cancel, calls):
    imp_uid = gateway.pay(txn.merchant_uid)
    if cancel:
        gateway.cancel(imp_uid, cancel)
    PointTransaction.objects.sync(imp_uid)
    asked = len(gateway.calls)
    assert deliver(imp_uid, txn.merchant_uid, status=status).status_code == 200
    assert len(gateway.calls) - asked == calls
    assert WebhookEvent.objects.get().outcome == "done"


def test_a_cancel_at_the_console_reaches_us_by_webhook(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    deliver(imp_uid, txn.merchant_uid)
    gateway.cancel(imp_uid, 3_000)
    assert (
        deliver(
            imp_uid, txn.merchant_uid, status="cancelled", cancellation_id="06JC8FVHJTW2WY16FEY0"
        ).status_code
        == 200
    )
    assert balance() == 7_000
    assert WebhookEvent.objects.last().cancellation_id == "06JC8FVHJTW2WY16FEY0"


def test_the_sandbox_delivers_to_us(gateway, txn):
    """The sandbox's own webhook, through its queue, and nothing but that."""
    gateway.pay(txn.merchant_uid, webhook=True)
    assert balance() == 0
    [delivery] = gateway.deliver()
    assert (delivery["state"], delivery["answer_status"], delivery["body"]["status"]) == (
        "delivered",
        200,
        "paid",
    )
    assert balance() == 10_000


def test_the_webhook_stays_within_its_budget(gateway, txn, settings, django_assert_max_num_queries):
    imp_uid = gateway.pay(txn.merchant_uid)
    asked = len(gateway.calls)
    with django_assert_max_num_queries(20) as captured:
        assert deliver(imp_uid, txn.merchant_uid).status_code == 200
    assert len(counted(captured)) == 7
    assert len(gateway.calls) - asked == 1
    with django_assert_max_num_queries(20) as captured:
        assert deliver(imp_uid, txn.merchant_uid).status_code == 200
    assert len(counted(captured)) == 2
    assert len(gateway.calls) - asked == 1
    with django_assert_max_num_queries(20) as captured:
        assert deliver("imp_000000000000", txn.merchant_uid).status_code == 503
    assert len(counted(captured)) == 3
    assert len(gateway.calls) - asked == 2
    settings.BILLING_CALLS_PER_HOUR = 2
    with django_assert_max_num_queries(20) as captured:
        assert deliver("imp_000000000000", txn.merchant_uid).status_code == 200
    assert len(counted(captured)) == 3
    assert len(gateway.calls) - asked == 2


TROUBLE = {
    "500": {"status": 500},
    "html": {"body": "<html>"},
    "code": {"json_body": envelope(None, code=1, message="no")},
    "hung": requests.ReadTimeout("hung"),
}


CODES = {
    "500": ("gateway_unreachable", "HTTP 500"),
    "html": ("invalid_gateway_response", "the gateway answered HTTP 200 without an envelope"),
    "code": ("gateway_rejected", "no"),
    "hung": ("gateway_unreachable", "ReadTimeout"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_when_the_gateway_has_trouble_the_sender_is_asked_to_come_again(gateway, txn, name):
    imp_uid = gateway.pay(txn.merchant_uid)
    trouble = TROUBLE[name]
    if isinstance(trouble, Exception):
        gateway.fail_next(f"payments/{imp_uid}", trouble)
    else:
        gateway.answer_next(f"payments/{imp_uid}", **trouble)
    response = deliver(imp_uid, txn.merchant_uid)
    assert (response.status_code, response["Retry-After"]) == (503, "60")
    event = WebhookEvent.objects.get()
    assert (event.outcome, event.tries) == ("pending", 1)
    assert (event.error_code, event.error) == CODES[name]
    assert event.next_try_at is not None
    assert balance() == 0
    assert deliver(imp_uid, txn.merchant_uid).status_code == 200
    assert balance() == 10_000


def test_thirty_calls_an_hour_for_one_merchant_uid(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready")
    asked = len(gateway.calls)
    for number in range(20):
        assert deliver(imp_uid, txn.merchant_uid).status_code == 200
        assert (
            Client()
            .get("/billing/complete/", {"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid})
            .status_code
            == 302
        ), number
    assert len(gateway.calls) - asked == 30
    outcomes = list(WebhookEvent.objects.values_list("outcome", flat=True))
    assert (outcomes.count("done"), outcomes.count("pending")) == (30, 10)
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(hours=1, seconds=1))
    deliver(imp_uid, txn.merchant_uid)
    assert len(gateway.calls) - asked == 31


def test_deliveries_of_one_row_use_up_nothing_of_anothers(gateway, user, settings):
    settings.BILLING_CALLS_PER_HOUR = 2
    loud, quiet = (
        PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
        for _ in range(2)
    )
    waiting = gateway.pay(loud.merchant_uid, outcome="ready")
    for _ in range(5):
        deliver(waiting, loud.merchant_uid)
    asked = len(gateway.calls)
    assert deliver(gateway.pay(quiet.merchant_uid), quiet.merchant_uid).status_code == 200
    assert (len(gateway.calls) - asked, balance()) == (1, 10_000)


def test_thirty_calls_an_hour_also_when_all_knock_at_once(gateway, txn, settings):
    settings.BILLING_CALLS_PER_HOUR = 5
    imp_uid = gateway.pay(txn.merchant_uid, outcome="ready")
    asked = len(gateway.calls)
    codes = together([lambda: deliver(imp_uid, txn.merchant_uid).status_code] * 16)
    assert codes == [200] * 16
    assert len(gateway.calls) - asked == 5
    assert WebhookEvent.objects.filter(outcome="pending").count() == 11


def test_one_rows_deliveries_close_no_other_rows_door(gateway, txn, make_txn, settings):
    """Also where the row was heard of so often that its deliveries are looked at."""
    settings.BILLING_CALLS_PER_HOUR = 2
    other = make_txn()
    for _ in range(4):
        deliver("imp_000000000000", other.merchant_uid)
    imp_uid = gateway.pay(txn.merchant_uid)
    PointTransaction.objects.filter(pk=txn.pk).update(deliveries=30)
    assert deliver(imp_uid, txn.merchant_uid).status_code == 200
    assert PointTransaction.objects.get(pk=txn.pk).credited == txn.amount


def test_without_the_lock_they_overlook_each_other(txn, settings, monkeypatch):
    """The negative control: each counts before any other is stored, whatever the cap."""
    settings.BILLING_CALLS_PER_HOUR = 1
    all_counted, asked = threading.Barrier(6), []

    def save(event, **kwargs):
        all_counted.wait(30)
        models.Model.save(event, **kwargs)

    monkeypatch.setattr(intake, "money_transaction", lambda **kwargs: nullcontext())
    monkeypatch.setattr(
        intake,
        "_locked_row",
        lambda merchant_uid: PointTransaction.objects.get(merchant_uid=merchant_uid),
    )
    monkeypatch.setattr(intake, "ask_gateway", lambda event, deadline: asked.append(event))
    monkeypatch.setattr(WebhookEvent, "save", save)
    together([lambda: deliver("imp_1", txn.merchant_uid)] * 6)
    assert len(asked) == 6


def test_a_notice_with_a_byte_order_mark(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    body = "\ufeff" + json.dumps(
        {"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, "status": "paid"}
    )
    assert Client().post(WEBHOOK, body, content_type="application/json").status_code == 200
    assert balance() == 10_000


def test_odd_values_in_a_good_notice_are_cut(gateway, txn):
    imp_uid = gateway.pay(txn.merchant_uid)
    notice = {
        "imp_uid": imp_uid,
        "merchant_uid": txn.merchant_uid,
        "status": "\x00가" * 40,
        "cancellation_id": {"a": 1},
        "more": "x" * 3_000,
    }
    assert (
        Client().post(WEBHOOK, json.dumps(notice), content_type="application/json").status_code
        == 200
    )
    event = WebhookEvent.objects.get()
    assert event.claimed_status == "가" * 20
    assert (event.cancellation_id, len(event.body)) == ("", 2_000)
