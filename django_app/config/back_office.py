"""How the back office looks: settings of django-unfold. What it shows is in billing_office/."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _


def _style(request: HttpRequest) -> str:
    return static("billing_office/back-office.css")


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The back office's, whose overview is the first page here: for everybody, as it leads on."""
    from billing.admin_site import admin_url  # models are loaded by now
    from billing_office import navigation

    groups = navigation.sidebar(request)
    overview, *others = groups[0]["items"]
    first = {"title": overview["title"], "icon": overview["icon"], "link": admin_url("index")}
    return [{"items": [first, *others]}, *groups[1:]]


def _icon(request: HttpRequest) -> str:
    return static("billing/icon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Back office"),
    "SITE_HEADER": _("Back office"),
    "SITE_SYMBOL": "account_balance_wallet",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SITE_URL": "/",
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [_style],
    "ENVIRONMENT": "billing_office.navigation.environment",
    "DASHBOARD_CALLBACK": "billing_office.pages.overview.context",
    "SIDEBAR": {"show_search": False, "navigation": "config.back_office.sidebar"},
    "BORDER_RADIUS": "8px",
    # The site's own colours: grounds, lines and text of look and feel like the members' pages.
    "COLORS": {
        "base": {
            "50": "#F5F6F8", "100": "#ECEEF2", "200": "#DDE1E7", "300": "#C2C9D3", "400": "#A3ADBA",
            "500": "#667180",
            "600": "#5B6675", "700": "#3A4350", "800": "#2C333D", "900": "#181C22",
            "950": "#0F1216",
        },
        "primary": {
            "50": "#F3F7FF", "100": "#E8F0FE", "200": "#CFE0FD", "300": "#A9C6FB", "400": "#7AA7FF",
            "500": "#7AA7FF",
            "600": "#1F5FD6", "700": "#1A4FB3", "800": "#173F8C", "900": "#1B2A47",
            "950": "#0B1220",
        },
        "font": {
            "subtle-light": "#5B6675", "subtle-dark": "#A3ADBA", "default-light": "#3A4350",
            "default-dark": "#C9D0DA",
            "important-light": "#191F28", "important-dark": "#EDF0F4",
        },
    },
}  # fmt: skip
