"""What all pages of the back office have in common: nobody edits money, and everything is asked for
a permission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.db.models.options import Options
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from billing.db.routing import write_alias
from billing.support.non_atomic import non_atomic
from billing_office.exports import export
from billing_office.listing import Listing, key_of

View = Callable[..., HttpResponse]


class Pages:
    """Lists of ours instead of Django's, and pages in the back office's frame. For a ModelAdmin."""

    admin_site: AdminSite
    opts: Options[Any]
    list_template = "billing_office/list.html"
    actions: Any = None

    def listing(self, request: HttpRequest) -> Listing:
        """The list as the address asks for it; its `queryset` holds all rows that fit, in order."""
        raise NotImplementedError

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Django's own, which asks the database for any number: SQLite fails on one that is too
        long. None for what cannot be a key.
        """
        field = self.opts.pk if from_field is None else self.opts.get_field(from_field)
        if key_of(field, object_id) is None:  # type: ignore[arg-type]
            return None
        return super().get_object(request, object_id, from_field)  # type: ignore[misc]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        listing = self.listing(request)
        context = {
            "listing": listing,
            "files": self.files(request, listing),
            "title": self.opts.verbose_name_plural,
            "opts": self.opts,
        }
        return self.page(request, self.list_template, {**context, **(extra_context or {})})

    def files(self, request: HttpRequest, listing: Listing) -> list[tuple[str, str]]:
        """(words, address) of what this list can be exported to."""
        return []

    def page(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> TemplateResponse:
        """A page in the back office's frame, whose head leads back to the list."""
        request.current_app = self.admin_site.name
        frame = {
            **self.admin_site.each_context(request),
            "model_admin": self,
            "app_label": self.opts.app_label,
        }
        return TemplateResponse(request, template, {**frame, **context})


class MoneyAdmin(Pages, ModelAdmin):
    """Lists and pages for who may view them. Money moves through managers only, whoever asks: also
    for superusers there is no form.

    detail: the page of one row. acts: views below a row's address, by name, called as (admin,
    request, object_id). sheet: what an export of the list holds; None: it has none.
    """

    detail: View | None = None
    acts: Mapping[str, View] = {}
    sheet: export.Sheet | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # -- addresses --

    def get_urls(self) -> list[URLPattern]:
        """Acts have addresses of their own: Django wraps its change page's POST in a transaction,
        in which nothing may ask the gateway.
        """
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path(
                f"<str:object_id>/{name.replace('_', '-')}/",
                self.admin_site.admin_view(partial(view, self)),
                name=f"{prefix}_{name}",
            )
            for name, view in self.acts.items()
        ]
        if self.sheet is not None:
            own.append(
                path(
                    "export/<slug:kind>/",
                    self.admin_site.admin_view(partial(export.send, self)),
                    name=f"{prefix}_export",
                )
            )
        return non_atomic(own + super().get_urls())

    def files(self, request: HttpRequest, listing: Listing) -> list[tuple[str, str]]:
        return export.links(self, request, listing)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one row; rows without one have only the list."""
        view = type(self).detail
        if view is None:
            if request.method not in ("GET", "HEAD"):
                return HttpResponseNotAllowed(["GET", "HEAD"])
            self.row(request, object_id)
            return HttpResponseRedirect(
                reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            )
        return view(self, request, object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The time line is on the page itself."""
        return self.change_view(request, object_id)

    def row(
        self,
        request: HttpRequest,
        object_id: str,
        rows: QuerySet[Any] | None = None,
        *,
        permission: str = "",
    ) -> Any:
        """The row of this address, for somebody who may see it and holds `permission`; 403 or 404
        else.
        """
        if not self.has_view_permission(request) or (
            permission and not request.user.has_perm(permission)
        ):
            raise PermissionDenied
        key = key_of(self.opts.pk, object_id)
        rows = self.get_queryset(request) if rows is None else rows
        found: Model | None = (
            rows.using(write_alias(rows.model)).filter(pk=key).first() if key is not None else None
        )
        if found is None:
            raise Http404(f"no {self.opts.verbose_name} {object_id!r}")
        return found
