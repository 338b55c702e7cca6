"""For a project whose own pages stand in billing's frame (billing/base.html), as this site's
accounts and errors do. Billing's pages need neither.
"""

from typing import Any

from django.http import HttpRequest

from billing.web import page


def mode(request: HttpRequest) -> dict[str, Any]:
    """`sandbox_mode`."""
    return page.mode()


def merchant(request: HttpRequest) -> dict[str, Any]:
    """`merchant` and `terms_url`."""
    return page.merchant()
