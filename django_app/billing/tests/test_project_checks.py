"""What `check` says to a project that billing was put into: every line that is left out."""

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.checks import Error, Warning
from django.db import connections
from django.urls import set_script_prefix

from billing.checks import database_of_money, frame, project, setting_types

SQLITE = "django.db.backends.sqlite3"


def ids(messages):
    assert all(message.hint and isinstance(message, Error | Warning) for message in messages)
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("name", "value", "found", "words"),
    [
        ("IAMPORT_CODE", "", "billing.E007", "IAMPORT_CODE is not set"),
        ("IAMPORT_KEY", "", "billing.E007", "IAMPORT_KEY is not set"),
        ("IAMPORT_SECRET", "", "billing.E007", "IAMPORT_SECRET is not set"),
        ("IAMPORT_KEY", None, "billing.E006", "IAMPORT_KEY is None, which is not a text."),
        ("IAMPORT_MODE", "test", "billing.E008", "IAMPORT_MODE is 'test'."),
        ("BILLING_METHODS", "card", "billing.E006", "is 'card', which is not a list."),
        ("BILLING_PRESETS", 5_000, "billing.E006", "is 5000, which is not a list."),
        ("BILLING_VBANK_DAYS", "3", "billing.E006", "is '3', which is not a whole number."),
        ("BILLING_MAIL", 1, "billing.E006", "is 1, which is not True or False."),
        ("BILLING_MERCHANT", [], "billing.E006", "is [], which is not a dict."),
        ("BILLING_PRESET", [1_000], "billing.W013", "BILLING_PRESET is no setting of billing"),
    ],
)
def test_settings(settings, name, value, found, words):
    assert setting_types(None) == []
    setattr(settings, name, value)
    [message] = setting_types(None)
    assert ids([message]) == [found]
    assert words in message.msg


def test_a_slip_is_named(settings):
    settings.BILLING_MIN_AMOUT = 5_000
    [message] = setting_types(None)
    assert message.hint == "Did you mean BILLING_MIN_AMOUNT?"


def test_one_mistake_does_not_hide_the_others(settings):
    settings.BILLING_PRESETS, settings.IAMPORT_CHANNELS = 5_000, "card"
    settings.IAMPORT_CODE = settings.IAMPORT_SECRET = ""
    assert sorted(ids(setting_types(None))) == ["billing.E006"] * 2 + ["billing.E007"] * 2


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("MIDDLEWARE", [], ["billing.E016"] * 3),
        ("USE_TZ", False, ["billing.E017"]),
        ("ROOT_URLCONF", "billing.tests.support.urls_without", ["billing.E018"]),
        ("LOGIN_URL", "no-such-name", ["billing.W016"]),
        ("LOGIN_URL", "/nowhere/", ["billing.W016"]),
        ("LOGIN_URL", None, ["billing.W016"]),
        ("LOGIN_URL", "https://login.example/", []),
        (
            "CACHES",
            {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
            ["billing.W015"],
        ),
        (
            "CACHES",
            {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}},
            [],
        ),
    ],
)
def test_what_stands_around(settings, name, value, found):
    assert project(None) == []
    setattr(settings, name, value)
    assert ids(project(None)) == found


def test_a_login_below_a_script_name(settings):
    settings.LOGIN_URL = "login"
    set_script_prefix("/shop/")
    try:
        assert project(None) == []
    finally:
        set_script_prefix("/")


def test_a_login_to_which_the_language_is_added(settings):
    settings.ROOT_URLCONF = "billing.tests.support.urls_by_language"
    settings.LOGIN_URL = "/accounts/login/"
    assert project(None) == []
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "LocaleM" not in name]
    assert ids(project(None)) == ["billing.W016"]


def test_apps_of_django(settings):
    settings.INSTALLED_APPS = [
        name for name in settings.INSTALLED_APPS if name != "django.contrib.staticfiles"
    ]
    [message] = project(None)
    assert message.msg.startswith("django.contrib.staticfiles is not installed")


@pytest.mark.parametrize(
    ("configured", "found"),
    [
        ({"ENGINE": SQLITE}, ["billing.W014"]),
        ({"ENGINE": SQLITE, "OPTIONS": {"transaction_mode": "DEFERRED"}}, ["billing.W014"]),
        ({"ENGINE": SQLITE, "OPTIONS": {"transaction_mode": "immediate"}}, []),
        ({"ENGINE": "django.db.backends.postgresql"}, []),
        ({"ENGINE": "django.db.backends.postgresql", "AUTOCOMMIT": False}, ["billing.E013"]),
        ({"ENGINE": "django.db.backends.mysql"}, ["billing.E012"]),
        ({}, ["billing.E012"]),
    ],
)
def test_the_database(monkeypatch, configured, found):
    monkeypatch.setitem(connections.settings, "default", configured)
    assert ids(database_of_money(None)) == found


def test_a_sqlite_that_is_too_old(monkeypatch):
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    configured = {"ENGINE": SQLITE, "OPTIONS": {"transaction_mode": "IMMEDIATE"}}
    monkeypatch.setitem(connections.settings, "default", configured)
    assert ids(database_of_money(None)) == ["billing.E029"]


# -- the frame -------------------------------------------------------------------------------------

WHOLE = (
    "{% block billing_title %}{% endblock %}{% block billing_head %}{% endblock %}"
    "{% block billing_content %}{% endblock %}{% block billing_scripts %}{% endblock %}"
)
OUTER = "<title>{% block title %}Shop{% endblock %}</title>{% block body %}{% endblock %}"


@pytest.fixture
def framed(settings, tmp_path):
    """framed(billing_base, base="") → ids of what `check` says about this frame."""

    def made(billing_base, base=""):
        (tmp_path / "billing").mkdir(exist_ok=True)
        (tmp_path / "billing" / "base.html").write_text(billing_base)
        (tmp_path / "base.html").write_text(base)
        [backend] = settings.TEMPLATES
        settings.TEMPLATES = [{**backend, "DIRS": [tmp_path, *backend["DIRS"]]}]
        return [(message.id, message.msg) for message in frame(None)]

    return made


def test_the_frame_that_billing_brings():
    assert frame(None) == []


def test_a_frame_of_ones_own(framed):
    assert framed(WHOLE) == []


def test_a_frame_that_extends_the_projects_own(framed):
    own = (
        '{% extends "base.html" %}{% block title %}{% block billing_title %}{% endblock %}'
        "{% endblock %}{% block body %}{% block billing_head %}{% endblock %}"
        "{% block billing_content %}{% endblock %}{% block billing_scripts %}{% endblock %}"
        "{% endblock %}"
    )
    assert framed(own, OUTER) == []


def test_a_block_that_is_missing(framed):
    [(found, words)] = framed(WHOLE.replace("{% block billing_scripts %}{% endblock %}", ""))
    assert found == "billing.E020"
    assert words == (
        "billing/base.html has no block “billing_scripts”: every page would lack its script, and "
        "the button to pay would do nothing."
    )


def test_blocks_in_a_place_that_the_project_does_not_show(framed):
    """`sidebar` is no block of base.html, so nothing inside it is ever shown."""
    own = f'{{% extends "base.html" %}}{{% block sidebar %}}{WHOLE}{{% endblock %}}'
    assert [found for found, _ in framed(own, OUTER)] == ["billing.E020"] * 4


def test_blocks_that_were_overwritten(framed):
    """base.html has them inside `body`, which the project's frame replaces."""
    base = f"{{% block body %}}{WHOLE}{{% endblock %}}"
    empty = '{% extends "base.html" %}{% block body %}nothing{% endblock %}'
    assert [found for found, _ in framed(empty, base)] == ["billing.E020"] * 4
    kept = '{% extends "base.html" %}{% block body %}{{ block.super }}{% endblock %}'
    assert framed(kept, base) == []


def test_a_parent_that_is_chosen_later_is_not_judged(framed):
    assert framed("{% extends layout %}") == []


def test_a_frame_that_cannot_be_read(framed):
    [(found, words)] = framed("{% block billing_title %}")
    assert found == "billing.E019"
    assert words.startswith("A page of billing cannot be made: Unclosed tag")


def test_templates_that_are_not_looked_for(settings):
    [backend] = settings.TEMPLATES
    settings.TEMPLATES = [{**backend, "APP_DIRS": False}]
    [message] = frame(None)
    assert message.id == "billing.E019"
    assert "APP_DIRS" in message.hint


def test_a_frame_for_another_engine(settings, tmp_path):
    """A project of Jinja pages has its frame where ours would stand."""
    (tmp_path / "billing").mkdir()
    (tmp_path / "billing" / "base.html").write_text("<html>")
    other = "django.template.backends.dummy.TemplateStrings"
    settings.TEMPLATES = [
        {"BACKEND": other, "DIRS": [tmp_path], "APP_DIRS": False, "OPTIONS": {}},
        *settings.TEMPLATES,
    ]
    [message] = frame(None)
    assert message.id == "billing.E019"
    assert "another engine" in message.msg


def test_scripts_whose_plain_names_are_thrown_away(settings):
    settings.WHITENOISE_KEEP_ONLY_HASHED_FILES = True
    assert project(None) == []  # no hashes
    for storage, found in (
        ("whitenoise.storage.CompressedManifestStaticFilesStorage", ["billing.E025"]),
        ("billing.tests.test_project_checks.WithImports", []),
    ):
        settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": storage}}
        assert ids(project(None)) == found
    settings.WHITENOISE_KEEP_ONLY_HASHED_FILES = False
    assert project(None) == []


class WithImports(ManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
