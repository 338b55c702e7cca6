"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def mode(request: HttpRequest) -> dict[str, Any]:
    """`sandbox_mode`: whether this site plays with the stand-in gateway."""
    return {"sandbox_mode": settings.IAMPORT_MODE == "sandbox"}
