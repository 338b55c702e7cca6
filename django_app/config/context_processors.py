"""What the pages around accounts know."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from config.env_merchant import NO_MAIL


def mail(request: HttpRequest) -> dict[str, Any]:
    """`mail_works`: whether this site can send mail at all."""
    return {"mail_works": settings.EMAIL_BACKEND != NO_MAIL}
