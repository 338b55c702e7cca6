"""Settings of the live mode: real money. The default of manage.py and of the servers."""

from typing import Any

from config import csp, env
from config.settings import served
from config.settings.base import (
    CONTENT_SECURITY_POLICY_REPORT_ONLY,
    IAMPORT_CALL_HOSTS,
    IAMPORT_PG_HOSTS,
    IAMPORT_PG_SCRIPT_HOSTS,
    IAMPORT_WINDOW_HOSTS,
)
from config.settings.inheritance import settings_of
from config.settings.served import IAMPORT_API_URL, IAMPORT_SDK_URL

globals().update(settings_of(served))
env.require_mode("live")

if not IAMPORT_API_URL.startswith("https://") or IAMPORT_API_URL == "https://":
    raise env.ConfigurationError(
        "IAMPORT_API_URL must begin with https:// in live mode: keys and money facts travel there."
    )
_hosts = csp.Hosts(
    sdk=csp.origin_of(IAMPORT_SDK_URL),
    windows=tuple(IAMPORT_WINDOW_HOSTS),
    calls=tuple(IAMPORT_CALL_HOSTS),
    payment_hosts=tuple(env.hosts("IAMPORT_PG_HOSTS", IAMPORT_PG_HOSTS)),
    payment_script_hosts=tuple(env.hosts("IAMPORT_PG_SCRIPT_HOSTS", IAMPORT_PG_SCRIPT_HOSTS)),
)
CONTENT_SECURITY_POLICY: dict[str, Any] | None = {
    "DIRECTIVES": csp.pages(_hosts, report_uri=env.address("DJANGO_CSP_REPORT_URI"))
}
if env.flag("DJANGO_CSP_REPORT_ONLY", False):
    CONTENT_SECURITY_POLICY_REPORT_ONLY = CONTENT_SECURITY_POLICY
    CONTENT_SECURITY_POLICY = None
PERMISSIONS_POLICY = csp.permissions(_hosts)
SECURE_CROSS_ORIGIN_OPENER_POLICY = (
    "same-origin-allow-popups"  # a payment company's pop-up answers the page that opened it
)

if not IAMPORT_API_URL.endswith("/"):
    IAMPORT_API_URL += "/"
