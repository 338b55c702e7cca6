"""What the stand-in may be told: the setting SANDBOX, a dictionary in which everything may be left
out. The only reader of it.

Read when used: a test or a project may change it at any time.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings


class SandboxSettings:
    """The entries of SANDBOX, by name. Where the merchant's code and keys are left out, those of
    the project (IAMPORT_CODE, IAMPORT_KEY, IAMPORT_SECRET) are the right ones.
    """

    @property
    def code(self) -> str | None:
        """The only code that IMP.init may name; None: any."""
        return _merchant("code", "IAMPORT_CODE")

    @property
    def key(self) -> str | None:
        """The only REST API key; None: any pair."""
        return _merchant("key", "IAMPORT_KEY")

    @property
    def secret(self) -> str | None:
        """The secret of that key; None: any pair."""
        return _merchant("secret", "IAMPORT_SECRET")

    @property
    def webhook_url(self) -> str:
        """Where webhooks go that name no notice_url, as in the merchant's console; "": nowhere."""
        return str(_given("webhook_url", ""))

    @property
    def worker(self) -> bool:
        """Whether a thread of this process hands out webhooks and does what falls due."""
        return bool(_given("worker", False))

    @property
    def webhook_retries(self) -> int:
        """How often a webhook is tried again after a network error or a 5xx answer, 0 to 5."""
        return int(_given("webhook_retries", 0))

    @property
    def webhook_format(self) -> str:
        """`json` or `form`."""
        return str(_given("webhook_format", "json"))

    @property
    def webhook_anywhere(self) -> bool:
        """Whether webhooks may leave this machine."""
        return bool(_given("webhook_anywhere", False))


def _given(name: str, default: Any) -> Any:
    return getattr(settings, "SANDBOX", {}).get(name, default)


def _merchant(name: str, setting: str) -> str | None:
    return _given(name, getattr(settings, setting, None)) or None


conf = SandboxSettings()
