"""What waits is counted, the last reconcile is told as it ended, and the night's mail says both."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.gateway.payment import Payment
from billing.management.commands import nightly
from billing.models import Point, PointTransaction, ReconcileRun, UnmatchedPayment, WebhookEvent
from billing.notifications import staff_mail
from billing.reports.open_work import LastRun, OpenWork, open_work
from billing.tests.support.payments import payment_json

pytestmark = [pytest.mark.money, pytest.mark.django_db]
NOTHING = OpenWork(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, LastRun("never", is_late=True))
HOUR = timedelta(hours=1)


@pytest.fixture
def one_of_each(make_txn, make_user):
    """Two of what counts, and one of what nearly does."""
    txn = make_txn()
    now = timezone.now()
    PointTransaction.objects.filter(pk__in=[make_txn().pk, make_txn().pk]).update(
        review="second_payment"
    )
    for number, (kind, state, staff) in enumerate(
        [("cancel", "unknown", False), ("cancel", "unknown", True), ("cancel", "accepted", False),
            ("cancel", "requested", False),
         ("cancel", "done", True), ("cancel", "refused", False), ("return", "requested", True),
         ("return", "unknown", False), ("return", "done", False)]
    ):  # fmt: skip
        owner = make_txn() if kind == "cancel" else txn
        owner.cancellations.create(
            kind=kind,
            state=state,
            needs_staff=staff,
            imp_uid=f"imp_{number}",
            amount=1,
            base=0,
            checksum=1,
            reason="r",
        )
    for outcome in ("pending", "pending", "done", "ignored", "dead"):
        WebhookEvent.objects.create(imp_uid="imp_1", merchant_uid="m", outcome=outcome)
    for values in (
        {"vbank_date": now + HOUR}, {"vbank_date": now + HOUR}, {"vbank_date": now - HOUR},
        {"vbank_date": now + HOUR, "account_closed_at": now},
        {"vbank_date": now + HOUR, "status": "failed"}, {"vbank_date": now + HOUR, "vbank_num": ""},
    ):  # fmt: skip
        PointTransaction.objects.filter(pk=make_txn(amount=30_000).pk).update(
            **{"vbank_num": "1002", **values}
        )
    UnmatchedPayment.objects.record(
        Payment.from_json(payment_json(imp_uid=f"imp_99999999999{number}",
            merchant_uid=f"lost-{number}", **values))
        for number, values in enumerate(
            ({"amount": 5_000}, {"amount": 7_000, "status": "cancelled", "cancel_amount": 4_000},
                {"amount": 100}, {"status": "failed"},
             {"status": "cancelled", "cancel_amount": 10_000}, {"status": "cancelled"})
        )
    )  # fmt: skip
    UnmatchedPayment.objects.not_ours(
        [UnmatchedPayment.objects.get(amount=100).pk],
        by=make_user("clerk"),
        reason="of the other shop",
    )
    for number, balance in enumerate((-300, -200, 0, 700)):
        Point.objects.create(user=make_user(f"member-{number}"), balance=balance)


def test_nothing_waits():
    assert open_work() == NOTHING


def test_what_waits(one_of_each):
    assert open_work() == OpenWork(
        reviews=2, unknown_cancels=2, cancels_under_way=2, mismatch_refunds=2, for_staff=2, deliveries=2, open_accounts=2,
        open_account_won=60_000, members_below_zero=2, points_below_zero=500,
        reconcile=LastRun("never", is_late=True), unmatched=2, unmatched_won=8_000,
    )  # fmt: skip


def test_the_number_of_statements_does_not_grow(one_of_each):
    with CaptureQueriesContext(connection) as captured:
        open_work()
    assert len(captured) == 7


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"finished": True, "result": {"exit_code": 0, "remaining": 0}}, "clean"),
        (
            {
                "finished": True,
                "result": {"exit_code": 1, "remaining": 3, "unknown": {"count": 4, "payments": []}},
            },
            "drift",
        ),
        ({"finished": True, "result": {"exit_code": 2, "remaining": 0}}, "silent"),
        ({"finished": True, "result": {"exit_code": 0, "stopped": "interrupted"}}, "stopped"),
        ({"finished": True, "result": {"stopped": "killed: its lease ran out"}}, "stopped"),
        ({"finished": True, "result": {}}, "stopped"),
        ({"lease_until": HOUR / 6}, "running"),
        (
            {"lease_until": HOUR},
            "stopped",
        ),  # further away than any lease: the clock was ahead when it began
        ({"lease_until": -HOUR}, "stopped"),
        ({}, "stopped"),
    ],
)
def test_how_the_last_reconcile_ended(values, verdict):
    now = timezone.now()
    ReconcileRun.objects.create(finished=now, result={"exit_code": 1})
    made = {"finished": now} if values.get("finished") else {}
    if "lease_until" in values:
        made["lease_until"] = now + values["lease_until"]
    run = ReconcileRun.objects.create(result=values.get("result", {}), **made)
    ReconcileRun.objects.create(name="another job", finished=now, result={"exit_code": 2})
    told = open_work().reconcile
    assert (told.verdict, told.began, told.is_late) == (verdict, run.started, False)
    assert (told.remaining, told.unknown) == ((3, 4) if verdict == "drift" else (0, 0))


def test_a_reconcile_of_the_day_before_yesterday_is_late():
    ReconcileRun.objects.create(finished=timezone.now(), result={"exit_code": 0})
    assert not open_work(now=timezone.now() + 25 * HOUR).reconcile.is_late
    assert open_work(now=timezone.now() + 26 * HOUR).reconcile.is_late


# -- the mail --------------------------------------------------------------------------------------


@pytest.fixture
def staff(settings):
    settings.BILLING_STAFF_MAIL = ["a@example.com", "b@example.com"]
    settings.PUBLIC_URL = "https://points.example"


def test_nobody_gets_mail_unless_named(one_of_each):
    assert staff_mail.send({"audit_points": 1}) == 0
    assert mail.outbox == []


def test_what_the_mail_says(one_of_each, staff, settings):
    settings.LANGUAGE_CODE = "en"
    assert staff_mail.send({"reconcile --repair": 0, "audit_points": 0}) == 2
    assert [sent.to for sent in mail.outbox] == [["a@example.com"], ["b@example.com"]]
    for sent in mail.outbox:
        assert sent.subject == "Points: 2 reviews, 2 unknown cancels, 2 unmatched payments"
        for line in (
            "Every transaction agrees, but the gateway holds payments that no transaction "
            "has: somebody must decide.",
            "Open reviews: 2", "Cancels whose result is unknown: 2",
            "Wrong money on its way back: 2", "Only staff can finish: 2",
            "Deliveries not handled yet: 2", "Unmatched payments that nobody has decided: 2",
        ):  # fmt: skip
            assert line in sent.body
        assert "https://points.example/admin/" in sent.body


def test_drift_comes_first_and_the_sites_language_holds(staff):
    staff_mail.send({"reconcile --repair": 2, "roll_up": 0, "audit_points": 1})
    assert mail.outbox[0].subject == "포인트: 야간 작업에 문제가 있어요"
    assert "reconcile --repair (2), audit_points (1)" in mail.outbox[0].body
    assert "roll_up" not in mail.outbox[0].body
    staff_mail.send({"audit_points": 0})
    assert mail.outbox[-1].subject == "포인트: 처리할 일이 없어요"


@pytest.mark.parametrize(("named", "mails"), [([], 0), (["a@example.com"], 1)])
def test_the_night_sends_it(settings, monkeypatch, named, mails, capsys):
    settings.BILLING_STAFF_MAIL = named
    monkeypatch.setattr(
        nightly, "call_command", lambda name, **options: name == "audit_points" and exit(1)
    )
    with pytest.raises(SystemExit):
        call_command("nightly")
    assert [("audit_points (1)" in sent.body) for sent in mail.outbox] == [True] * mails
    assert ("-- staff mail\n1 addresses." in capsys.readouterr().out) == bool(mails)


def test_a_mail_that_cannot_be_sent_is_a_step_that_broke(staff, settings, monkeypatch, capsys):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    monkeypatch.setattr(nightly, "call_command", lambda name, **options: None)
    with pytest.raises(SystemExit) as left:
        call_command("nightly")
    assert left.value.code == 2
    assert "Not well: staff mail (2)." in capsys.readouterr().out


def test_the_mail_says_that_all_agrees_only_where_nothing_is_to_be_decided(staff, settings):
    settings.LANGUAGE_CODE = "en"
    staff_mail.send({"audit_points": 0})
    assert (
        "Everything agrees: the gateway, the transactions, the ledger and the figures."
        in mail.outbox[0].body
    )
    UnmatchedPayment.objects.record([Payment.from_json(payment_json())])
    staff_mail.send({"audit_points": 0})
    assert "Everything agrees" not in mail.outbox[-1].body
    assert mail.outbox[-1].subject == "Points: 0 reviews, 0 unknown cancels, 1 unmatched payments"
