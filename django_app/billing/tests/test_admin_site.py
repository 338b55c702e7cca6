"""Which AdminSite shows the lists, and what becomes of a name that leads nowhere."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch

from billing import admin as plain_lists
from billing.admin_site import admin_site, admin_url
from billing.checks import admin_site_can_be_found, setting_types
from billing.notifications import staff_mail
from billing.tests.support import no_admin_urls


def test_by_default_it_is_django_s_own():
    assert admin_site() is admin.site
    assert admin_url("billing_point_change", 7) == "/admin/billing/point/7/change/"
    assert admin_site_can_be_found(None) == []


@pytest.mark.parametrize(
    "path", ["", "nowhere.site", "billing.conf.conf", "django.contrib.admin.nothing"]
)
def test_a_name_that_leads_nowhere_is_an_error_and_no_crash(settings, path):
    settings.BILLING_ADMIN_SITE = path
    assert admin_site() is None
    plain_lists.show_lists()
    [error] = admin_site_can_be_found(None)
    assert (error.id, bool(error.hint)) == ("billing.E021", True)


def test_a_value_of_another_type_is_said_once(settings):
    settings.BILLING_ADMIN_SITE = None
    assert admin_site() is None
    assert admin_site_can_be_found(None) == []
    assert "billing.E006" in [error.id for error in setting_types(None)]


def test_a_project_without_django_s_admin(settings, monkeypatch):
    is_installed = apps.is_installed
    monkeypatch.setattr(
        apps, "is_installed", lambda app: app != "django.contrib.admin" and is_installed(app)
    )
    settings.BILLING_ADMIN_SITE = "nowhere.site"
    assert admin_site() is None
    assert admin_site_can_be_found(None) == []
    plain_lists.show_lists()


@pytest.mark.django_db
def test_the_night_s_mail_leads_to_that_site_or_nowhere(settings, mailoutbox):
    settings.BILLING_STAFF_MAIL, settings.PUBLIC_URL = ["a@example.com"], "https://points.example"
    settings.LANGUAGE_CODE = "en"
    staff_mail.send({})
    assert "https://points.example/admin/" in mailoutbox[-1].body
    settings.ROOT_URLCONF = no_admin_urls.__name__
    with pytest.raises(NoReverseMatch):
        admin_url("index")
    staff_mail.send({})
    assert "https://points.example" not in mailoutbox[-1].body


def test_lists_that_are_not_shown_are_said(settings):
    settings.BILLING_ADMIN_SITE = "billing.tests.test_admin_site.EMPTY"
    [warning] = admin_site_can_be_found(None)
    assert (warning.id, bool(warning.hint)) == ("billing.W018", True)
    assert "PointTransaction" in warning.msg
    plain_lists.register(EMPTY)
    assert admin_site_can_be_found(None) == []


EMPTY = admin.AdminSite(name="empty")
