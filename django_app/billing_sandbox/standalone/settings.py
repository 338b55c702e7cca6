"""Settings of the stand-in alone: no site around it, no settings file, one SQLite database of its
own.

`python -m billing_sandbox` fills in its options; `gunicorn billing_sandbox.standalone.wsgi` reads
these environment variables: SANDBOX_DB (a file, needed there) · SANDBOX_WEBHOOK_URL ·
SANDBOX_IMP_CODE · SANDBOX_IMP_KEY with SANDBOX_IMP_SECRET (default: any).
"""

import os
import secrets

from django.core.exceptions import ImproperlyConfigured

from billing_sandbox.csp import PAGE_POLICY

SANDBOX_ALONE = (
    True  # told to the command and to wsgi.py: nobody serves a whole site with these settings
)
DEBUG = False
APPEND_SLASH = False  # the API takes both
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# Wsgi.py shares one among its processes; it signs the window's forms and nothing that lasts.
SECRET_KEY = secrets.token_urlsafe(50)
ROOT_URLCONF = "billing_sandbox.standalone.urls"
WSGI_APPLICATION = "billing_sandbox.standalone.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = ["billing_sandbox", "django.contrib.staticfiles"]
MIDDLEWARE = [
    "billing_sandbox.middleware.LoopbackOnly",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    # looks at the host name: no foreign page may bind its own name to this machine
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASE_ROUTERS = ["billing_sandbox.router.SandboxRouter"]
DATABASES = {
    "default": {},  # there is none
    "sandbox": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SANDBOX_DB", "").strip() or ":unset:",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,  # seconds
            # Play data: nothing is lost but with the machine's power.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=4000;"
            ),
        },
    },
}

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Seoul"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": PAGE_POLICY}
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        "django.request": {"level": "ERROR"},  # the answers 4xx are what this server is for
    },
}

_retries = int(os.environ.get("SANDBOX_WEBHOOK_RETRIES", "").strip() or 0)  # 0 to 5
# None: whatever a caller sends is right; tokens belong to their key.
SANDBOX = {
    "code": os.environ.get("SANDBOX_IMP_CODE", "").strip() or None,
    "key": os.environ.get("SANDBOX_IMP_KEY", "").strip() or None,
    "secret": os.environ.get("SANDBOX_IMP_SECRET", "").strip() or None,
    "webhook_url": os.environ.get("SANDBOX_WEBHOOK_URL", "").strip(),
    "worker": True,
    "webhook_retries": _retries,
    "webhook_format": os.environ.get("SANDBOX_WEBHOOK_FORMAT", "").strip() or "json",  # or form
    # also beyond this machine
    "webhook_anywhere": os.environ.get("SANDBOX_WEBHOOK_ANYWHERE", "").strip() == "1",
}
if not 0 <= _retries <= 5 or SANDBOX["webhook_format"] not in {"json", "form"}:
    raise ImproperlyConfigured(
        "SANDBOX_WEBHOOK_RETRIES is a number from 0 to 5, SANDBOX_WEBHOOK_FORMAT json or form."
    )
if bool(SANDBOX["key"]) != bool(SANDBOX["secret"]):
    raise ImproperlyConfigured(
        "SANDBOX_IMP_KEY and SANDBOX_IMP_SECRET belong together: set both or neither."
    )
