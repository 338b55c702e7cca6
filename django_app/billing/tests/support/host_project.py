"""A project that is not this site, in a folder of its own: what `startproject` makes, a user model
with a UUID for key and an e-mail address for name, and the two lines of docs/testing.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

APP = Path(__file__).resolve().parents[3]

CONFTEST = 'pytest_plugins = ["billing.testing.plugin"]\n'
SETTINGS_OF_TESTS = 'INSTALLED_APPS += ["billing_sandbox"]\n'

FILES = {
    "pytest.ini": """\
[pytest]
DJANGO_SETTINGS_MODULE = shop.settings_test
python_files = test_*.py
filterwarnings = error
addopts = --strict-markers -p no:cacheprovider -p no:randomly -p no:xdist
""",
    "shop/__init__.py": "",
    "shop/migrations/__init__.py": "",
    "shop/models.py": """\
import uuid
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class MemberManager(BaseUserManager):
    def create_user(self, email, password=None, **more):
        member = self.model(email=self.normalize_email(email), **more)
        member.set_password(password)
        member.save()
        return member


class Member(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    nickname = models.CharField(max_length=8)
    joined = models.DateField()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["nickname"]
    objects = MemberManager()
""",
    "shop/migrations/0001_initial.py": """\
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Member",
            [
                ("password", models.CharField(max_length=128)),
                ("last_login", models.DateTimeField(blank=True, null=True)),
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True),
                ),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("nickname", models.CharField(max_length=8)),
                ("joined", models.DateField()),
            ],
        )
    ]
""",
    "shop/urls.py": """\
from django.urls import include, path

urlpatterns = [path("pay/points/", include("billing.urls"))]
""",
    "shop/settings.py": """\
import os

import dj_database_url

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = []
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "shop",
    "billing",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "shop.urls"
AUTH_USER_MODEL = "shop.Member"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3", "ATOMIC_REQUESTS": True
    }
}
if os.environ.get("DATABASE_URL"):  # the run on PostgreSQL
    DATABASES["default"] = {
        **dj_database_url.config(),
        "ATOMIC_REQUESTS": True,
        "TEST": {"NAME": f"test_shop_{os.getpid()}"},
    }
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
""",
}


def make(folder: Path, *, settings: str = "", **files: str) -> None:
    """Write the project. settings: further lines for its tests. files: name (without .py) → text,
    beside its conftest.
    """
    made = {
        **FILES,
        "conftest.py": CONFTEST,
        "shop/settings_test.py": (
            f"from shop.settings import *  # noqa\n\n{SETTINGS_OF_TESTS}{settings}"
        ),
        **{f"{name}.py": text for name, text in files.items()},
    }
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the project's tests in a Python of their own, billing being installed. Returns exit code
    and output.
    """
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "IAMPORT_", "BILLING_", "SANDBOX", "PYTEST_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": f"{folder}{os.pathsep}{APP}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
