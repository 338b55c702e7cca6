"""What a project must have around billing: Django's own apps and middleware, our addresses, a
login, a cache that its processes share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from billing.conf import conf

APPS = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
)
MIDDLEWARE = (SessionMiddleware, AuthenticationMiddleware, CsrfViewMiddleware)
OF_ONE_PROCESS = ("locmem.LocMemCache", "dummy.DummyCache")


@register("billing")
def project(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Apps, middleware, addresses, time zone, cache."""
    found: list[CheckMessage] = [
        Error(
            f"{name} is not installed, and billing's pages need it.",
            hint=f'INSTALLED_APPS = [..., "{name}"]',
            id="billing.E015",
        )
        for name in APPS
        if not apps.is_installed(name)
    ]
    found += [
        Error(
            f"{wanted.__name__} is missing: without it billing knows no member or trusts any page.",
            hint=f'MIDDLEWARE = [..., "{wanted.__module__}.{wanted.__name__}"]',
            id="billing.E016",
        )
        for wanted in MIDDLEWARE
        if not _has_middleware(wanted)
    ]
    if not conf.django.USE_TZ:
        found.append(
            Error(
                "USE_TZ is off: times of payments would have no zone.",
                hint="USE_TZ = True",
                id="billing.E017",
            )
        )
    found += _addresses()
    if _modules_are_removed():
        found.append(
            Error(
                "collectstatic keeps hashed files only and does not write their names into "
                "scripts: the pages' scripts would miss each other, and no button would work.",
                hint=(
                    "support_js_module_import_aggregation = True in a class of your own made of "
                    "the storage, or no WHITENOISE_KEEP_ONLY_HASHED_FILES."
                ),
                id="billing.E025",
            )
        )
    if conf.django.CACHES.get("default", {}).get("BACKEND", "").endswith(OF_ONE_PROCESS):
        found.append(
            Warning(
                "The cache belongs to one process: each asks the gateway for a token of its own, "
                "and counts its own tries.",
                hint=(
                    "CACHES with Redis, Memcached, the database, or FileBasedCache on one machine."
                ),
                id="billing.W015",
            )
        )
    return found


def _has_middleware(wanted: type) -> bool:
    for dotted in conf.django.MIDDLEWARE:
        try:
            made = import_string(dotted)
        except ImportError:
            continue  # Django says it itself
        if isinstance(made, type) and issubclass(made, wanted):
            return True
    return False


def _addresses() -> list[CheckMessage]:
    if not getattr(conf.django, "ROOT_URLCONF", ""):
        return []  # commands that serve nothing
    try:
        charge = reverse("billing:charge")
    except NoReverseMatch:
        return [
            Error(
                "billing.urls is not included, or below another namespace: no page of billing can "
                "be reached.",
                hint='urlpatterns = [..., path("points/", include("billing.urls"))]',
                id="billing.E018",
            )
        ]
    except ImproperlyConfigured:
        return []  # Django says it itself
    return _login(charge)


def _login(charge: str) -> list[CheckMessage]:
    wanted = conf.django.LOGIN_URL
    try:
        address = resolve_url(wanted)
        if not urlsplit(address).netloc:  # somebody else's may log in, at an address of its own
            _resolve(urlsplit(address).path)
    except (NoReverseMatch, Resolver404, TypeError):  # TypeError: None
        return [
            Warning(
                f"LOGIN_URL is {wanted!r}, which leads nowhere: whoever opens {charge} without "
                "being logged in finds no page.",
                hint="LOGIN_URL = the name or the address of your login page.",
                id="billing.W016",
            )
        ]
    return []


def _resolve(path: str) -> None:
    """Resolver404 where the project has no such page, nor LocaleMiddleware leads to one."""
    prefix = get_script_prefix()  # FORCE_SCRIPT_NAME
    if prefix != "/" and path.startswith(prefix):
        path = path.removeprefix(prefix.rstrip("/"))
    try:
        resolve(path)
    except Resolver404:
        if not _has_middleware(LocaleMiddleware):
            raise
        resolve(f"/{get_language()}{path}")


def _modules_are_removed() -> bool:
    """Whether files under their plain names, by which our scripts import each other, are thrown
    away (WhiteNoise does where it is told to).
    """
    if not getattr(conf.django, "WHITENOISE_KEEP_ONLY_HASHED_FILES", False):
        return False
    named = (conf.django.STORAGES.get("staticfiles") or {}).get("BACKEND", "")
    try:
        storage = import_string(named)
    except ImportError:
        return False  # Django says it itself
    keeps = getattr(storage, "support_js_module_import_aggregation", True)  # no hashes: True
    return not keeps
