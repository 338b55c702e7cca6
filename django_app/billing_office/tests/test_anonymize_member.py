"""A member leaves only where no money may come any more; what comes all the same is credited,
flagged, and refunded by staff.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from billing import signals
from billing.models import Point, PointTransaction
from billing.note_codes import Note
from billing.services.start import open_attempt
from billing.states import Review
from billing.tests.support.aging import let_pass
from billing.tests.support.counting import statements
from billing.tests.support.notes import notes_of
from billing.tests.support.threads import together
from billing_office import personal_data
from billing_office.actions import anonymize_member
from billing_office.actions.staff_action import Refused
from billing_office.tests.conftest import told, url

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
YES = {"confirmed": "yes"}
LEFT = ["The member has left: personal data are scrubbed, the login is closed."]


def leave(client, user):
    return told(client.post(url("point", user.pk, "leave"), YES, follow=True))


@pytest.fixture
def gone(gateway, boss, user):
    """A member who has left, and an older attempt whose window is still open somewhere."""
    txn = rows.start(user=user, amount=70_000, pay_method="card")
    let_pass(minutes=61)
    assert leave(boss, user) == LEFT
    return txn


def test_nobody_leaves_while_a_window_may_be_open(gateway, boss, user):
    txn = rows.start(user=user, amount=70_000, pay_method="card")
    until = timezone.localtime(txn.created_at + timedelta(minutes=60))
    words = leave(boss, user)[0]
    assert "may still be paid in the gateway's window" in words
    assert f"{until:%Y-%m-%d %H:%M:%S}" in words
    assert get_user_model().objects.get(pk=user.pk).is_active
    let_pass(minutes=59)
    assert "may still be paid" in leave(boss, user)[0]
    rows.sync(gateway.pay(txn.merchant_uid, outcome="failed"))
    assert "may still be paid" in leave(boss, user)[0]  # the same window takes another card
    let_pass(minutes=2)
    assert leave(boss, user) == LEFT
    assert Point.objects.get().left_at


def test_what_was_paid_keeps_nobody(gateway, boss, user):
    txn = rows.start(user=user, amount=70_000, pay_method="card")
    rows.sync(gateway.pay(txn.merchant_uid))
    assert leave(boss, user) == LEFT


def test_somebody_who_never_charged_leaves(boss, user):
    assert leave(boss, user) == LEFT
    assert Point.objects.get().left_at
    first = Point.objects.get().left_at
    assert leave(boss, user) == LEFT
    assert Point.objects.get().left_at == first


def test_other_points_than_the_page_named_keep_the_member(boss, user):
    address = url("point", user.pk, "leave")
    assert '<input type="hidden" name="balance" value="0">' in boss.get(address).text
    Point.objects.create(user=user)
    Point.objects.adjust(user=user, delta=500, idempotency_key="k", reason="x", by=user)
    assert (
        "balance has changed" in told(boss.post(address, {"balance": "0", **YES}, follow=True))[0]
    )
    assert get_user_model().objects.get(pk=user.pk).is_active
    assert told(boss.post(address, {"balance": "500", **YES}, follow=True)) == LEFT


def test_right_money_of_a_closed_account_is_credited_flagged_and_refunded(
    gateway, boss, finance, gone, ledger
):
    heard = []

    def hear(sender, **kwargs):
        heard.append((kwargs["code"], kwargs["note"]))

    signals.payment_needs_review.connect(hear)
    imp_uid = gateway.pay(gone.merchant_uid)
    for _ in range(2):
        rows.sync(imp_uid)
    signals.payment_needs_review.disconnect(hear)
    assert ledger(gone) == (70_000, [70_000])
    gone.refresh_from_db()
    params = {"imp_uid": imp_uid, "points": 70_000}
    assert (gone.review, notes_of(gone)) == ("member_left", [("member_left", params, "")])
    assert heard == [(Review.MEMBER_LEFT, Note(Review.MEMBER_LEFT, params))]
    listed = finance.get(url("pointtransaction"), {"review": "member_left"})
    assert [txn.pk for txn in listed.context["listing"].page] == [gone.pk]
    page = finance.get(url("pointtransaction", gone.pk, "change"))
    button = next(
        button for button in page.context["buttons"] if button.words == "Refund all of it"
    )
    confirm = finance.post(button.url, dict(button.fields))
    assert "give back 70,000 won" in confirm.text
    assert 'name="confirmed"' in confirm.text
    assert ledger(gone) == (70_000, [70_000])
    done = finance.post(button.url, {**dict(confirm.context["hidden"]), **YES}, follow=True)
    assert told(done) == ["Done: 70,000 won went back."]
    assert ledger(gone) == (0, [70_000, -70_000])
    assert [button.words for button in done.context["buttons"]] == ["Resolve the review"]


def test_the_flag_costs_one_statement(make_txn, answer):
    for number, left_at in enumerate((None, timezone.now()), 1):
        txn = make_txn()
        Point.objects.update(left_at=left_at)
        with statements(5 if left_at else 4):  # the note
            rows.apply(answer(txn, imp_uid=f"imp_{number}"))


def test_money_of_those_who_are_here_is_not_flagged(gateway, user):
    txn = rows.start(user=user, amount=1_000, pay_method="card")
    rows.sync(gateway.pay(txn.merchant_uid))
    txn.refresh_from_db()
    assert txn.review == ""


# -- at the same moment ----------------------------------------------------------------------------


def race(user, answer, *, between):
    """Leaving, held up after it has looked the first time until the charge is done or waits; the
    charge's row.
    """
    txn = open_attempt(user, 70_000, "card")
    let_pass(minutes=61)
    looked, charged = threading.Event(), threading.Event()

    def leaves():
        assert anonymize_member.reason_to_wait(user) == ""
        looked.set()
        assert charged.wait(30)
        return between(user)

    def charges():
        assert looked.wait(30)
        rows.apply(answer(txn))
        charged.set()

    assert together([leaves, charges])[1] is None
    txn.refresh_from_db()
    return txn


def test_a_charge_that_comes_before_keeps_the_member(user, answer):
    """The page named 0 points; under the lock there are 70,000."""

    def closes(user):
        with pytest.raises(Refused):
            anonymize_member.anonymize_and_close(user, balance_shown=0)

    txn = race(user, answer, between=closes)
    assert (txn.credited, Point.objects.get().left_at) == (70_000, None)


def test_without_looking_again_the_points_are_lost_in_silence(user, answer):
    """The negative control: what leaving did before."""
    txn = race(user, answer, between=personal_data.anonymize)
    assert (txn.credited, txn.review, get_user_model().objects.get(pk=user.pk).is_active) == (
        70_000,
        "",
        False,
    )


def test_leaving_and_charging_at_once_end_in_one_of_two_ways(make_user, answer):
    """Either the charge was first and keeps the member, or it finds the closed account and is
    flagged. Never a deadlock.
    """
    for number in range(8):
        user = make_user(f"member-{number}")
        txn = open_attempt(user, 70_000, "card")
        let_pass(minutes=61)
        payment = answer(txn, imp_uid=f"imp_{number}")
        left, charged = together(
            [
                lambda user=user: anonymize_member.anonymize_and_close(user, balance_shown=0),
                lambda payment=payment: rows.apply(payment).points,
            ]
        )
        txn.refresh_from_db()
        point = Point.objects.get(pk=user.pk)
        assert (charged, point.balance) == (70_000, 70_000)
        if left is None:
            assert (txn.review, bool(point.left_at)) == ("member_left", True)
        else:
            assert isinstance(left, Refused)
            assert (txn.review, point.left_at) == ("", None)


# -- members who left before this was kept ---------------------------------------------------------


def test_the_migration_marks_only_those_who_surely_left(make_user):
    users = [
        make_user(name)
        for name in ("gone", "left-handed", "left-1-abcdef12", "blocked", "never-charged")
    ]
    gone, handed, active, blocked, _never = users
    for user in users[:-1]:
        Point.objects.create(user=user)
    for user in (gone, _never):
        personal_data.anonymize(user)
    for user, name in (
        (handed, "left-handed"),
        (active, f"left-{active.pk}-abcdef12"),
        (blocked, f"left-{blocked.pk + 1}-abcdef12"),
    ):
        get_user_model().objects.filter(pk=user.pk).update(username=name, is_active=user is active)
    migration = import_module("billing.migrations.0006_unmatched_payment")
    for _ in range(2):
        migration.those_who_left(apps, SimpleNamespace(connection=connection))
    assert [point.pk for point in Point.objects.exclude(left_at=None)] == [gone.pk]


def test_a_login_name_of_few_letters(boss, user, monkeypatch):
    """A telephone number, in a project of such."""
    monkeypatch.setattr(type(user)._meta.get_field("username"), "max_length", 11)
    was = user.get_username()
    assert leave(boss, user) == LEFT
    user.refresh_from_db()
    assert (len(user.username), user.username != was) == (11, True)
