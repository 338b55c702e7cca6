"""The back office's site: django-unfold's, with our name for its first page, and without its 500."""

from __future__ import annotations

from typing import Any

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

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Unfold's own, which knows no answer to a page that is no number or lies behind the last: the first one is."""
        try:
            return super().search(request, extra_context)
        except InvalidPage:
            request.GET = request.GET.copy()  # type: ignore[assignment]
            del request.GET["page"]
            return super().search(request, extra_context)
