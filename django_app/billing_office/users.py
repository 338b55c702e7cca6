"""Django's own users and groups, in the frame of the back office. A user on whom rows of money or
actions of staff hang is never deleted.

The back office does not register them: a project that wants them puts them in the place of its own.
Its user model must be Django's, or have its columns (AbstractUser).
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth import (
    admin as auth_admin,  # importing it registers Django's pages
)
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from billing.db.permissions import PERSONAL_DATA
from billing.models import (
    Point,
    PointCancellation,
    PointEntry,
    TransactionNote,
    UnmatchedPayment,
)
from billing.support.people import email_address, login_name
from billing_office import audit_log, columns, masking, searching
from billing_office.base import Pages
from billing_office.formatting import badge, moment, points
from billing_office.listing import YES_NO, Column, Filter, Listing, SearchResult


def must_be_kept(user: Any) -> bool:
    """Whether rows of money or actions of staff name this user."""
    return (
        Point.objects.filter(pk=user.pk).exists()
        or PointEntry.objects.filter(by=user).exists()
        or PointCancellation.objects.filter(by=user).exists()
        or TransactionNote.objects.filter(by=user).exists()
        or UnmatchedPayment.objects.filter(by=user).exists()
        or LogEntry.objects.filter(user=user, content_type__app_label="billing").exists()
    )


class UserAdmin(Pages, auth_admin.UserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """Users: Django's form, our list, and a way to the member's page."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ()
    search_fields = ()  # fields that complete a name would tell logins
    change_form_before_template = "billing_office/user_points.html"
    list_columns = [
        Column(gettext_lazy("E-mail"), lambda user: masking.email(email_address(user))),
        Column(gettext_lazy("Rights"), lambda user: _rights(user)),
        Column(gettext_lazy("Joined"), lambda user: columns.time_cell(user.date_joined)),
        Column(gettext_lazy("Last login"), lambda user: columns.time_cell(user.last_login)),
    ]

    def listing(self, request: HttpRequest) -> Listing:
        login = Column(
            gettext_lazy("Login name"),
            self._login_link if request.user.has_perm(PERSONAL_DATA) else _masked_login,
        )
        return Listing(
            request.GET,
            self.get_queryset(request),
            [login, *self.list_columns],
            [
                Filter(
                    "staff", gettext_lazy("Staff"), lambda value: Q(is_staff=value == "yes"), YES_NO
                )
            ],
            search=lambda typed, data: SearchResult(
                Q(pk__in=searching.members(typed)), _("Member")
            ),
            search_hint=gettext_lazy("Login name or e-mail"),
        )

    # A user's own pages (form, history, password, deletion) cannot but show personal data.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and _may_open(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_open(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_open(request, obj)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        add = f"{self.opts.app_label}_{self.opts.model_name}_add"
        more = {"add_url": self.address(add) if self.has_add_permission(request) else ""}
        return super().changelist_view(request, more)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("point")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's form; that personal data were seen here is noted on the member's page."""
        user = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if user is not None:
            account = getattr(user, "point", None)
            more.update(
                account=account,
                balance=points(account.balance if account else 0),
                member_url=columns.member_url(user.pk)
                if request.user.has_perm("billing.view_point")
                else "",
                last_login=moment(user.last_login),
            )
        return _with_access_recorded(
            request, user, super().change_view(request, object_id, form_url, more)
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return _with_access_recorded(
            request,
            self.get_object(request, object_id),
            super().history_view(request, object_id, extra_context),
        )

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        return _with_access_recorded(
            request,
            self.get_object(request, id),
            super().user_change_password(request, id, form_url),
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's page for whoever nothing hangs on; else a word why not, without listing a
        member's every payment.
        """
        user = self.get_object(request, object_id)
        if user is not None and self.has_delete_permission(request, user) and must_be_kept(user):
            words = _(
                "%(user)s cannot be deleted: rows of money or deeds of staff name this user. "
                "Use “The member leaves” on the member's page."
            )
            messages.error(request, words % {"user": login_name(user)})
            return HttpResponseRedirect(self._change_url(user))
        return _with_access_recorded(
            request, user, super().delete_view(request, object_id, extra_context)
        )

    def _change_url(self, user: Any) -> str:
        return self.address(f"{self.opts.app_label}_{self.opts.model_name}_change", user.pk)

    def _login_link(self, user: Any) -> Any:
        return format_html(
            '<a class="bo-link" href="{}">{}</a>', self._change_url(user), _masked_login(user)
        )


def _may_open(request: HttpRequest, user: Any) -> bool:
    return user is None or request.user.has_perm(PERSONAL_DATA)


def _with_access_recorded(request: HttpRequest, user: Any, response: HttpResponse) -> HttpResponse:
    """The page; that personal data were seen on it is noted on the member's page."""
    if user is not None and request.method == "GET" and response.status_code == 200:
        audit_log.record(request, getattr(user, "point", None) or Point(pk=user.pk), "seen")
    return response


def _masked_login(user: Any) -> str:
    return masking.login(login_name(user))


def _rights(user: Any) -> Any:
    if not user.is_active:
        return badge(_("Closed"), "plain", "✕")
    if user.is_superuser:
        return badge(_("Superuser"), "warn", "★")
    return badge(_("Staff"), "info", "◆") if user.is_staff else ""


class GroupAdmin(auth_admin.GroupAdmin, ModelAdmin):
    """Groups of staff."""

    actions = None
