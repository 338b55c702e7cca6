"""What the fixtures of the gateway are made of: a clock that stands still, and a token."""

from __future__ import annotations

from django.conf import settings
from django.test import Client

START = 1_790_000_000  # 2026-09-21 22:13:20 in Korea


class Clock:
    """The machine's unix seconds, which move only when told; the gateway's own clock may be ahead
    of them.
    """

    now = START

    def advance(self, seconds: int) -> None:
        self.now += seconds


def token(client: Client) -> str:
    """A running access token."""
    keys = {"imp_key": settings.SANDBOX["key"], "imp_secret": settings.SANDBOX["secret"]}
    answer = client.post("/sandbox/api/users/getToken", keys, content_type="application/json")
    return str(answer.json()["response"]["access_token"])
