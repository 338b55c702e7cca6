"""A cancel whose machine stops between two steps, and several of them at once."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.errors import CannotCancel, GatewayUnreachable
from billing.gateway.api import RefundAccount
from billing.gateway.api import gateway as client
from billing.gateway.transport import Client
from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.note_codes import Trouble
from billing.reconciliation import reconcile
from billing.services import cancel as cancel_service
from billing.services import close_cancel
from billing.services.sending import claim_try
from billing.tests.support.aging import let_pass
from billing.tests.support.gateway import at_the_gateway, fault, sent
from billing.tests.support.threads import together

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
State = PointCancellation.State
ACCOUNT = RefundAccount(bank="88", account="110123456789", holder="홍길동")


# -- a cancel that goes well -----------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: nothing of ours catches it."""


@pytest.fixture
def kill(monkeypatch):
    """kill(owner, "name", after=False): the process ends before (or after) that step, once."""

    def plan(owner, name, *, after=False, only=lambda *args: True):
        step = getattr(owner, name)

        def act(*args, **kwargs):
            if not only(*args):
                return step(*args, **kwargs)
            monkeypatch.setattr(owner, name, step)
            if after:
                step(*args, **kwargs)
            raise Killed

        monkeypatch.setattr(owner, name, act)

    return plan


def is_cancel(*args):
    return "payments/cancel" in str(args)


KILLS = {
    "before the hold is committed": (cancel_service, "post_entry", False, 0),
    "after the hold": (cancel_service, "send_and_conclude", False, 1),
    "before the request leaves": (Client, "_send", False, 1),
    "after the gateway did it": (Client, "_send", True, 1),
    "before the close": (cancel_service, "close_cancel", False, 1),
    "inside the close": (close_cancel, "_take_over_answer", True, 1),
    "after the close": (cancel_service, "close_cancel", True, 0),
}


@pytest.mark.parametrize("name", KILLS)
def test_a_crash_between_two_steps(gateway, paid, cancel, ledger, kill, name):
    owner, step, after, left_open = KILLS[name]
    txn = paid()
    kill(owner, step, after=after, only=is_cancel if owner is Client else lambda *args: True)
    with pytest.raises(Killed):
        cancel(txn)
    assert ledger(txn)[0] in (0, 10_000)
    assert PointCancellation.objects.filter(state__in=PointCancellation.OPEN).count() == left_open
    let_pass(minutes=16)
    assert reconcile(repair=True).exit_code == 0
    gone = at_the_gateway(gateway, txn)[1]
    assert ledger(txn)[0] == 10_000 - gone
    assert gone == (0 if name == "before the hold is committed" else 10_000)
    assert not PointCancellation.objects.filter(state__in=PointCancellation.OPEN).exists()


def test_a_young_request_is_left_to_its_sender(gateway, paid, cancel, kill, monkeypatch):
    txn = paid()
    kill(cancel_service, "send_and_conclude")
    with pytest.raises(Killed):
        cancel(txn)
    calls = len(gateway.calls)
    assert rows.finish(PointCancellation.objects.get()).state == State.REQUESTED
    sent_at = PointCancellation.objects.get().sent_at
    # In the very moment: no age at all is young too.
    monkeypatch.setattr(timezone, "now", lambda: sent_at)
    assert rows.finish(PointCancellation.objects.get()).state == State.REQUESTED
    assert len(gateway.calls) == calls


@pytest.mark.parametrize("held_after", ["_hold", "claim_try"])
def test_a_sender_that_was_held_up_does_not_send(
    gateway, paid, cancel, ledger, monkeypatch, held_after
):
    """V5: a minute after the hold, or the claim, somebody else may be finishing it. Here it is
    refused meanwhile, and the points are back.
    """
    txn = paid()
    step = getattr(cancel_service, held_after)

    def stand_still(*args, **kwargs):
        made = step(*args, **kwargs)
        monkeypatch.setattr(cancel_service, held_after, step)
        let_pass(minutes=16)
        # What it remembers is as old.
        (made if held_after == "_hold" else args[0]).sent_at -= timedelta(minutes=16)
        fault(gateway, code=-1, times=1)
        assert rows.finish(PointCancellation.objects.get()).state == (
            State.REFUSED if held_after == "_hold" else State.REQUESTED
        )
        return made

    if held_after == "claim_try":
        fault(gateway, drop=True, times=1)
        cancel(txn)
        let_pass(minutes=16)
    monkeypatch.setattr(cancel_service, held_after, stand_still)
    calls = len(sent(gateway))
    held = cancel(txn) if held_after == "_hold" else rows.finish(PointCancellation.objects.get())
    if held_after == "_hold":
        assert (held.state, len(sent(gateway))) == (State.REFUSED, calls + 1)
        assert ledger(txn) == (10_000, [10_000, -10_000, 10_000])
    else:
        assert (held.state, held.needs_staff, len(sent(gateway))) == (State.REQUESTED, True, calls)
    assert at_the_gateway(gateway, txn) == ("paid", 0)


def test_an_old_refusal_does_not_close_a_newer_try(gateway, paid, cancel, ledger):
    """V2: the first try's "no" arrives after the second try was claimed."""
    txn = paid()
    fault(gateway, times=1, drop=True)
    unclear = cancel(txn)
    old_try = PointCancellation.objects.get()
    assert claim_try(unclear, state=State.REQUESTED)
    cancel_service.close_cancel(old_try, State.REFUSED, None, trouble=Trouble("legacy", "late"))
    assert PointCancellation.objects.get().state == State.REQUESTED
    assert ledger(txn) == (0, [10_000, -10_000])


# -- races -----------------------------------------------------------------------------------------


def test_two_staff_press_at_once(gateway, paid, cancel, ledger):
    txn = paid()
    results = together([lambda: cancel(txn, amount=6_000)] * 8)
    codes = Counter(
        result.code if isinstance(result, CannotCancel) else result.state for result in results
    )
    assert codes["done"] == 1
    assert set(codes) <= {"done", "cancel_open", "amount"}
    assert (at_the_gateway(gateway, txn), ledger(txn)[0]) == (("cancelled", 6_000), 4_000)


def test_cancel_against_spend(gateway, paid, cancel, ledger, user):
    txn = paid()
    spend = [
        lambda number=number: Point.objects.spend(
            user=user, amount=10_000, idempotency_key=f"order-{number}"
        )
        for number in range(4)
    ]
    results = together([*spend, lambda: cancel(txn), *spend])
    won = [result for result in results if not isinstance(result, Exception)]
    assert (
        len({entry.idempotency_key for entry in won if isinstance(entry, PointEntry)})
        + sum(isinstance(x, PointCancellation) for x in won)
        == 1
    )
    assert ledger(txn)[0] == 0


def test_cancel_against_the_console_and_a_webhook_that_says_paid(gateway, paid, cancel, ledger):
    txn = paid()
    old = rows.sync(txn.imp_uid)  # what a webhook would have fetched before
    assert old.points == 0
    stale = client().payment(txn.imp_uid)

    def console():
        with suppress(AssertionError):  # 409: all of it is cancelled already
            gateway.cancel(txn.imp_uid, 4_000)

    results = together([lambda: cancel(txn), console, *[lambda: rows.apply(stale)] * 4])
    assert not [result for result in results if isinstance(result, Exception)], results
    for open_one in PointCancellation.objects.filter(state__in=PointCancellation.OPEN):
        let_pass(minutes=16)
        rows.finish(open_one)
    rows.sync(txn.imp_uid)
    gone = at_the_gateway(gateway, txn)[1]
    assert gone in (4_000, 10_000)
    assert ledger(txn)[0] == 10_000 - gone


def test_a_paid_answer_while_a_cancel_runs_gives_nothing_back(gateway, paid, cancel, ledger, kill):
    """Rule A1."""
    txn = paid()
    kill(cancel_service, "send_and_conclude")
    with pytest.raises(Killed):
        cancel(txn, amount=4_000)
    assert rows.sync(txn.imp_uid).points == 0
    assert ledger(txn) == (6_000, [10_000, -4_000])
    gateway.cancel(txn.imp_uid, 7_000)  # and the console takes more than we hold
    assert rows.sync(txn.imp_uid).points == -3_000
    assert ledger(txn) == (3_000, [10_000, -4_000, -3_000])
    let_pass(minutes=16)
    assert rows.finish(PointCancellation.objects.get()).state == State.DONE
    assert ledger(txn) == (3_000, [10_000, -4_000, -3_000])


def test_finish_is_honest_when_the_gateway_is_silent(gateway, paid, cancel):
    txn = paid()
    fault(gateway, times=1, timeout=True)
    unclear = cancel(txn)
    gateway.fail_next(f"payments/{txn.imp_uid}")
    with pytest.raises(GatewayUnreachable):
        rows.finish(unclear)
    assert PointCancellation.objects.get().state == State.UNKNOWN


def test_eight_finishers_send_once(gateway, paid, cancel, ledger):
    txn = paid()
    fault(gateway, times=1, drop=True)
    unclear = cancel(txn)
    let_pass(minutes=16)
    results = together(
        [lambda: rows.finish(PointCancellation.objects.get(pk=unclear.pk)).state] * 8
    )
    assert not [result for result in results if isinstance(result, Exception)], results
    assert len(sent(gateway)) == 2
    assert (at_the_gateway(gateway, txn), ledger(txn)) == (
        ("cancelled", 10_000),
        (0, [10_000, -10_000]),
    )
