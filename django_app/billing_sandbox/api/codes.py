"""Codes of Korean banks and card companies (KFTC's, public knowledge), and this gateway's
channels.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from billing_sandbox.api.entry_point import door
from billing_sandbox.engine import processor
from billing_sandbox.envelope import Refusal
from billing_sandbox.parsing import Fields

BANKS = {
    "002": "KDB산업은행", "003": "IBK기업은행", "004": "KB국민은행", "007": "수협은행",
    "011": "NH농협은행",
    "012": "지역농축협",
    "020": "우리은행", "023": "SC제일은행", "027": "한국씨티은행", "031": "iM뱅크",
    "032": "부산은행", "034": "광주은행",
    "035": "제주은행",
    "037": "전북은행", "039": "경남은행", "045": "새마을금고", "048": "신협", "050": "저축은행",
    "054": "HSBC은행",
    "055": "도이치은행",
    "057": "JP모간체이스은행", "060": "BOA은행", "062": "중국공상은행", "064": "산림조합중앙회",
    "071": "우체국",
    "081": "하나은행",
    "088": "신한은행", "089": "케이뱅크", "090": "카카오뱅크", "092": "토스뱅크",
    "209": "유안타증권", "218": "KB증권",
    "238": "미래에셋증권",
    "240": "삼성증권", "243": "한국투자증권", "247": "NH투자증권", "261": "교보증권",
    "263": "현대차증권", "264": "키움증권",
    "266": "SK증권", "267": "대신증권", "269": "한화투자증권", "270": "하나증권",
    "278": "신한투자증권", "279": "DB금융투자",
    "280": "유진투자증권", "287": "메리츠증권",
}  # fmt: skip
CARDS = {
    "041": "우리카드", "071": "우체국카드", "089": "케이뱅크카드", "090": "카카오뱅크카드",
    "361": "BC카드", "364": "광주카드",
    "365": "삼성카드", "366": "신한카드", "367": "현대카드", "368": "롯데카드", "369": "수협카드",
    "370": "씨티카드",
    "371": "NH카드",
    "372": "전북카드", "373": "제주카드", "374": "하나카드", "381": "KB국민카드",
}  # fmt: skip
CHANNELS = {
    "channel-key-00000000-0000-4000-8000-000000000001": ("html5_inicis", "INIpayTest"),
    "channel-key-00000000-0000-4000-8000-000000000002": ("tosspayments", "iamporttest_4"),
    "channel-key-00000000-0000-4000-8000-000000000003": ("settle", "settletest"),
    "channel-key-00000000-0000-4000-8000-000000000004": ("kakaopay", "TC0ONETIME"),
}


def channel(key: str) -> str:
    """provider.MID behind a channel key. A key of your own console is not known here: a newer
    processor stands behind it.
    """
    known = CHANNELS.get(key)
    return ".".join(known) if known else processor.CHANNEL_PG


def _banks(request: HttpRequest, fields: Fields) -> list[dict[str, str]]:
    return [{"code": code, "name": name} for code, name in BANKS.items()]


def _cards(request: HttpRequest, fields: Fields) -> list[dict[str, str]]:
    return [{"code": code, "name": name} for code, name in CARDS.items()]


def _bank(request: HttpRequest, fields: Fields, code: str) -> dict[str, str]:
    return _one(BANKS, code)


def _card(request: HttpRequest, fields: Fields, code: str) -> dict[str, str]:
    return _one(CARDS, code)


def _one(known: dict[str, str], code: str) -> dict[str, str]:
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
        for key, (provider, mid) in CHANNELS.items()
    ]


banks = door(GET=_banks)
bank = door(GET=_bank)
cards = door(GET=_cards)
card = door(GET=_card)
channels = door(GET=_channels)
