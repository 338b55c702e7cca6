"""What all pages of the back office have in common: nobody edits money, and everything is asked for
a permission.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.db.models.options import Options
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from billing.admin_site import admin_url
from billing.db import permissions
from billing.db.routing import write_alias
from billing.support.non_atomic import non_atomic
from billing.web.mode_guard import in_own_mode, refuse_staff
from billing_office import audit_log
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
            "export_links": self.export_links(request, listing),
            "title": self.opts.verbose_name_plural,
            "opts": self.opts,
        }
        return self.page(request, self.list_template, {**context, **(extra_context or {})})

    def export_links(self, request: HttpRequest, listing: Listing) -> list[tuple[str, str]]:
        """(words, address) of what this list can be exported to."""
        return []

    def address(self, name: str, *args: Any) -> str:
        """The address of a page of this site: admin.address("billing_point_change", 7)."""
        return admin_url(name, *args, site=self.admin_site)

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


class HasAddress(Protocol):
    """What adds a page below a list or a row: every StaffAction (actions/staff_action.py) does."""

    def url_pattern(self, admin: MoneyAdmin, /) -> URLPattern: ...


class MoneyAdmin(Pages, ModelAdmin):
    """Lists and pages for who may view them. Money moves through managers only, whoever asks: also
    for superusers there is no form.

    detail_page: the page of one row; None: it has none. staff_actions: what staff do with a row,
    or with the list. sheet: what an export of the list holds; None: it has none.
    """

    detail_page: View | None = None
    staff_actions: Sequence[HasAddress] = ()
    sheet: export.Sheet | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def check_permission(self, request: HttpRequest, permission: str = "") -> None:
        """403 for who may not see this list, or does not hold `permission`."""
        if not self.has_view_permission(request) or (
            permission and not request.user.has_perm(permission)
        ):
            raise PermissionDenied

    # -- addresses --

    def get_urls(self) -> list[URLPattern]:
        """Actions have addresses of their own: Django wraps its change page's POST in a
        transaction, in which nothing may ask the gateway.
        """
        own = [action.url_pattern(self) for action in self.staff_actions]
        if self.sheet is not None:
            own.append(
                path(
                    "export/<slug:kind>/",
                    self.admin_site.admin_view(self.export_view),
                    name=f"{self._url_prefix}_export",
                )
            )
        return non_atomic(in_own_mode(own + super().get_urls(), refuse_staff))

    @property
    def _url_prefix(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    @property
    def list_url(self) -> str:
        return self.address(f"{self._url_prefix}_changelist")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one row; rows without one have only the list."""
        view = type(self).detail_page
        if view is None:
            if request.method not in ("GET", "HEAD"):
                return HttpResponseNotAllowed(["GET", "HEAD"])
            self.row(request, object_id)
            return HttpResponseRedirect(self.list_url)
        return view(self, request, object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The time line is on the page itself."""
        return self.change_view(request, object_id)

    # -- rows --

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
        self.check_permission(request, permission)
        key = key_of(self.opts.pk, object_id)
        rows = self.get_queryset(request) if rows is None else rows
        row: Model | None = (
            rows.using(write_alias(rows.model)).filter(pk=key).first() if key is not None else None
        )
        if row is None:
            raise Http404(f"no {self.opts.verbose_name} {object_id!r}")
        return row

    def member(self, request: HttpRequest, object_id: str, *, permission: str = "") -> Any:
        """The user of this address, with an account or (never paid) without; 403 or 404 else."""
        self.check_permission(request, permission)
        users = get_user_model()
        key = key_of(users._meta.pk, object_id)
        user = users._default_manager.filter(pk=key).first() if key is not None else None
        if user is None:
            raise Http404(f"no member {object_id!r}")
        return user

    # -- export --

    def export_links(self, request: HttpRequest, listing: Listing) -> list[tuple[str, str]]:
        if self.sheet is None or not request.user.has_perm(permissions.FIGURES):
            return []
        name = f"{self._url_prefix}_export"
        return [
            (kind.upper(), f"{self.address(name, kind)}{listing.first}")
            for kind in export.offered_formats()
        ]

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """The list of this address as a file. 403 without the permission, 404 for an unknown
        format; back to the list, with why, where a filter was refused or the rows are too many for
        one sheet.
        """
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if self.sheet is None or kind not in export.FORMATS:
            raise Http404
        self.check_permission(request, permissions.FIGURES)
        listing = self.listing(request)
        if problem := export.problem(listing, kind):
            messages.error(request, problem)
            return HttpResponseRedirect(f"{self.list_url}{listing.first}")
        in_full = request.user.has_perm(permissions.PERSONAL_DATA)
        filters = export.filters_for_the_log(listing)
        audit_log.record_export(request, self.model, kind=kind, full=in_full, filters=filters)
        return export.list_as_file(listing, self.sheet, kind, in_full=in_full)
