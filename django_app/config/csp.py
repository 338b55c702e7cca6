"""What browsers may do with our pages: the Content-Security-Policy of each kind of page, and the
Permissions-Policy.

Payers' pages are strict: no script, style or frame but our own and, in live mode, the gateway's.
The admin's theme needs inline styles and evaluated expressions, so pages under /admin/ have a
policy of their own; nothing else has.

The gateway publishes no list of its hosts: `Hosts` holds what shops that use it let in. A payment
company may need more, so try the policy in report-only first (DJANGO_CSP_REPORT_ONLY=1) and look at
what browsers would have blocked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

Directives = dict[str, Any]


@dataclass(frozen=True)
class Hosts:
    """Foreign origins that a charge page needs, each as a source of CSP: https://host or
    https://*.host.

    sdk: where the script comes from. windows: what it frames, and where its forms go. calls: what
    it talks to besides. companies and company_scripts: the payment companies' own windows and
    scripts.
    """

    sdk: str
    windows: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    payment_hosts: tuple[str, ...] = ()
    payment_script_hosts: tuple[str, ...] = ()

    @property
    def framed(self) -> tuple[str, ...]:
        """Whose pages may stand in a frame of ours."""
        return (*self.windows, *self.payment_hosts)


NOBODY = Hosts(sdk="")
CLOSED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "usb",
)
# A payment company's window may ask for a passkey.
SHARED = (
    "payment",
    "publickey-credentials-get",
)


def pages(hosts: Hosts = NOBODY, *, report_uri: str = "") -> Directives:
    """The policy of every page outside the admin. hosts: whom live mode lets in; report_uri: where
    browsers send what they blocked.
    """
    sdk = (hosts.sdk,) if hosts.sdk else ()
    directives: Directives = {
        "default-src": [NONE],
        "script-src": [SELF, *sdk, *hosts.payment_script_hosts],
        "style-src": [SELF, *sdk],
        "img-src": [SELF, *sdk],
        "connect-src": [SELF, *hosts.framed, *hosts.calls],
        # Our own frame is the sandbox's window, and there is none in live mode.
        "frame-src": list(hosts.framed) or [SELF],
        "form-action": [SELF, *hosts.framed],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
    if report_uri:
        directives["report-uri"] = [report_uri]
    return directives


ADMIN: Directives = {
    "default-src": [NONE],
    "script-src": [SELF, UNSAFE_INLINE, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF, "data:"],
    "connect-src": [SELF],
    "frame-src": [SELF],
    "form-action": [SELF],
    "manifest-src": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


def permissions(hosts: Hosts = NOBODY) -> str:
    """The Permissions-Policy: what a payment has no use for is closed, what it may need is ours and
    the gateway's.
    """
    ours = " ".join(["self", *(f'"{host}"' for host in hosts.framed)])
    return ", ".join(
        [
            *(f"{name}=()" for name in CLOSED),
            *(f"{name}=({ours})" for name in SHARED),
            "clipboard-write=(self)",
        ]
    )


def origin_of(address: str) -> str:
    """Scheme and host of an absolute address; "" for a path of our own."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
