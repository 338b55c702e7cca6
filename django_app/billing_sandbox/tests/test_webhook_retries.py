"""Webhooks again: the five retries, the resend by hand, the console's choices, faults of
deliveries.
"""

from __future__ import annotations

import pytest
import requests
import responses

from billing_sandbox.engine import webhook_delivery, webhook_queue
from billing_sandbox.models import Delivery

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HOOK = "http://testserver/billing/webhook/"


@pytest.fixture
def mock():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as made:
        yield made


def states():
    return [(row.state, row.tries, row.answer_status) for row in Delivery.objects.order_by("pk")]


@pytest.mark.parametrize("trouble", [500, 503, 599, "network"])
def test_five_retries_a_minute_apart(control, pay, mock, time, trouble):
    mock.post(
        HOOK,
        **(
            {"body": requests.ConnectionError("gone")}
            if trouble == "network"
            else {"status": trouble}
        ),
    )
    control("console", webhook_retries=5)
    pay(webhook=True)
    assert webhook_delivery.deliver_due() == 1
    for _ in range(5):
        control("clock", advance_s=59)
        assert webhook_delivery.deliver_due() == 0
        control("clock", advance_s=1)
        assert webhook_delivery.deliver_due() == 1
    control("clock", advance_s=3600)
    assert webhook_delivery.deliver_due() == 0
    status = None if trouble == "network" else trouble
    assert states() == [("failed", number, status) for number in range(1, 7)]
    timeouts = [call.request.req_kwargs["timeout"] for call in mock.calls]
    assert timeouts[0] == (10, 30)
    assert {timeout.total for timeout in timeouts[1:]} == {15}


def test_they_stop_at_success(control, pay, mock):
    mock.post(HOOK, status=500)
    mock.post(HOOK, status=200)
    control("console", webhook_retries=5)
    pay(webhook=True)
    control("deliver")
    control("deliver")
    assert states() == [("failed", 1, 500), ("delivered", 2, 200)]
    assert len({str(row.body) for row in Delivery.objects.all()}) == 1


@pytest.mark.parametrize("status", [200, 302, 400, 404])
def test_no_retry_for_other_answers(control, pay, mock, status):
    mock.post(HOOK, status=status)
    control("console", webhook_retries=5)
    pay(webhook=True)
    control("deliver")
    assert Delivery.objects.count() == 1


def test_no_retry_where_nothing_was_sent(control, pay, mock, settings):
    settings.SANDBOX = {
        **settings.SANDBOX,
        "webhook_url": "http://example.com/",
        "webhook_retries": 5,
    }
    pay(webhook=True)
    control("deliver")
    assert states() == [("failed", 1, None)]
    assert not mock.calls


def test_other_machines_if_the_setting_allows(control, pay, mock, settings):
    settings.SANDBOX = {
        **settings.SANDBOX,
        "webhook_url": "http://example.com/hook",
        "webhook_anywhere": True,
    }
    mock.post("http://example.com/hook")
    pay(webhook=True)
    control("deliver")
    assert states() == [("delivered", 1, 200)]


def test_a_resend_goes_where_the_first_went_and_is_not_retried(control, pay, mock, settings):
    uid = pay(webhook=True)
    settings.SANDBOX = {
        **settings.SANDBOX,
        "webhook_url": "http://localhost:9/new",
        "webhook_retries": 5,
    }
    mock.post(HOOK, status=500)
    Delivery.objects.update(state="delivered")
    assert [row["url"] for row in control(f"payments/{uid}/webhook").json()["deliveries"]] == [HOOK]
    control("deliver")
    assert mock.calls[0].request.req_kwargs["timeout"].total == 15
    assert Delivery.objects.count() == 2


def test_the_consoles_choices(control, browser, pay, settings):
    assert browser.get("/sandbox/control/console").json() == {
        "webhook_format": "json",
        "webhook_retries": 0,
    }
    assert control("console", webhook_format="form", webhook_retries=2).json() == {
        "webhook_format": "form",
        "webhook_retries": 2,
    }
    pay(webhook=True)
    assert Delivery.objects.get().format == "form"
    settings.SANDBOX = {**settings.SANDBOX, "webhook_retries": 3, "webhook_format": "form"}
    assert control("console", webhook_format=None, webhook_retries=None).json() == {
        "webhook_format": "form",
        "webhook_retries": 3,
    }
    for body in (
        {"webhook_format": "xml"},
        {"webhook_format": 1},
        {"webhook_retries": 6},
        {"webhook_retries": -1},
        {"webhook_retries": "2"},
    ):
        answer = control("console", **body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, next(iter(body)))


# -- faults --


def fault(control, times=None, **effects):
    answer = control("faults", delivery=effects, **({"times": times} if times else {}))
    assert answer.status_code == 200, answer.content


def test_drop(control, pay, mock):
    fault(control, 1, drop=True)
    pay(webhook=True)
    assert states() == [("failed", 0, None)]
    assert Delivery.objects.get().answer_text == webhook_queue.DROPPED
    assert control("deliver").json() == {"deliveries": []}
    pay("m", webhook=True)
    assert Delivery.objects.last().state == "queued"


def test_delay(control, pay, mock):
    mock.post(HOOK)
    fault(control, delay_s=90)
    pay(webhook=True)
    assert webhook_delivery.deliver_due() == 0
    control("clock", advance_s=90)
    assert webhook_delivery.deliver_due() == 1


def test_duplicate_and_form(control, pay, mock):
    mock.post(HOOK)
    fault(control, 1, duplicate=2, format="form")
    pay(webhook=True)
    control("deliver")
    assert len({call.request.body for call in mock.calls}) == 1
    assert [call.request.headers["Content-Type"] for call in mock.calls] == [
        "application/x-www-form-urlencoded"
    ] * 3


def test_reorder_sends_the_next_ones_last_first(control, pay, mock):
    mock.post(HOOK)
    fault(control, 3, reorder=True)
    uids = [pay(f"m{number}", webhook=True) for number in range(4)]
    assert [row["imp_uid"] for row in control("deliver").json()["deliveries"]] == [
        uids[3],
        uids[2],
        uids[1],
        uids[0],
    ]


def test_reorder_from_a_seed_repeats(control, pay):
    orders = []
    for _ in range(2):
        control("reset")
        control("faults", delivery={"reorder": True}, seed=7)
        for number in range(8):
            pay(f"m{number}", webhook=True)
        orders.append(
            [row.body["merchant_uid"] for row in Delivery.objects.order_by("due_at", "pk")]
        )
    assert orders[0] == orders[1]
    assert orders[0] != [f"m{number}" for number in range(8)]


def test_only_to_some_address(control, pay):
    control("faults", delivery={"drop": True}, path="elsewhere")
    pay(webhook=True)
    assert Delivery.objects.get().state == "queued"
