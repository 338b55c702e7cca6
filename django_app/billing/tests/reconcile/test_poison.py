"""Answers that cannot be read, refusals, long addresses: the last net finds everybody's money all
the same.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.db.models import F

from billing.gateway import api, batches
from billing.models import PointTransaction
from billing.reconciliation import job, reconcile, report, runs, status_lists
from billing.tests.support.aging import let_pass
from billing.tests.support.payments import envelope
from billing.tests.support.reconcile import credited, payments

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
HALF_A_LETTER = b'"' + "한".encode()[:2] + b'"'
# JSON that no parser of ours reads: what holds it is no JSON to us.
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def lost(gateway, user):
    """lost(3) → rows whose payments nobody reported, given up, paid a minute apart; the newest is
    the last.
    """

    def make(number, apart=60):
        made = []
        for _ in range(number):
            made.append(rows.start(user=user, amount=10_000, pay_method="card"))
            gateway.pay(made[-1].merchant_uid)
            payments.update(started_at=F("started_at") - apart, paid_at=F("paid_at") - apart)
        rows.update(next_check_at=None)
        return made

    return make


@pytest.fixture
def poison(gateway):
    """poison({imp_uid: bytes}, "name") → from now on the gateway writes these bytes as that
    payment's name.
    """

    def plant(poisoned, field="name"):
        def change(call, status, body):
            answer = json.loads(body)
            found = [item for item in every_payment(answer) if item["imp_uid"] in poisoned]
            for item in found:
                item[field] = f"@{item['imp_uid']}@"
            body = json.dumps(answer).encode()
            for item in found:
                body = body.replace(json.dumps(item[field]).encode(), poisoned[item["imp_uid"]])
            return status, body

        gateway.change_answer = change

    return plant


def every_payment(answer):
    found = answer["response"]
    found = found.get("list", [found]) if isinstance(found, dict) else found or []
    return [item for item in found if "amount" in item and "imp_uid" in item]


def calls(gateway, fragment):
    return [call.path for call in gateway.calls if fragment in call.path]


# -- something broken ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [HALF_A_LETTER, b"NaN", b"1e400", b'"a\nb"', b"9" * 5_000],
    ids=["half a letter", "NaN", "1e400", "raw", "long"],
)
def test_another_shops_broken_name_keeps_nobody_waiting(gateway, lost, poison, bad):
    lost(1)
    poison({gateway.pay("another-shop", amount=5_000): bad})
    found = reconcile(repair=True)
    assert (found.exit_code, credited(), found.unmatched_count, found.watermark) == (
        0,
        10_000,
        1,
        found.started,
    )
    assert (found.sweeps["paid payments"].calls, found.unreachable_calls, found.troubles) == (
        1,
        0,
        [],
    )


def test_our_own_broken_name_is_credited(gateway, lost, poison):
    (txn,) = lost(1)
    poison({payments.get().imp_uid: HALF_A_LETTER})
    assert (reconcile(repair=True).exit_code, rows.get().credited) == (0, 10_000)
    assert rows.get() == txn


def test_the_bad_second_is_alone_at_last(gateway, lost, poison):
    """A window that is no JSON is halved; another shop's payment in it is named by its ids, and is
    no drift.
    """
    lost(3)
    bad = gateway.pay("another-shop", amount=5_000)
    payments.filter(imp_uid=bad).update(paid_at=F("paid_at") - 90)  # between two of ours
    poison({bad: DEEP}, "custom_data")
    found = reconcile(repair=True)
    assert (found.exit_code, credited(), found.watermark) == (0, 30_000, found.started)
    assert found.notes == [
        f"a payment that no transaction has cannot be read, and is left alone: {bad}: the "
        "gateway answered HTTP 200 without an envelope"
    ]
    assert 20 < found.sweeps["paid payments"].calls < 50  # twice the halvings of 48 hours
    assert reconcile(repair=True).notes == []  # named once
    assert runs.last_unread() == []


def test_the_others_of_the_bad_second_are_read_too(gateway, lost, poison):
    lost(3, apart=0)
    bad = payments.order_by("pk").values_list("imp_uid", flat=True)[1]
    payments.update(paid_at=payments.first().paid_at)
    poison({bad: DEEP}, "custom_data")
    found = reconcile(repair=True)
    assert (found.exit_code, found.remaining, credited(), found.watermark) == (
        1,
        1,
        20_000,
        found.started,
    )
    assert runs.last_unresolved() == [bad]
    gateway.change_answer = None
    assert (reconcile(repair=True).exit_code, credited()) == (0, 30_000)


def test_a_second_that_nobody_can_read_is_read_again_until_somebody_can(gateway, lost, monkeypatch):
    """Its payments cannot even be named; no window is held up by it, and none forgets it."""
    txn = lost(2)[0]
    second = payments.get(merchant_uid=txn.merchant_uid).paid_at

    def change(call, status, body):
        span = re.search(r"status/paid\?.*from=(\d+)&to=(\d+)", call.path)
        return (
            (status, b"<html>")
            if span and int(span[1]) <= second <= int(span[2])
            else (status, body)
        )

    gateway.change_answer = change
    found = reconcile(repair=True)
    assert (found.exit_code, credited(), found.watermark) == (1, 10_000, found.started)
    assert runs.last_unread() == [("paid", second)]
    assert any(
        "paid payment 1 of " in trouble and "InvalidGatewayResponse" in trouble
        for trouble in found.troubles
    )
    monkeypatch.setattr(status_lists, "OVERLAP", timedelta(0))  # no window reaches it any more
    again = reconcile(repair=True)
    assert (again.exit_code, runs.last_unread()) == (1, [("paid", second)])
    gateway.fail_next("status/paid")
    gateway.fail_next("status/paid")
    # No answer takes none away.
    assert (reconcile(repair=True).exit_code, runs.last_unread()) == (
        2,
        [("paid", second)],
    )
    gateway.change_answer = None
    assert (reconcile(repair=True).exit_code, credited(), runs.last_unread()) == (0, 20_000, [])


def test_more_bad_seconds_than_are_kept_hold_the_watermark(gateway, lost, monkeypatch):
    monkeypatch.setattr(report, "MOST_UNREAD", 0)
    lost(1)
    second = payments.get().paid_at

    def change(call, status, body):
        span = re.search(r"status/paid\?.*from=(\d+)&to=(\d+)", call.path)
        return (
            (status, b"<html>")
            if span and int(span[1]) <= second <= int(span[2])
            else (status, body)
        )

    gateway.change_answer = change
    assert reconcile(repair=True).watermark is None


def test_a_bad_later_page_of_one_second(gateway, lost, poison, monkeypatch):
    monkeypatch.setattr(api, "LARGEST_PAGE", 2)
    lost(5, apart=0)
    payments.update(paid_at=payments.first().paid_at)
    bad = payments.order_by("pk").values_list("imp_uid", flat=True)[3]
    poison({bad: DEEP}, "custom_data")
    found = reconcile(repair=True)
    assert (found.exit_code, found.remaining, credited(), runs.last_unresolved()) == (
        1,
        1,
        40_000,
        [bad],
    )


# -- a gateway that makes no sense at all ----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (414, b""), (400, envelope(None, code=-1, message="no")), (404, b"<html>")],
)
def test_a_gateway_that_refuses_everything_is_not_asked_twice_for_each_row(
    gateway, lost, status, body
):
    lost(60)
    rows.update(next_check_at=F("created_at"))
    gateway.change_answer = lambda call, *real: (
        real if "getToken" in call.path else (status, json.dumps(body).encode() if body else b"")
    )
    found = reconcile(repair=True)
    assert (found.exit_code, found.watermark, found.unreachable_calls, credited()) == (
        2,
        None,
        4,
        0,
    )
    # Two addresses of merchant_uids and a window each of paid and cancelled: one question, and
    # whether the gateway speaks at all.
    assert {name: tally.calls for name, tally in found.sweeps.items() if tally.calls} == {
        "open rows": 4, "paid payments": 2, "cancelled payments": 2,
    }  # fmt: skip
    gateway.change_answer = None
    assert (reconcile(repair=True).exit_code, credited()) == (0, 600_000)


@pytest.mark.parametrize("status", [401, 429])
def test_wrong_keys_and_too_many_questions_are_no_reason_to_halve(gateway, lost, status):
    lost(5)
    rows.update(next_check_at=F("created_at"))
    gateway.change_answer = lambda call, *real: (
        status,
        json.dumps(envelope(None, code=-1, message="no")).encode(),
    )
    found = reconcile(repair=True)
    assert (found.exit_code, found.unreachable_calls) == (2, 3)
    assert {tally.calls for tally in found.sweeps.values()} == {1, 0}


def test_so_many_hopeless_questions_end_a_sweep_but_not_the_others(gateway, lost, monkeypatch):
    """A gateway that answers whether it speaks, and refuses every row."""
    monkeypatch.setattr(job, "MOST_UNANSWERABLE", 4)
    lost(20)
    rows.update(next_check_at=F("created_at"))
    gateway.change_answer = lambda call, *real: (
        (414, b"")
        if "merchant_uid" in call.path and "whether-you-answer" not in call.path
        else real
    )
    found = reconcile(repair=True)
    open_rows = found.sweeps["open rows"]
    assert (found.exit_code, found.unreachable_calls, open_rows.failed, open_rows.finished) == (
        2,
        1,
        4,
        False,
    )
    assert open_rows.calls < 20
    assert credited() == 200_000  # the lists were read all the same


# -- long addresses --------------------------------------------------------------------------------


def test_100_open_attempts_behind_a_server_that_takes_4_kb(gateway, lost):
    """gunicorn as docs/sandbox.md starts it: 4,094 bytes of request line."""
    lost(100, apart=1)
    rows.update(next_check_at=F("created_at"))
    gateway.change_answer = lambda call, *real: (414, b"") if len(call.path) > 4_000 else real
    found = reconcile(repair=True)
    assert (
        found.exit_code,
        found.sweeps["open rows"].calls,
        found.sweeps["open rows"].repaired,
    ) == (0, 3, 100)


@pytest.mark.parametrize("status", [414, 400, 404, 200])
def test_a_batch_that_is_refused_is_halved(gateway, lost, monkeypatch, status):
    monkeypatch.setattr(batches, "MAX_URL_BYTES", 100_000)
    lost(100, apart=1)
    rows.update(next_check_at=F("created_at"))
    gateway.change_answer = lambda call, *real: (
        (status, b"<html>") if len(call.path) > 2_000 else real
    )
    found = reconcile(repair=True)
    # 100, whether it speaks at all, 50, 25, 25, 50, 25, 25
    assert (
        found.exit_code,
        found.sweeps["open rows"].calls,
        found.sweeps["open rows"].repaired,
    ) == (0, 8, 100)


@pytest.mark.parametrize("status", [400, 200])
def test_a_row_that_is_refused_keeps_no_other_waiting(gateway, lost, status):
    bad = lost(40, apart=1)[20]
    rows.update(next_check_at=F("created_at"))
    refusal = (
        json.dumps(envelope(None, code=-1, message="no")).encode() if status == 400 else b"<html>"
    )
    gateway.change_answer = lambda call, *real: (
        (status, refusal) if bad.merchant_uid in call.path else real
    )
    found = reconcile(repair=True)
    open_rows = found.sweeps["open rows"]
    assert (
        found.exit_code,
        found.remaining,
        open_rows.failed,
        open_rows.repaired,
        open_rows.finished,
    ) == (1, 1, 1, 39, True)
    assert [bad.merchant_uid in trouble for trouble in found.troubles] == [True]
    assert open_rows.calls < 20
    assert credited() == 400_000  # its payment is in the list of paid ones
    gateway.change_answer = None
    assert reconcile(repair=True).exit_code == 0


def test_a_payment_that_is_refused_alone_is_asked_about_until_it_is_not(gateway, lost):
    lost(2)
    reconcile(repair=True)
    bad = rows.order_by("pk").first()
    gateway.cancel(bad.imp_uid, 4_000)
    reconcile(repair=True)
    let_pass(hours=25)
    payments.update(cancelled_at=F("cancelled_at") - 5 * 86_400)
    gateway.change_answer = lambda call, *real: (
        (400, b"<html>") if bad.imp_uid in call.path else real
    )
    for _ in range(2):
        assert reconcile(repair=True).exit_code == 1
        assert runs.last_unresolved() == [bad.imp_uid]
    gateway.change_answer = None
    assert (reconcile(repair=True).exit_code, runs.last_unresolved()) == (0, [])
