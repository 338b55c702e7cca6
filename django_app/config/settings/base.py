"""Settings that hold in every mode and in tests. The modules of the modes and of the tests
add keys, databases, cache and hosts.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from config import csp
from config.back_office import UNFOLD  # noqa: F401  (a setting)

APP_DIR = Path(__file__).resolve().parents[2]
ROOT_DIR = APP_DIR.parent

INSTALLED_APPS = [
    "config",  # before billing: see config/apps.py
    "billing",
    "billing_office",
    "accounts",
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces
    "config.admin_site.OfficeConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
]

NO_PROXY = False  # said by DJANGO_TRUSTED_PROXY=none

MIDDLEWARE = [
    "config.middleware.SecurityHeaders",
    "config.middleware.ForwardedHeaders",
    "config.middleware.HealthCheck",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.RejectMalformedRequest",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.maintenance.Maintenance",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [APP_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "billing.web.context_processors.mode",
                "billing.web.context_processors.merchant",
                "config.context_processors.mail",
            ],
        },
    },
]

# -- members ---------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.logins.LoginThrottle",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "billing:charge"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = "billing.web.json_api.csrf_failure"

# Ten wrong passwords for one name from one line within ten minutes, then 429; the admin's login is
# covered too. A line is an IPv4 address or an IPv6 /64. One line over all names, and one name over
# all lines, are held in accounts/logins.py. Counted in the database: exact, and shared by all
# machines.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_CLIENT_IP_CALLABLE = "accounts.throttle.axes_address"
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_out"
AXES_HTTP_RESPONSE_CODE = 429
AXES_VERBOSE = False
# lists of names and addresses that nobody needs: a lock opens by itself after ten minutes
AXES_ENABLE_ADMIN = False

# -- language and time -----------------------------------------------------------------------------
LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds: the choice outlives the browser's session
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Seoul"  # days and months of pages and reports begin there

# -- mail: config/env_merchant.py reads which server sends it --------------------------------------
EMAIL_TIMEOUT = 10  # seconds
EMAIL_SUBJECT_PREFIX = ""

# closes the pages with 503; whatever concerns money under way stays open (config/maintenance.py)
MAINTENANCE = False

# -- static files: found in the apps, served by whitenoise, with or without DEBUG and collectstatic
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

# -- browsers --------------------------------------------------------------------------------------
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY: dict[str, Any] | None = {"DIRECTIVES": csp.pages()}
CONTENT_SECURITY_POLICY_REPORT_ONLY: dict[str, Any] | None = None
PERMISSIONS_POLICY = csp.permissions()
SESSION_COOKIE_SAMESITE = (
    "Lax"  # the return from the gateway is a top-level GET and must carry the session
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "axes": {"level": "WARNING"},
    },
}

# -- the product: billing/conf.py has every setting of it with its default; said here is what this
# site wants otherwise
BILLING_NIGHTLY_COMMANDS = ["prune_attempts"]
BILLING_ANONYMIZE_USER = "accounts.logins.forget"

# The vendor publishes no list of its hosts: these are the ones that shops let in (see
# config/csp.py). A payment company's window and scripts may need more: look in report-only mode
# first.
IAMPORT_WINDOW_HOSTS = [
    "https://service.iamport.kr",
    "https://checkout-service.prod.iamport.co",
    "https://payment-bridge.prod.iamport.co",
]
IAMPORT_CALL_HOSTS = [
    "https://tx-gateway-service.prod.iamport.co",
    "https://coretelemetry.prod.iamport.co",
]
IAMPORT_PG_HOSTS = [
    "https://*.inicis.com",
    "https://*.kcp.co.kr",
    "https://*.tosspayments.com",
    "https://*.kakaopay.com",
]
IAMPORT_PG_SCRIPT_HOSTS: list[str] = []


def sqlite(path: Path) -> dict[str, Any]:
    """Django's settings for a SQLite file that holds money.

    IMMEDIATE makes the transaction itself the lock (two readers that both want to write would fail
    otherwise). FULL: what was committed before a request went out must survive a power cut.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,  # seconds
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
