"""This gateway's channels: what stands behind a channelKey."""

from __future__ import annotations

from billing_sandbox.engine import processor

CHANNELS = {
    "channel-key-00000000-0000-4000-8000-000000000001": ("html5_inicis", "INIpayTest"),
    "channel-key-00000000-0000-4000-8000-000000000002": ("tosspayments", "iamporttest_4"),
    "channel-key-00000000-0000-4000-8000-000000000003": ("settle", "settletest"),
    "channel-key-00000000-0000-4000-8000-000000000004": ("kakaopay", "TC0ONETIME"),
}


def provider_of_channel(key: str) -> str:
    """provider.MID behind a channel key. A key of your own console is not known here: a newer
    processor stands behind it.
    """
    known = CHANNELS.get(key)
    return ".".join(known) if known else processor.CHANNEL_PG
