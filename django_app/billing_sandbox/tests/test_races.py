"""Two at once, on real transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import responses
from django.db import connections
from django.test import Client

from billing_sandbox import database
from billing_sandbox.engine import cancels, clock, payments, tokens, webhook_delivery
from billing_sandbox.models import Cancellation, Delivery, Payment, Prepared
from billing_sandbox.tests.support.gateway import token

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

THREADS = 6


def together(work: Callable[[int], Any]) -> list[Any]:
    """`work(n)` in THREADS threads that start at once; their results, or the exceptions they
    raised.
    """
    barrier = threading.Barrier(THREADS)
    results: list[Any] = [None] * THREADS

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            results[number] = work(number)
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_all_get_the_same_token():
    assert len({row.value for row in together(lambda number: tokens.issue("key", "secret"))}) == 1


def test_one_prepare_wins():
    header = {"X-ImpTokenHeader": token(Client())}

    def prepare(number: int) -> int:
        body = {"merchant_uid": "m", "amount": 1000 + number}
        return (
            Client()
            .post(
                "/sandbox/api/payments/prepare",
                body,
                content_type="application/json",
                headers=header,
            )
            .json()["code"]
        )

    assert sorted(together(prepare)) == [0] + [1] * (THREADS - 1)
    assert Prepared.objects.count() == 1


def test_cancels_never_exceed_the_amount(pay):
    uid = pay()
    results = together(lambda number: payments.cancel(uid, amount=4000))
    assert sum(isinstance(result, Cancellation) for result in results) == 2
    assert sum(isinstance(result, ValueError) for result in results) == THREADS - 2
    assert Payment.objects.get().cancel_amount == 8000


def api_cancels(uid: str, amount: int) -> list[Any]:
    """So many cancels by the API at once; code 0 or the refusal's."""
    header = {"X-ImpTokenHeader": token(Client())}

    def cancel(number: int) -> int:
        body = {"imp_uid": uid, "amount": amount, "checksum": 10_000}
        return (
            Client()
            .post(
                "/sandbox/api/payments/cancel",
                body,
                content_type="application/json",
                headers=header,
            )
            .json()["code"]
        )

    return together(cancel)


def test_two_cancels_at_once_with_a_checksum_one_wins(pay):
    uid = pay()
    assert sorted(api_cancels(uid, 1000)) == [0] + [1] * (THREADS - 1)
    payment = Payment.objects.get()
    assert payment.cancel_amount == sum(item.amount for item in payment.cancellations.all()) == 1000


def test_without_the_lock_both_would_win(pay, monkeypatch):
    """Negative control of the test above: all have read before one writes."""
    uid = pay()
    gate = threading.Barrier(THREADS)
    real = cancels._check

    def all_checked_first(*arguments: Any) -> None:
        real(*arguments)
        gate.wait(timeout=30)

    monkeypatch.setattr(cancels, "_check", all_checked_first)
    monkeypatch.setattr(database.transaction, "atomic", lambda using: nullcontext())
    assert api_cancels(uid, 1000).count(0) == THREADS
    payment = Payment.objects.get()
    assert payment.cancel_amount < sum(item.amount for item in payment.cancellations.all())


def test_a_fault_for_one_call_meets_one(pay, control):
    uid = pay()
    control("faults", code=7, times=1, path="payments/cancel")
    assert sorted(api_cancels(uid, 1000)).count(7) == 1


def test_the_clock_counts_every_advance():
    began = clock.now()
    together(lambda number: clock.advance(100))
    assert clock.offset() == 100 * THREADS
    assert clock.now() >= began + 100 * THREADS


def test_an_accepted_cancel_is_done_once(api, pay, control):
    control("faults", cancel_later_s=10, times=1, path="payments/cancel")
    api("payments/cancel", {"imp_uid": pay(), "amount": 4000})
    clock.advance(10)
    assert sum(together(lambda number: cancels.finish_due_cancels())) == 1
    assert Payment.objects.get().cancel_amount == 4000


def test_one_choice_counts(pay):
    uid = pay(outcome="ready")
    results = together(
        lambda number: payments.approve(uid, late=False) if number % 2 else payments.decline(uid)
    )
    assert sum(isinstance(result, Payment) for result in results) == 1
    assert sum(isinstance(result, payments.WrongState) for result in results) == THREADS - 1


def test_each_delivery_is_sent_once(pay):
    for number in range(5):
        pay(f"order-{number}", webhook=True)
    with responses.RequestsMock() as mock:
        mock.post("http://testserver/billing/webhook/")
        sent = together(lambda number: webhook_delivery.deliver_due())
        assert sum(sent) == len(mock.calls) == 5
    assert set(Delivery.objects.values_list("state", "tries")) == {("delivered", 1)}


def test_without_the_claim_they_would_be_sent_twice(pay, monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr(webhook_delivery, "_claim", lambda key: True)
    for number in range(5):
        pay(f"order-{number}", webhook=True)
    gate = threading.Barrier(THREADS)
    real = webhook_delivery.deliver

    def all_read_first(keys: Any) -> Any:
        listed = list(keys)
        gate.wait(timeout=30)
        return real(listed)

    monkeypatch.setattr(webhook_delivery, "deliver", all_read_first)
    with responses.RequestsMock() as mock:
        mock.post("http://testserver/billing/webhook/")
        assert sum(together(lambda number: webhook_delivery.deliver_due())) == 5 * THREADS
