"""Settings of the tests: nobody's keys are read, nothing is written outside a temporary folder, the
gateway is the sandbox app.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import dj_database_url

from config import env
from config.env_merchant import SAMPLE_MERCHANT
from config.settings import base
from config.settings.inheritance import settings_of

globals().update(settings_of(base))

IAMPORT_MODE = "sandbox"
DEBUG = False
SECRET_KEY = "only for tests, and known to everybody"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]
PUBLIC_URL = ""
TRUSTED_PROXY_HEADERS: list[str] = []

INSTALLED_APPS = [*base.INSTALLED_APPS, "billing_sandbox"]
MIDDLEWARE = ["billing_sandbox.middleware.LoopbackOnly", *base.MIDDLEWARE]
DATABASE_ROUTERS = ["billing_sandbox.router.SandboxRouter"]
BILLING_MERCHANT: dict[str, str] = dict(SAMPLE_MERCHANT)
BILLING_MAIL = False  # the tests of mail turn it on
# Looks for a file when it is asked for; else every test client would look for all of them.
WHITENOISE_AUTOREFRESH = True
DEFAULT_FROM_EMAIL = "no-reply@localhost"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

_temporary = tempfile.TemporaryDirectory(prefix="billing-tests-")  # gone when the process ends
_folder = Path(_temporary.name)
CACHES = {"default": env.cache("", _folder / "cache")}


def _sqlite(name: str) -> dict[str, Any]:
    """A file, because the shared in-memory database answers threads with "table is locked". No
    fsync: nobody misses a test's data.
    """
    made: dict[str, Any] = base.sqlite(_folder / f"{name}.sqlite3")
    made["TEST"] = {"NAME": str(_folder / f"test_{name}.sqlite3")}
    made["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    return made


DATABASES = {"default": _sqlite("default"), "sandbox": _sqlite("sandbox")}
if os.environ.get("DATABASE_URL"):
    DATABASES["default"] = dict(dj_database_url.config())

IAMPORT_CODE = "imp00000000"
IAMPORT_KEY = "1000000000000000"
IAMPORT_SECRET = "a-secret-for-tests-that-must-never-be-logged"
IAMPORT_CHANNELS: dict[str, str] = {}
IAMPORT_API_URL = "http://gateway.test/sandbox/api/"
IAMPORT_SDK_URL = "/sandbox/iamport.js"
SANDBOX = {
    "code": IAMPORT_CODE,
    "key": IAMPORT_KEY,
    "secret": IAMPORT_SECRET,
    "webhook_url": "http://testserver/billing/webhook/",
    "worker": False,
}
