"""Settings of the sandbox mode: play money, served to this machine alone."""

import os

from config import env
from config.settings import served
from config.settings.base import INSTALLED_APPS, MIDDLEWARE, sqlite
from config.settings.inheritance import settings_of
from config.settings.served import (
    BILLING_NOTICE_URL,
    DATABASES,
    HOST,
    IAMPORT_CODE,
    IAMPORT_KEY,
    IAMPORT_SECRET,
    PORT,
    VAR_DIR,
)

globals().update(settings_of(served))
env.require_mode("sandbox")

INSTALLED_APPS = [*INSTALLED_APPS, "billing_sandbox"]
MIDDLEWARE = ["billing_sandbox.middleware.LoopbackOnly", *MIDDLEWARE]
DATABASES["sandbox"] = sqlite(VAR_DIR / "sandbox_gateway.sqlite3")
DATABASE_ROUTERS = ["billing_sandbox.router.SandboxRouter"]
if HOST not in {"127.0.0.1", "localhost", "::1", "0.0.0.0", "::"}:
    raise env.ConfigurationError(
        f"HOST is {HOST!r}, but sandbox mode serves this machine only: write 127.0.0.1, "
        "localhost or ::1."
    )
# The address the browser and the server itself reach this process by.
_here = f"http://{'[::1]' if HOST == '::1' else '127.0.0.1'}:{PORT}"
IAMPORT_API_URL = os.environ.get("IAMPORT_API_URL", "").strip() or f"{_here}/sandbox/api/"
IAMPORT_SDK_URL = "/sandbox/iamport.js"
BILLING_NOTICE_URL = BILLING_NOTICE_URL or f"{_here}/billing/webhook/"
SANDBOX = {
    "code": IAMPORT_CODE,
    "key": IAMPORT_KEY,
    "secret": IAMPORT_SECRET,
    "webhook_url": BILLING_NOTICE_URL,
    "worker": True,
}

if not IAMPORT_API_URL.endswith("/"):
    IAMPORT_API_URL += "/"
