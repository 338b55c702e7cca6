"""What a project sees of money in its own admin without the back office: plain lists that show, and
nothing that changes.
"""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from unfold.sites import UnfoldAdminSite

import billing.admin
from billing.models import (
    PointCancellation,
    PointEntry,
    PointTransaction,
    ReconcileRun,
    UnmatchedPayment,
    WebhookEvent,
)
from billing_office.tests.support.host import HostUserAdmin, host, links
from billing_office.tests.support.rows import many_rows
from billing_office.tests.test_access import rows  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

User = get_user_model()

SECRETS = {
    "vbank_num": "110-123-456789",
    "vbank_holder": "SECRET-holder",
    "fail_reason": "SECRET-fail",
    "cancel_reason": "SECRET-cancel",
    "receipt_url": "https://example.com/SECRET-receipt",
}


@pytest.fixture
def secrets(rows, make_user):  # noqa: F811
    """What people wrote, in every row that has room for it."""
    txn = rows["pointtransaction"]
    PointTransaction.objects.filter(pk=txn.pk).update(**SECRETS)
    PointEntry.objects.create(
        owner=rows["point"],
        kind="adjust",
        delta=1,
        idempotency_key="k",
        memo="SECRET-memo",
        by_name="SECRET-by",
    )
    PointCancellation.objects.update(
        reason="SECRET-reason", error="SECRET-error", by_name="SECRET-by", refund_last4="9753"
    )
    WebhookEvent.objects.update(body="SECRET-body", address="127.77.88.99", error="SECRET-error")
    UnmatchedPayment.objects.update(reason="SECRET-reason", by_name="SECRET-by")
    ReconcileRun.objects.update(result={"checked": 12, "troubles": ["SECRET-trouble"]})
    User.objects.filter(pk=txn.owner_id).update(email="SECRET@example.com", last_name="SECRET")
    return rows


PLAIN = {
    "a plain site": (admin.AdminSite, {"plain": True}, "plain"),
    "Unfold's site without the office": (UnfoldAdminSite, {}, "plain"),
}


@pytest.fixture(params=PLAIN)
def plain_site(request, monkeypatch):
    """A host that shows plain lists, below /plain/."""
    if "rows" in request.fixturenames:
        request.getfixturevalue("rows")  # before the gateway's addresses are gone
    kind, options, name = PLAIN[request.param]
    if kind is UnfoldAdminSite:
        is_installed = apps.is_installed
        monkeypatch.setattr(
            apps, "is_installed", lambda app: app != "billing_office" and is_installed(app)
        )
    with host(kind(name=name), **options):
        yield


def test_plain_lists_show_and_nothing_else(plain_site, boss, secrets):
    first = boss.get("/plain/")
    assert first.status_code == 200
    assert "billing_office" not in first.text
    for model in billing.admin.PLAIN_LISTS:
        name = model._meta.model_name
        below = f"/plain/billing/{name}/"
        row = model.objects.order_by("-pk").first()
        shown = [
            boss.get(below),
            boss.get(f"{below}?q=imp_1"),
            boss.get(f"{below}{row.pk}/change/"),
        ]
        for response in shown:
            assert response.status_code == 200, name
            for secret in ("SECRET", "110-123", "9753", "127.77", "@example"):
                assert secret not in response.text, (name, secret)
            assert all(link.startswith("/plain/") for link in links(response.text))
        for page in ("add/", f"{row.pk}/delete/"):
            assert boss.get(f"{below}{page}").status_code == 403, (name, page)
            assert boss.post(f"{below}{page}", {"post": "yes"}).status_code == 403, (name, page)
        assert boss.post(f"{below}{row.pk}/change/", {"_save": "Save"}).status_code == 403
        assert 'name="action"' not in shown[0].text
        history = boss.get(f"{below}{row.pk}/history/")
        assert (history.status_code, history["Location"]) == (302, f"{below}{row.pk}/change/")


def test_plain_lists_ask_for_the_permission(plain_site, log_in, make_user, rows):  # noqa: F811
    clerk = log_in("clerk", "view_pointentry")
    assert clerk.get("/plain/billing/pointentry/").status_code == 200
    assert clerk.get("/plain/billing/point/").status_code == 403
    assert (
        clerk.get(f"/plain/billing/pointentry/{rows['pointentry'].pk}/change/").status_code == 200
    )
    assert log_in("finance").get("/plain/billing/dailyfigures/").status_code == 200


def test_plain_lists_cost_the_same_however_many_rows_there_are(plain_site, boss, user):
    costs = []
    for number, start in ((3, 0), (45, 3)):
        many_rows(user, number, start)
        for name in ("pointtransaction", "pointentry", "pointcancellation", "webhookevent"):
            with CaptureQueriesContext(connection) as caught:
                assert boss.get(f"/plain/billing/{name}/").status_code == 200
            costs.append((name, len(caught)))
            assert not [query for query in caught if "COUNT(" in query["sql"]], name
    assert costs[:4] == costs[4:]


def test_rows_behind_the_bound_are_found_by_a_search(plain_site, boss, user, monkeypatch):
    many_rows(user, 120)
    monkeypatch.setattr(billing.admin, "MOST_LISTED", 100)
    last = boss.get("/plain/billing/pointtransaction/", {"p": "2"}).text
    assert ("m-69" in last, "m-19" in last, "?p=3" in last) == (True, False, False)
    found = boss.get("/plain/billing/pointtransaction/", {"q": "m-9"})
    assert found.context["cl"].result_count == 1


def test_a_member_leads_to_the_host_s_own_page(boss, rows):  # noqa: F811
    plain, owner = admin.AdminSite(name="plain"), rows["point"].pk
    with host(plain, plain=True):
        assert "auth/user" not in boss.get("/plain/billing/point/").text
    plain.register(User, HostUserAdmin)
    with host(plain, plain=True):
        assert f"/plain/auth/user/{owner}/change/" in boss.get("/plain/billing/point/").text
        assert type(plain.get_model_admin(User)) is HostUserAdmin


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("pointtransaction", "vbank_num__startswith=110"),
        ("pointtransaction", "vbank_holder__regex=^S"),
        ("pointentry", "memo__startswith=SECRET"),
        ("pointcancellation", "refund_last4=9753"),
        ("webhookevent", "body__contains=SECRET"),
        ("webhookevent", "address=127.77.88.99"),
        ("unmatchedpayment", "reason__startswith=SECRET"),
    ],
)
def test_the_address_asks_for_nothing_that_is_not_shown(plain_site, boss, secrets, name, asked):
    """Else it tells hidden columns letter by letter, by whether a row is listed."""
    assert boss.get(f"/plain/billing/{name}/?{asked}").status_code == 400


def test_the_filters_that_are_shown_work(plain_site, boss, secrets):
    for asked in ("status__exact=paid", "review__exact=", "p=1", "q=m-1"):
        assert boss.get(f"/plain/billing/pointtransaction/?{asked}").status_code == 200
