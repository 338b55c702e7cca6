"""What `manage.py check` says of a back office that is not to be seen."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from unfold.sites import UnfoldAdminSite

import billing.admin
from billing.models import ReconcileRun
from billing_office import checks
from billing_office.tests.support.host import host


def without(monkeypatch, *gone):
    is_installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda app: app not in gone and is_installed(app))


def test_a_plain_site_is_warned_of(monkeypatch):
    plain = admin.AdminSite(name="plain")
    with host(plain):
        [warning] = checks.office_is_shown(None)
        assert (warning.id, warning.msg) == (
            "billing_office.W001",
            "The back office is not shown: host_project.site is no UnfoldAdminSite, so plain lists are.",
        )
        assert warning.hint
    assert type(plain.get_model_admin(ReconcileRun)) is billing.admin.ReconcileRunAdmin


@pytest.mark.parametrize("gone", ["unfold", "django.contrib.admin"])
def test_what_is_not_installed_is_warned_of(monkeypatch, gone):
    office = UnfoldAdminSite(name="office")
    without(monkeypatch, gone)
    with host(office):
        [warning] = checks.office_is_shown(None)
        assert warning.id == "billing_office.W001"
    shown = {type(one) for one in office._registry.values()}
    assert shown == (set(billing.admin.PLAIN_LISTS.values()) if gone == "unfold" else set())


def test_a_site_that_was_not_registered_on_is_warned_of():
    late = UnfoldAdminSite(name="late")
    with host(late):
        late.unregister(list(late._registry))
        [warning] = checks.office_is_shown(None)
    assert (warning.id, "PointTransaction" in warning.msg) == ("billing_office.W002", True)


def test_this_site_is_not_warned():
    assert checks.office_is_shown(None) == []
