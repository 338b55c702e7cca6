"""Another project around us: its admin sites, its addresses, its templates, its settings."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.contrib.admin import AdminSite, ModelAdmin
from django.test import override_settings
from django.urls import include, path

import billing.admin
import billing_office.admin

DJANGO_TEMPLATES = Path(django.__file__).parent / "contrib" / "admin" / "templates"
# No context processor but those that Django's admin asks for.
PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]


class HostUserAdmin(ModelAdmin):
    """The project's own page of users."""


def discover() -> None:
    """As Django's autodiscovery does, in one order of INSTALLED_APPS and in the other."""
    billing.admin.show_lists()
    billing_office.admin.show_office()
    billing.admin.show_lists()


@contextmanager
def host(
    named: AdminSite, *others: AdminSite, plain: bool = False, **settings: Any
) -> Iterator[None]:
    """A project that names this site in BILLING_ADMIN_SITE and serves it, and the others, each below
    /<its name>/. plain: Django's templates of the admin and not Unfold's, which is installed here.
    """
    module: Any = ModuleType("host_project")
    module.site = named
    sys.modules["host_project"] = module
    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [DJANGO_TEMPLATES] if plain else [],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": PROCESSORS},
    }
    given = {
        "UNFOLD": {},
        "BILLING_ANONYMIZE_USER": "",
        "IAMPORT_SDK_URL": "http://127.0.0.1:9000/sandbox/iamport.js",
        **settings,
    }
    try:
        with override_settings(
            BILLING_ADMIN_SITE="host_project.site",
            ROOT_URLCONF="host_project",
            TEMPLATES=[templates],
            LOGIN_URL=f"/{named.name}/login/",
            **given,
        ):
            discover()
            module.urlpatterns = [
                *(path(f"{site.name}/", site.urls) for site in (named, *others)),
                path("points/", include("billing.urls")),
            ]
            yield
    finally:
        del sys.modules["host_project"]


def links(text: str) -> set[str]:
    """Addresses of this server on a page, without files and Unfold's way to the project's pages."""
    found = re.findall(r'(?:href|action|hx-get)="(/[^"]*)"', text)
    return {one for one in found if not one.startswith("/static/")} - {"/"}
