"""What both modes that serve people take from the environment: `live` takes real money, `sandbox`
plays with the stand-in gateway.

What would be dangerous raises ConfigurationError here, because Django's checks do not run under a
server. The README lists the environment variables.
"""

import os
from pathlib import Path

from billing.conf import VENDOR_API_URL, VENDOR_SDK_URL, BillingSettings
from config import env, env_merchant, secrets_file
from config.settings import base
from config.settings.inheritance import settings_of

globals().update(settings_of(base))

IAMPORT_MODE = env.mode()
LIVE = IAMPORT_MODE == "live"

VAR_DIR = base.ROOT_DIR / "var"
VAR_DIR.mkdir(mode=0o700, exist_ok=True)  # members and their payments

if LIVE:
    # A relative path begins at the project's root, whatever folder the server was started in.
    _secrets = secrets_file.live_secrets(
        base.ROOT_DIR
        / (os.environ.get("SETTINGS_COMMON_FILE") or ".config_secret/settings_common.json")
    )
else:
    _secrets = secrets_file.sandbox_secrets(base.ROOT_DIR / ".config_secret" / "sandbox.json")

SECRET_KEY = _secrets.django_secret_key
IAMPORT_CODE = _secrets.iamport_code
IAMPORT_KEY = _secrets.iamport_key
IAMPORT_SECRET = _secrets.iamport_secret
IAMPORT_CHANNELS = dict(_secrets.channels)
IAMPORT_PG_API_KEY = _secrets.pg_api_key

# -- who is served, and how ------------------------------------------------------------------------
DEBUG = env.flag("DJANGO_DEBUG", False)
if LIVE and DEBUG:
    raise env.ConfigurationError(
        "DJANGO_DEBUG is on in live mode: its error pages show members' payments. Set it to 0."
    )

HOST, PORT = os.environ.get("HOST", "").strip() or "127.0.0.1", env.port("PORT", 8000)
ALLOWED_HOSTS = env.LOOPBACK_HOSTS
if LIVE:
    ALLOWED_HOSTS = env.words("DJANGO_ALLOWED_HOSTS") or env.LOOPBACK_HOSTS
    if "*" in ALLOWED_HOSTS:
        raise env.ConfigurationError(
            "DJANGO_ALLOWED_HOSTS is *: name your hosts, because links and return addresses "
            "follow them."
        )

PUBLIC_URL = env.origin("PUBLIC_URL")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []

HTTPS = env.flag("DJANGO_HTTPS", LIVE)
if HTTPS and PUBLIC_URL.startswith("http:"):
    raise env.ConfigurationError(
        "PUBLIC_URL begins with http:// although DJANGO_HTTPS is on: write https://."
    )
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if HTTPS else 0
# Asked by the machine next door, over plain HTTP.
SECURE_REDIRECT_EXEMPT = [
    r"^healthz$",
    r"^readyz$",
]
# Other subdomains are not ours to decide about, so no includeSubDomains and no preload.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# Forwarded headers can be written by anybody, so each counts only if it is named here.
# "none" says that there is no proxy; check --deploy wants one or the other.
TRUSTED_PROXY_HEADERS = [name.lower() for name in env.words("DJANGO_TRUSTED_PROXY")]
NO_PROXY = TRUSTED_PROXY_HEADERS == ["none"]
if NO_PROXY:
    TRUSTED_PROXY_HEADERS = []
_unknown = set(TRUSTED_PROXY_HEADERS) - {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
if _unknown:
    raise env.ConfigurationError(
        f"DJANGO_TRUSTED_PROXY names {sorted(_unknown)[0]!r}: write any of "
        "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, or none alone."
    )
if "x-forwarded-proto" in TRUSTED_PROXY_HEADERS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = "x-forwarded-host" in TRUSTED_PROXY_HEADERS

MAINTENANCE = env.flag("DJANGO_MAINTENANCE", False)

# -- who sells, and how mail leaves ----------------------------------------------------------------
BILLING_MERCHANT: dict[str, str] = env_merchant.merchant(
    "BILLING_MERCHANT",
    BillingSettings.BILLING_MERCHANT.default if LIVE else env_merchant.SAMPLE_MERCHANT,
)
BILLING_MAIL = env.flag("BILLING_MAIL", True)
# The sandbox's: seen where it runs.
_mail = (
    env_merchant.mail()
    if LIVE
    else env_merchant.Mail("django.core.mail.backends.console.EmailBackend")
)
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = _mail.backend, _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starttls, _mail.tls
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _mail.sender

# -- where things are kept -------------------------------------------------------------------------
DATABASES = {"default": base.sqlite(VAR_DIR / "sandbox.sqlite3")}
_database_url = env.live_database_url() if LIVE else os.environ.get("DATABASE_URL", "").strip()
if _database_url:
    DATABASES["default"] = env.database(_database_url, base.ROOT_DIR)
    if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        DATABASES["default"] = base.sqlite(Path(DATABASES["default"]["NAME"]))
CACHES = {
    "default": env.cache(os.environ.get("CACHE_URL", "").strip(), VAR_DIR / "cache" / IAMPORT_MODE)
}

# -- the gateway -----------------------------------------------------------------------------------
IAMPORT_API_URL = os.environ.get("IAMPORT_API_URL", "").strip() or VENDOR_API_URL
IAMPORT_SDK_URL = VENDOR_SDK_URL
BILLING_NOTICE_URL = os.environ.get("BILLING_NOTICE_URL", "").strip()
BILLING_ACCEPT_TEST_CHANNEL = env.flag("BILLING_ACCEPT_TEST_CHANNEL", False)
BILLING_RETURN_WRONG_MONEY = env.flag("BILLING_RETURN_WRONG_MONEY", True)
BILLING_STAFF_MAIL = env.words("BILLING_STAFF_MAIL")
BILLING_WEBHOOK_ADDRESSES = env.words("BILLING_WEBHOOK_ADDRESSES")
