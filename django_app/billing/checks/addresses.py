"""The addresses that settings name: of the gateway, of the project, of who may deliver; and the
headers of its proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning

from billing.conf import conf
from billing.support.client_ip import parse_network

PROXY_HEADERS = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")


def addresses(wrong: Mapping[str, Any]) -> list[CheckMessage]:
    """What is wrong with them; settings of the wrong type (`wrong`) are said elsewhere."""
    found: list[CheckMessage] = []
    public, notice = conf.PUBLIC_URL, conf.BILLING_NOTICE_URL
    if "PUBLIC_URL" not in wrong and public and not _is_origin(public):
        found.append(
            Error(
                f"PUBLIC_URL is {public!r}: paths that begin with a slash cannot be added to it.",
                hint='Scheme and host alone, as in "https://your.example".',
                id="billing.E026",
            )
        )
    if "BILLING_NOTICE_URL" not in wrong and notice and not _is_address(notice):
        found.append(
            Error(
                f"BILLING_NOTICE_URL is {notice!r}: no webhook can be sent there.",
                hint='The whole address, as in "https://your.example/pay/points/webhook/".',
                id="billing.E027",
            )
        )
    if "TRUSTED_PROXY_HEADERS" not in wrong:
        found += [
            Warning(
                f"TRUSTED_PROXY_HEADERS holds {name!r}, which nobody reads.",
                hint='TRUSTED_PROXY_HEADERS = ["x-forwarded-for"], in small letters.',
                id="billing.W017",
            )
            for name in conf.TRUSTED_PROXY_HEADERS
            if name not in PROXY_HEADERS
        ]
    if "IAMPORT_API_URL" not in wrong and not _is_base(conf.IAMPORT_API_URL):
        found.append(
            Error(
                f"IAMPORT_API_URL is {conf.IAMPORT_API_URL!r}: no gateway can be asked there.",
                hint="An address with the slash at its end, such as https://api.iamport.kr/",
                id="billing.E023",
            )
        )
    unreadable = unreadable_senders(conf.BILLING_WEBHOOK_ADDRESSES)
    if unreadable:
        found.append(
            Error(
                f"BILLING_WEBHOOK_ADDRESSES holds {unreadable[0]}, which is no address: nobody can "
                "deliver from there.",
                hint='A list of addresses and networks: ["52.78.100.19", "52.78.48.0/24"].',
                id="billing.E005",
            )
        )
    return found


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_base(address: str) -> bool:
    """Whether paths can be added to this address."""
    return _is_address(address) and address.endswith("/")


def _is_origin(address: str) -> bool:
    """Whether paths that begin with a slash can be added to this address."""
    return _is_address(address) and address == "{0.scheme}://{0.netloc}".format(urlsplit(address))


def unreadable_senders(entries: Any) -> list[str]:
    """What of this setting is no address and no network."""
    if not isinstance(entries, list | tuple):
        return [repr(entries)]
    found = []
    for entry in entries:
        try:
            parse_network(entry)
        except ValueError:
            found.append(repr(entry))
    return found
