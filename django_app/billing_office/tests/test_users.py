"""Users in the admin: money is never deleted with them, and a member who leaves is scrubbed."""

from __future__ import annotations

import re

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.db.models import ProtectedError
from django.test import Client
from django.utils import timezone

from billing.models import Point, PointEntry, PointTransaction, UnmatchedPayment, WebhookEvent
from billing.tests.support.aging import let_pass
from billing.tests.support.notes import notes_of
from billing_office.personal_data import anonymize
from billing_office.tests.conftest import told, url

pytestmark = pytest.mark.django_db

User = get_user_model()


@pytest.fixture
def member(make_user, make_txn):
    """Somebody with a name, an address, a row and a session."""
    user = make_user(
        "hong@example.com", email="hong@example.com", first_name="길동", last_name="홍"
    )
    user.groups.add(Group.objects.create(name="friends"))
    make_txn(owner=user)
    return user


def page(user, *rest):
    return "/".join(["/admin/auth/user", str(user.pk), *rest, ""])


def test_a_user_with_money_is_not_deleted(boss, member):
    response = boss.post(page(member, "delete"), {"post": "yes"}, follow=True)
    assert "cannot be deleted" in told(response)[0]
    assert User.objects.filter(pk=member.pk).exists()
    with pytest.raises(ProtectedError):
        member.delete()


def test_staff_who_did_something_are_not_deleted(boss, log_in, user, make_staff):
    finance = log_in("finance", "adjust_points")
    key = finance.get(url("point", user.pk, "adjust")).context["form"].initial["key"]
    finance.post(
        url("point", user.pk, "adjust"),
        {"points": "5", "reason": "x", "key": key, "confirmed": "yes"},
    )
    done = User.objects.get(username="finance")
    assert (
        "cannot be deleted"
        in told(boss.post(page(done, "delete"), {"post": "yes"}, follow=True))[0]
    )
    assert LogEntry.objects.filter(user=done).count() == 1


@pytest.mark.parametrize("what", ["a note", "an unmatched payment"])
def test_staff_who_decided_something_in_a_program_are_not_deleted(boss, make_txn, make_user, what):
    staff = make_user("api")
    if what == "a note":
        make_txn().notes.create(code="legacy", params={"text": "x"}, by=staff)
    else:
        seen = timezone.now()
        UnmatchedPayment.objects.create(
            imp_uid="imp_1", amount=1, first_seen=seen, last_seen=seen, by=staff
        )
    response = boss.post(page(staff, "delete"), {"post": "yes"}, follow=True)
    assert "cannot be deleted" in told(response)[0]
    assert User.objects.filter(pk=staff.pk).exists()


def test_a_user_without_money_is_deleted_as_django_does(boss, user):
    boss.post(page(user, "delete"), {"post": "yes"})
    assert not User.objects.filter(pk=user.pk).exists()


def test_nobody_is_deleted_in_bulk(boss, member):
    data = {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"}
    assert boss.post("/admin/auth/user/", data).status_code == 405
    assert User.objects.filter(pk=member.pk).exists()


def test_a_user_s_page_shows_points_and_is_noted(boss, member):
    Point.objects.filter(pk=member.pk).update(balance=700)
    response = boss.get(page(member, "change"))
    assert "700P" in response.text
    assert url("point", member.pk, "change") in response.text
    assert "Looked at personal data in full" in boss.get(url("point", member.pk, "change")).text


def test_users_can_still_be_made_and_changed(boss):
    made = {
        "username": "new",
        "password1": "a-long-passphrase",
        "password2": "a-long-passphrase",
        "usable_password": "true",
    }
    assert boss.post("/admin/auth/user/add/", made).status_code == 302
    user = User.objects.get(username="new")
    form = boss.get(page(user, "change")).context["adminform"].form.initial
    data = {
        name: value
        for name, value in form.items()
        if isinstance(value, str | int) and value is not False
    }
    joined = {"date_joined_0": "2026-11-01", "date_joined_1": "10:00:00"}
    assert (
        boss.post(page(user, "change"), {**data, **joined, "email": "new@example.com"}).status_code
        == 302
    )
    assert User.objects.get(username="new").email == "new@example.com"


# -- personal data ---------------------------------------------------------------------------------


@pytest.fixture
def clerk(make_staff):
    """Somebody who may see, change and delete users, but no personal data."""
    someone = make_staff("clerk")
    someone.user_permissions.add(
        *Permission.objects.filter(content_type__app_label="auth", content_type__model="user")
    )
    client = Client(headers={"accept-language": "en"})
    client.force_login(someone)
    return client


@pytest.mark.parametrize("rest", ["change", "history", "password", "delete"])
def test_pages_of_a_user_need_the_permission_to_see_personal_data(clerk, boss, member, rest):
    for answer in (
        clerk.get(page(member, rest)),
        clerk.post(page(member, rest), {"post": "yes", "email": "x@example.com"}),
    ):
        assert answer.status_code == 403
        assert "hong" not in answer.text
    assert LogEntry.objects.count() == 0
    boss.get(page(member, rest), follow=True)
    assert "Looked at personal data in full" in boss.get(url("point", member.pk, "change")).text


def test_the_list_of_users_is_masked_and_leads_nowhere_for_others(clerk, boss, member):
    answer = clerk.get("/admin/auth/user/")
    assert "h•••@example.com" in answer.text
    assert "hong@example.com" not in answer.text
    assert page(member, "change") not in answer.text
    assert page(member, "change") in boss.get("/admin/auth/user/").text


def test_no_field_completes_logins(clerk, boss, member):
    query = {"app_label": "admin", "model_name": "logentry", "field_name": "user", "term": "h"}
    for client in (clerk, boss):
        for source in ({}, {"app_label": "billing", "model_name": "point"}):
            assert "hong" not in client.get("/admin/autocomplete/", {**query, **source}).text


# -- leaving ---------------------------------------------------------------------------------------


def test_a_member_leaves(boss, member):
    there = Client()
    there.force_login(member)
    other = Client()
    other.force_login(User.objects.get(username="boss"))
    AccessAttempt.objects.create(
        username=member.username, ip_address="203.0.113.1", failures_since_start=1
    )
    boss.get(page(member, "change"))
    Point.objects.filter(pk=member.pk).update(balance=700)
    txn = PointTransaction.objects.get()
    let_pass(minutes=61)
    PointTransaction.objects.update(
        has_notes=True, vbank_holder="홍길동", cancel_reason="hong@example.com changed his mind"
    )
    for code, params in (
        ("claimed", {"member": "hong@example.com"}),
        ("resolved", {"reason": "wrote to hong@example.com"}),
    ):
        txn.notes.create(code=code, params=params, by_name="boss")
    txn.cancellations.create(
        kind="cancel", state="done", imp_uid="imp_1", amount=1, base=0, checksum=1,
        reason="hong@example.com", by=member, by_name=member.username
    )  # fmt: skip
    WebhookEvent.objects.create(
        imp_uid="imp_1", merchant_uid=txn.merchant_uid, source="return", address="203.0.113.77"
    )
    address = url("point", member.pk, "leave")
    confirm = boss.get(address)
    assert "700P are left" in confirm.text
    assert User.objects.get(pk=member.pk).is_active
    response = boss.post(address, {"confirmed": "yes"}, follow=True)
    assert told(response) == [
        "The member has left: personal data are scrubbed, the login is closed."
    ]
    gone = User.objects.get(pk=member.pk)
    assert (gone.username, gone.email, gone.first_name, gone.last_name) == (
        gone.username,
        "",
        "",
        "",
    )
    assert re.fullmatch(rf"left-{gone.pk}-[0-9a-f]{{8}}", gone.username)
    assert (gone.is_active, gone.has_usable_password(), gone.groups.count()) == (False, False, 0)
    assert PointTransaction.objects.get().owner_id == gone.pk
    keys = [session.get_decoded()["_auth_user_id"] for session in Session.objects.all()]
    assert str(gone.pk) not in keys
    assert len(keys) == 2
    assert there.get("/billing/charge/").status_code == 302
    assert AccessAttempt.objects.count() == 0
    for table in (LogEntry, User, *apps.get_app_config("billing").get_models()):
        for row in (
            table.objects.values_list()
        ):  # of entries, which are append-only, docs say that a login may stay
            for word in ("hong@example.com", "홍길동", "203.0.113.77"):
                assert word not in str(row) or table is PointEntry, table
    txn.refresh_from_db()
    assert notes_of(txn) == [
        ("claimed", {"member": gone.username}, "boss"),
        ("resolved", {"reason": f"wrote to {gone.username}"}, "boss"),
    ]
    assert "Let the member leave" in response.text
    assert url("point", member.pk, "leave") not in response.text


def test_a_name_that_is_a_word_of_notes_is_scrubbed_only_where_it_is_a_name(make_user, make_txn):
    paid = make_user("paid", email="p@example.com")
    txn = make_txn(owner=paid)
    txn.notes.create(code="claimed", params={"member": "paid"}, by_name="boss")
    txn.notes.create(code="resolved", params={"reason": "imp_1 paid 9000 KRW"}, by_name="boss")
    anonymize(paid)
    assert notes_of(txn) == [
        ("claimed", {"member": paid.username}, "boss"),
        ("resolved", {"reason": "imp_1 paid 9000 KRW"}, "boss"),
    ]


def test_somebody_else_may_have_that_name(member, make_user):
    make_user(f"left-{member.pk}")
    anonymize(member)
    assert User.objects.get(pk=member.pk).username.startswith(f"left-{member.pk}-")


def test_leaving_twice_changes_nothing(member):
    anonymize(member)
    before = User.objects.filter(pk=member.pk).values().get()
    anonymize(User.objects.get(pk=member.pk))
    after = User.objects.filter(pk=member.pk).values().get()
    assert {**after, "password": ""} == {**before, "password": ""}


def test_staff_do_not_leave_like_this(boss, make_staff):
    someone = make_staff("support")
    assert (
        "Staff cannot leave"
        in told(boss.post(url("point", someone.pk, "leave"), {"confirmed": "yes"}, follow=True))[0]
    )
    assert User.objects.get(pk=someone.pk).is_active


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_nobody_leaves_while_money_is_on_its_way(gateway, boss, user, settings):
    settings.IAMPORT_PG_API_KEY = "inicis-key"
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="vbank")
    PointTransaction.objects.sync(gateway.pay(txn.merchant_uid, outcome="vbank"))
    assert (
        "still open"
        in told(boss.post(url("point", user.pk, "leave"), {"confirmed": "yes"}, follow=True))[0]
    )
    PointTransaction.objects.close_account(txn, by=user)
    assert (
        "has left"
        in told(boss.post(url("point", user.pk, "leave"), {"confirmed": "yes"}, follow=True))[0]
    )
