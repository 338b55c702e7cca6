"""What the charge page hands to IMP.request_pay: decided here, never in the browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing.conf import conf
from billing.models import PointTransaction
from billing.web.buyer import buyer_of
from billing.web.forms import won


def request_pay(txn: PointTransaction, request: HttpRequest) -> dict[str, Any]:
    """The parameters of IMP.request_pay for this attempt, as the vendor's SDK documentation names
    them.

    txn may be one that is not saved yet: then every part that can fail has been tried before
    anything is counted or registered. Raises BuyerHookFailed. amount is won, as a number. Points
    are no goods to ship, so digital is true (which pay_method phone requires).
    """
    params: dict[str, Any] = {
        **_channel(txn.pay_method),
        "pay_method": txn.pay_method,
        "merchant_uid": txn.merchant_uid,
        "name": _("Points %(amount)sP") % {"amount": won(txn.amount)},
        "amount": txn.amount,
        "currency": "KRW",
        "language": "en" if (get_language() or "").startswith("en") else "ko",
        "digital": True,
        "m_redirect_url": public_url(request, reverse("billing:complete")),
        **buyer_of(request),
    }
    if notice_url := _notice_url(request):
        params["notice_url"] = notice_url
    if txn.pay_method == "vbank":
        params["vbank_due"] = (
            f"{timezone.localdate() + timedelta(days=conf.BILLING_VBANK_DAYS):%Y%m%d}"
        )
    return params


def public_url(request: HttpRequest, path: str) -> str:
    """`path` as the world sees it: under PUBLIC_URL where that is set, else under the host that was
    asked.
    """
    return f"{conf.PUBLIC_URL}{path}" if conf.PUBLIC_URL else request.build_absolute_uri(path)


def _notice_url(request: HttpRequest) -> str:
    """Where webhooks of this payment go; "": where the console says. The stand-in gateway has no
    console: in sandbox mode it is told.
    """
    if not conf.BILLING_NOTICE_URL and conf.IAMPORT_MODE == "sandbox":
        return public_url(request, reverse("billing:webhook"))
    return conf.BILLING_NOTICE_URL


def _channel(pay_method: str) -> dict[str, str]:
    """The channel configured for this method, else the deprecated but working `pg`."""
    channel = conf.IAMPORT_CHANNELS.get(pay_method)
    return {"channelKey": channel} if channel else {"pg": conf.IAMPORT_PG}
