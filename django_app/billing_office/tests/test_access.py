"""Who may open what: every address of the back office, asked by everybody. An address without a
line here fails the test.
"""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from billing.models import (
    DailyFigures,
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    ReconcileRun,
    UnmatchedPayment,
    WebhookEvent,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

PEOPLE = ("anonymous", "member", "support", "finance", "boss")
BOTH = {"support", "finance", "boss"}
MONEY = {"finance", "boss"}
BOSS = {"boss"}
NOBODY: set[str] = set()

# name of the address → (method, who may)
TABLE: dict[str, tuple[str, set[str]]] = {
    **{
        f"billing_{model}_{page}": ("GET", who)
        for model in (
            "point",
            "pointtransaction",
            "pointentry",
            "pointcancellation",
            "webhookevent",
            "reconcilerun",
            "unmatchedpayment",
        )
        for page, who in {
            "changelist": BOTH,
            "change": BOTH,
            "history": BOTH,
            "add": NOBODY,
            "delete": NOBODY,
        }.items()
    },
    **{
        f"billing_dailyfigures_{page}": ("GET", MONEY)
        for page in ("changelist", "change", "history", "export", "overview")
    },
    **{f"billing_dailyfigures_{page}": ("GET", NOBODY) for page in ("add", "delete")},
    **{
        f"billing_{model}_export": ("GET", MONEY)
        for model in ("pointtransaction", "pointentry", "pointcancellation")
    },
    "billing_pointtransaction_sync": ("POST", BOTH),
    "billing_pointtransaction_cancel": ("GET", MONEY),
    "billing_pointtransaction_close_account": ("GET", MONEY),
    "billing_pointtransaction_resolve": ("GET", MONEY),
    "billing_pointtransaction_adopt": ("GET", BOSS),
    "billing_pointtransaction_find": ("POST", BOTH),
    "billing_unmatchedpayment_not_ours": ("GET", BOSS),
    "billing_pointcancellation_finish": ("GET", MONEY),
    "billing_pointcancellation_settle": ("GET", MONEY),
    "billing_webhookevent_replay": ("POST", BOTH),
    "billing_point_adjust": ("GET", BOSS),
    "billing_point_leave": ("GET", BOSS),
}


def addresses(patterns, prefix=""):
    """(name, pattern) of every address below /admin/billing/."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("billing/") and pattern.name:
            yield pattern.name


@pytest.fixture
def rows(paid, gateway):
    """A row of every model, by name."""
    txn = paid(10_000)
    return {
        "pointtransaction": txn,
        "point": Point.objects.get(pk=txn.owner_id),
        "pointentry": PointEntry.objects.get(),
        "pointcancellation": PointCancellation.objects.create(
            txn=txn,
            kind="return",
            imp_uid="imp_9",
            amount=1,
            base=0,
            checksum=1,
            reason="x",
            needs_staff=True,
        ),
        "webhookevent": WebhookEvent.objects.create(
            imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid, outcome="done"
        ),
        "reconcilerun": ReconcileRun.objects.create(),
        "unmatchedpayment": UnmatchedPayment.objects.create(
            imp_uid="imp_8",
            merchant_uid="lost",
            amount=1,
            status="paid",
            first_seen=timezone.now(),
            last_seen=timezone.now(),
        ),
        "dailyfigures": DailyFigures.objects.create(day="2026-11-23"),
    }


def ask(client, name, method, rows, data=None):
    _app, model, page = name.split("_", 2)
    without_row = page in ("changelist", "overview", "add", "adopt", "find", "not_ours")
    args = ["csv"] if page == "export" else [] if without_row else [rows[model].pk]
    address = reverse(f"admin:{name}", args=args)
    return client.post(address, data) if data else client.generic(method, address)


def everything():
    """Every row of every table of billing."""
    return {
        model._meta.label: list(model.objects.order_by("pk").values())
        for model in apps.get_app_config("billing").get_models()
    }


# What the forms of all acts would take, and what Django's own forms would.
CONFIRMED = {
    "confirmed": "yes", "post": "yes", "amount": "1,000", "remaining": "10000", "reason": "x",
    "rule": "negative", "note": "x", "choice": "give_up",
    "points": "5", "key": "00000000-0000-0000-0000-000000000000", "imp_uid": "imp_1",
    "member": "payer", "balance": "99", "status": "failed",
    "merchant_uid": "m", "delta": "7", "kind": "adjust", "outcome": "pending", "_save": "Save",
}  # fmt: skip


def test_every_address_has_its_line():
    assert set(addresses(admin.site.get_urls())) == set(TABLE)


def test_everybody_at_every_address(log_in, rows, user):
    strangers = {"anonymous": Client(), "member": Client()}
    strangers["member"].force_login(user)
    people = {name: strangers.get(name) or log_in(name) for name in PEOPLE}
    found, expected = {}, {}
    for name, (method, allowed) in TABLE.items():
        for who, client in people.items():
            response = ask(client, name, method, rows)
            to_login = response.status_code == 302 and response["Location"].startswith(
                "/admin/login/"
            )
            found[name, who] = (
                "login"
                if to_login
                else {200: "yes", 302: "yes", 403: "no"}.get(
                    response.status_code, response.status_code
                )
            )
            expected[name, who] = (
                "login" if who in ("anonymous", "member") else "yes" if who in allowed else "no"
            )
    assert {key: (found[key], expected[key]) for key in found if found[key] != expected[key]} == {}


def verdict(response):
    if response.status_code == 302 and response["Location"].startswith("/admin/login/"):
        return "login"
    return {403: "no", 405: "no"}.get(response.status_code, response.status_code)


def test_whoever_may_not_changes_nothing(gateway, log_in, rows, user):
    """With GET and with POST, as if a form had been filled in and confirmed; Django's own forms
    also as superuser.
    """
    strangers = {"anonymous": Client(), "member": Client()}
    strangers["member"].force_login(user)
    people = {name: strangers.get(name) or log_in(name) for name in PEOPLE}
    PointTransaction.objects.update(review="wrong_amount")
    before, calls, wrong = everything(), len(gateway.all_calls), {}
    for name, (_method, allowed) in TABLE.items():
        own_form = name.endswith(
            ("_add", "_change", "_delete", "_history", "_changelist", "_overview")
        )
        for who, client in people.items():
            if who in allowed and not own_form:
                continue
            refused = "login" if who in strangers else "no"
            asked = [("POST", ask(client, name, "POST", rows, CONFIRMED))]
            if who not in allowed:
                asked.append(("GET", ask(client, name, "GET", rows)))
            wrong |= {
                (name, who, how): verdict(answer)
                for how, answer in asked
                if verdict(answer) != refused
            }
    assert wrong == {}
    assert everything() == before
    assert (len(gateway.all_calls), LogEntry.objects.count()) == (calls, 0)


def test_the_same_forms_change_something_for_who_may(boss, rows):
    """The negative control: what is sent above would have done it."""
    for name in ("billing_point_adjust", "billing_pointtransaction_cancel"):
        before = everything()
        ask(boss, name, "POST", rows, CONFIRMED)
        assert everything() != before, name


@pytest.mark.parametrize(("who", "full"), [("support", 200), ("finance", 403), ("boss", 200)])
def test_personal_data_in_full(log_in, rows, who, full):
    client = log_in(who)
    for model in ("pointtransaction", "point"):
        assert (
            client.get(
                reverse(f"admin:billing_{model}_change", args=[rows[model].pk]), {"full": "1"}
            ).status_code
            == full
        )


def test_staff_without_any_group_see_nothing(make_user, rows):
    client = Client()
    client.force_login(make_user("new", is_staff=True))
    for name, (method, _allowed) in TABLE.items():
        assert ask(client, name, method, rows).status_code == 403, name
    assert client.get("/admin/").status_code == 200


def test_single_permissions_may_be_granted(log_in, rows):
    client = log_in("finance", "adjust_points", "cancel_into_negative")
    assert ask(client, "billing_point_adjust", "GET", rows).status_code == 200
    assert ask(client, "billing_point_leave", "GET", rows).status_code == 403
    assert 'name="rule"' in ask(client, "billing_pointtransaction_cancel", "GET", rows).text


def test_the_rule_about_spent_points_is_not_offered_without_the_permission(finance, rows):
    assert 'name="rule"' not in ask(finance, "billing_pointtransaction_cancel", "GET", rows).text


@pytest.mark.parametrize("key", ["0", "999999", "9" * 30, "x", "1.5", "-1", "%00", "a" * 300])
def test_rows_that_do_not_exist(boss, rows, key):
    for model, page in (("pointtransaction", "change"), ("pointtransaction", "cancel"),
        ("point", "change"), ("point", "adjust"),
                        ("pointcancellation", "settle"), ("webhookevent", "change"),
                        ("pointentry", "change")):  # fmt: skip
        assert boss.get(f"/admin/billing/{model}/{key}/{page}/").status_code == 404, (model, page)


def test_methods_that_nobody_uses(boss, rows):
    for name, (method, allowed) in TABLE.items():
        if allowed:
            other = "DELETE" if method == "GET" else "GET"
            assert ask(boss, name, other, rows).status_code in (405, 302), name
    assert Point.objects.count() == 1
