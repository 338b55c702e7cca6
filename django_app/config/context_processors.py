"""What the pages around accounts know."""

from typing import Any

from django.http import HttpRequest

from accounts.mail import mail_works


def mail(request: HttpRequest) -> dict[str, Any]:
    """`mail_works`: whether this site can send mail at all."""
    return {"mail_works": mail_works()}
