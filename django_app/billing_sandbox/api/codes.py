"""GET banks, cards and users/pg: the lists of codes and of channels."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from billing_sandbox.api.entry_point import api_view
from billing_sandbox.engine import bank_codes
from billing_sandbox.engine import channels as gateway_channels
from billing_sandbox.envelope import Refusal
from billing_sandbox.parsing import Fields


def _banks(request: HttpRequest, fields: Fields) -> list[dict[str, str]]:
    return [{"code": code, "name": name} for code, name in bank_codes.BANKS.items()]


def _cards(request: HttpRequest, fields: Fields) -> list[dict[str, str]]:
    return [{"code": code, "name": name} for code, name in bank_codes.CARDS.items()]


def _bank(request: HttpRequest, fields: Fields, code: str) -> dict[str, str]:
    return _find_code(bank_codes.BANKS, code)


def _card(request: HttpRequest, fields: Fields, code: str) -> dict[str, str]:
    return _find_code(bank_codes.CARDS, code)


def _find_code(known: dict[str, str], code: str) -> dict[str, str]:
    if code not in known:
        raise Refusal(404, -1, "존재하지 않는 코드입니다.")
    return {"code": code, "name": known[code]}


def _channels(request: HttpRequest, fields: Fields) -> list[dict[str, Any]]:
    """This gateway plays the live one, so none of its channels is a test channel."""
    return [
        {
            "pg_provider": provider,
            "pg_id": mid,
            "sandbox": False,
            "type": "payment",
            "channel_name": provider,
            "channel_key": key,
        }
        for key, (provider, mid) in gateway_channels.CHANNELS.items()
    ]


banks = api_view(GET=_banks)
bank = api_view(GET=_bank)
cards = api_view(GET=_cards)
card = api_view(GET=_card)
channels = api_view(GET=_channels)
