"""What the gateway is told about the buyer. A project with better facts names its own function in
BILLING_BUYER.
"""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest
from django.utils.module_loading import import_string

from billing.conf import conf
from billing.support.people import email_address, full_name, login_name

logger = logging.getLogger(__name__)


class BuyerHookFailed(Exception):
    """The project's BILLING_BUYER raised, or returned something that is no mapping. The text names
    the hook.
    """


def facts(request: HttpRequest) -> dict[str, str]:
    """The default hook: `buyer_name` and `buyer_email` of Django's user, `buyer_tel` as typed on
    the charge page (kept in the session).

    A hook takes the request of a logged-in member and returns any of buyer_name, buyer_email,
    buyer_tel, buyer_addr, buyer_postcode. Empty values are not sent. It must not raise and should
    not query: a hook that raises lets no payment begin. A user model need not have get_full_name or
    an e-mail field.
    """
    user: Any = request.user
    return {
        "buyer_name": full_name(user) or login_name(user),
        "buyer_email": email_address(user),
        "buyer_tel": request.session.get("buyer_tel", ""),
    }


# Longest values the gateway takes, by its specification.
_LIMITS = {
    "buyer_name": 16,
    "buyer_email": 64,
    "buyer_tel": 16,
    "buyer_addr": 128,
    "buyer_postcode": 8,
}


def buyer_of(request: HttpRequest) -> dict[str, str]:
    """The hook's facts as `request_pay` parameters: known keys, not empty, within the gateway's
    lengths.

    A name that is too long is cut; a longer e-mail or telephone is left out, because half of one
    reaches somebody else. Raises BuyerHookFailed, and logs why, where the hook raises or returns no
    mapping.
    """
    try:
        told = import_string(conf.BILLING_BUYER)(request)
        return {
            key: str(told[key])[:limit]
            for key, limit in _LIMITS.items()
            if told.get(key)
            and (key in {"buyer_name", "buyer_addr"} or len(str(told[key])) <= limit)
        }
    except Exception as error:  # whatever a project's function raises or returns
        logger.exception("BILLING_BUYER (%s) failed: no payment can begin", conf.BILLING_BUYER)
        raise BuyerHookFailed(conf.BILLING_BUYER) from error
