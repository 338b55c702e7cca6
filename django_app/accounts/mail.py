"""Whether mail leaves this site: one without a mail server says so, and offers no reset."""

from __future__ import annotations

from django.conf import settings

from billing.conf import NO_MAIL


def mail_works() -> bool:
    """Whether EMAIL_BACKEND sends."""
    return bool(settings.EMAIL_BACKEND != NO_MAIL)
