"""The back office's site: django-unfold's, with our name for its first page, and without
its 500.
"""

from __future__ import annotations

from typing import Any, cast

from django.contrib.admin.apps import AdminConfig
from django.core.paginator import InvalidPage
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class OfficeConfig(AdminConfig):
    """Django's admin, on that site."""

    default_site = "config.admin_site.OfficeSite"


class OfficeSite(UnfoldAdminSite):
    """Where all pages are registered."""

    index_title = _("Overview")

    def get_urls(self) -> list[Any]:
        """Django's own, without "view on site": no model here has a page of that kind, and its
        address asks the database for any number.
        """
        return [
            pattern
            for pattern in super().get_urls()
            if getattr(pattern, "name", None) != "view_on_site"
        ]

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's own, which lets an old password be guessed for ever."""
        from accounts.views import limit_old_password  # apps are loaded by now

        guarded = limit_old_password(super().password_change)
        return cast(HttpResponse, guarded(request, extra_context))

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Unfold's own, which knows no answer to a page that is no number or lies behind the last:
        the first one is.
        """
        try:
            found: HttpResponse = super().search(request, extra_context)
            return found
        except InvalidPage:
            request.GET = request.GET.copy()  # type: ignore[assignment]
            del request.GET["page"]  # type: ignore[misc]  # a copy is mutable
            found = super().search(request, extra_context)
            return found
