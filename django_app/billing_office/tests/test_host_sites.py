"""In a project of somebody else: its admin site has another name, its own pages stay as they are,
and where Unfold's pages do not work there are plain lists.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

import billing.admin
import billing_office.admin
from billing.models import (
    PointTransaction,
    ReconcileRun,
)
from billing_office import checks, site
from billing_office.tests.support.host import HostUserAdmin, host, links
from billing_office.tests.test_access import TABLE, rows  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

STYLE = "billing_office/back-office.css"
WITHOUT_ROW = ("changelist", "overview", "add", "adopt", "find", "not_ours")
User = get_user_model()


@pytest.fixture
def boss(make_staff):
    client = Client(headers={"accept-language": "en"})
    client.force_login(make_staff("boss"))
    return client


def office_url(name, by_model):
    _app, model, page = name.split("_", 2)
    args = ["csv"] if page == "export" else [] if page in WITHOUT_ROW else [by_model[model].pk]
    return reverse(f"office:{name}", args=args)


# -- Unfold's, beside another ----------------------------------------------------------------------


@pytest.fixture
def two_sites():
    """A site of the project with its own page for users, and Unfold's "office" beside it."""
    own, office = UnfoldAdminSite(), UnfoldAdminSite(name="office")
    own.register(User, HostUserAdmin)
    return own, office


@pytest.mark.parametrize("with_sidebar", [False, True])
def test_all_pages_stand_on_the_named_site_and_stay_below_it(two_sites, boss, rows, with_sidebar):  # noqa: F811
    own, office = two_sites
    side = {"SIDEBAR": {"navigation": "billing_office.navigation.sidebar"}}
    with host(office, own, UNFOLD=side if with_sidebar else {}):
        assert checks.office_is_shown(None) == []
        asked = {
            office_url(name, rows)
            for name, (method, allowed) in TABLE.items()
            if method == "GET" and "boss" in allowed
        }
        assert len(asked) > 30
        for one in asked:
            response = boss.get(one, follow=True)
            assert response.status_code == 200, one
            assert all(way.startswith("/office/") for way, _code in response.redirect_chain)
            if response.streaming:
                continue
            assert {
                link for link in links(response.text) if not link.startswith("/office/")
            } == set()
            if with_sidebar:
                assert "/office/billing/dailyfigures/overview/" in response.text


def test_the_host_s_own_pages_are_untouched(two_sites, boss):
    own, office = two_sites
    with host(office, own):
        assert type(own.get_model_admin(User)) is HostUserAdmin
        assert set(own._registry) == {User}
        assert set(office._registry) == set(site.PAGES)  # nobody's users and groups
        first = boss.get("/office/")
        assert first.status_code == 200
        assert "billing_office/_overview.html" not in [one.name for one in first.templates]
        assert STYLE not in first.text
        assert boss.get("/admin/auth/user/").status_code == 200
    folders = Path(billing_office.admin.__file__).parent.joinpath("templates").iterdir()
    assert [folder.name for folder in folders] == ["billing_office"]


def test_what_the_host_has_registered_stays(two_sites):
    class HostRuns(admin.ModelAdmin):
        pass

    class HostPoints(site.PAGES[billing.admin.Point]):
        pass

    _own, office = two_sites
    office.register(ReconcileRun, HostRuns)
    office.register(billing.admin.Point, HostPoints)
    with host(office):
        assert type(office.get_model_admin(ReconcileRun)) is HostRuns
        [warning] = checks.office_is_shown(None)
    assert warning.id == "billing_office.W002"
    assert warning.msg.endswith(": ReconcileRun.")


def test_who_is_sent_on_stays_on_the_site(two_sites, boss, rows, make_user):  # noqa: F811
    _own, office = two_sites
    txn, leaver = rows["pointtransaction"], make_user("leaver")
    PointTransaction.objects.filter(pk=txn.pk).update(review="wrong_amount")
    with host(office, two_sites[0]):
        for one, data in (
            (f"/office/billing/pointtransaction/{txn.pk}/resolve/", {"note": "x"}),
            (f"/office/billing/point/{leaver.pk}/leave/", {}),
            (f"/office/billing/point/{leaver.pk}/adjust/", {}),
            ("/office/billing/pointtransaction/export/pdf/", None),
        ):
            method = boss.get if data is None else boss.post
            response = method(one, {**(data or {}), "confirmed": "yes"})
            if response.status_code == 302:
                assert response["Location"].startswith("/office/"), one
        client = Client()
        response = client.get("/office/billing/point/")
        assert response["Location"].startswith("/office/login/")
    assert User.objects.get(pk=leaver.pk).is_active is False


def test_the_overview_is_for_who_may_see_figures(two_sites, log_in):
    _own, office = two_sites
    overview = "/office/billing/dailyfigures/overview/"
    with host(office):
        assert log_in("support").get(overview).status_code == 403
        shown = log_in("finance")
        page = shown.get(overview)
        assert "Points outstanding" in page.text
        assert overview in shown.get("/office/billing/dailyfigures/").text
        assert shown.post(overview).status_code == 405


@pytest.mark.parametrize("named", [False, True])
def test_the_style_is_loaded_once(two_sites, boss, named):
    _own, office = two_sites
    with host(office, UNFOLD={"STYLES": [lambda request: f"/static/{STYLE}"]} if named else {}):
        for page in ("point/", "dailyfigures/", "dailyfigures/overview/", "unmatchedpayment/"):
            assert boss.get(f"/office/billing/{page}").text.count(STYLE) == 1, page


def test_this_site_shows_the_overview_first_and_loads_the_style_once(log_in):
    client = log_in("finance")
    text = client.get("/admin/").text
    assert "Points outstanding" in text
    assert text.count(STYLE) == 1
    assert client.get("/admin/billing/point/").text.count(STYLE) == 1


def test_members_who_never_charged_are_found_too(two_sites, log_in, make_user):
    hong = make_user("hong@example.com")
    with host(two_sites[1]):
        client = log_in("support")
        found = client.get("/office/billing/point/", {"q": hong.username})
        assert f'href="/office/billing/point/{hong.pk}/change/"' in found.text
        assert "Has never charged: <a" in re.sub(r"\s+", " ", found.text)
        assert "h•••@example.com" in found.text
        assert client.get(f"/office/billing/point/{hong.pk}/change/").status_code == 200
        nobody = client.get("/office/billing/point/", {"q": "nobody"})
        assert "Has never charged" not in nobody.text


def test_our_pages_of_users_work_on_a_site_of_another_name(two_sites, boss, user):
    from billing_office.users import UserAdmin

    _own, office = two_sites
    office.register(User, UserAdmin)
    with host(office):
        listed = boss.get("/office/auth/user/")
        assert f"/office/auth/user/{user.pk}/change/" in listed.text
        assert "/office/auth/user/add/" in listed.text
        page = boss.get(f"/office/auth/user/{user.pk}/change/")
        assert f"/office/billing/point/{user.pk}/change/" in page.text
        assert page.text.count(STYLE) == 1
