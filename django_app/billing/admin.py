"""Plain lists of money in Django's admin, for a project without the back office: they show, and
nobody changes anything there. Where `billing_office` shows its own pages, nothing is registered.

What people wrote, names, addresses and accounts are on none of them: here is no permission to see
personal data, and nothing that writes down who looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.admin_site import (
    admin_site,
    admin_url,
    is_discovered_before,
    load_all_admin_modules,
    shows_office,
)
from billing.models import (
    DailyFigures,
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    ReconcileRun,
    UnmatchedPayment,
    WebhookEvent,
)
from billing.web.mode_guard import in_own_mode, refuse_staff

MOST_LISTED = 10_000  # rows that can be turned over page by page; a search finds the others


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than MOST_LISTED: a full count reads the whole ledger for every page."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return len(rows.values_list("pk")[:MOST_LISTED])


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list, newest first and searched exactly, and the page of a row. more: what that page shows
    besides the list's columns.
    """

    more: Sequence[str] = ()

    actions = None
    change_form_template = "billing/admin_row.html"  # without a way to the history
    sortable_by = ()
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count every choice

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        return in_own_mode(super().get_urls(), refuse_staff)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """By what stands in `list_filter` and by nothing else: Django lets any column of the table
        be asked for in the address (`?vbank_num__startswith=1`), which tells it letter by letter.
        """
        return lookup.partition("__")[0] in self.list_filter

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.list_display, *self.more]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """None: what staff of a back office wrote stands in Django's log as they wrote it. Back to
        the row.
        """
        name = f"{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(admin_url(name, object_id, site=self.admin_site))

    def user_number(self, key: Any) -> str:
        """A member's key, with a link to the project's own page of users where there is one."""
        user = get_user_model()
        if not self.admin_site.is_registered(user):
            return str(key)
        name = f"{user._meta.app_label}_{user._meta.model_name}_change"
        return format_html(
            '<a href="{}">{}</a>', admin_url(name, quote(key), site=self.admin_site), key
        )


class PointAdmin(ReadOnlyAdmin):
    list_display = ("balance", "point", "member", "left_at")
    ordering = ("-pk",)
    search_fields = (f"user__{get_user_model().USERNAME_FIELD}__exact",)

    @admin.display(description=_("member"))
    def member(self, point: Point) -> str:
        return self.user_number(point.pk)


class PointTransactionAdmin(ReadOnlyAdmin):
    list_display = (
        "merchant_uid", "status", "amount", "cancel_amount", "review", "member", "created_at",
    )  # fmt: skip
    more = (
        "imp_uid",
        "credited",
        "pay_method",
        "pg_provider",
        "test_channel",
        "paid_at",
        "cancelled_at",
    )
    list_filter = ("status", "review")
    ordering = ("-created_at", "-pk")
    search_fields = ("merchant_uid__exact", "imp_uid__exact")

    @admin.display(description=_("member"))
    def member(self, txn: PointTransaction) -> str:
        return self.user_number(txn.owner_id)


class PointEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "member", "kind", "delta", "txn", "idempotency_key")
    list_filter = ("kind",)
    list_select_related = ("txn",)
    ordering = ("-created_at", "-pk")
    search_fields = ("txn__merchant_uid__exact",)

    @admin.display(description=_("member"))
    def member(self, entry: PointEntry) -> str:
        return self.user_number(entry.owner_id)


class PointCancellationAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "txn", "kind", "amount", "currency", "state", "needs_staff")
    more = ("imp_uid", "tries", "error_code", "closed_at")
    list_filter = ("kind", "state")
    list_select_related = ("txn",)
    ordering = ("-created_at", "-pk")
    search_fields = ("txn__merchant_uid__exact",)


class WebhookEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "merchant_uid", "source", "claimed_status", "outcome", "tries")
    more = ("imp_uid", "error_code", "handled_at", "next_try_at")
    list_filter = ("outcome", "source")
    ordering = ("-received_at", "-pk")
    search_fields = ("merchant_uid__exact", "imp_uid__exact")


class UnmatchedPaymentAdmin(ReadOnlyAdmin):
    list_display = (
        "imp_uid",
        "merchant_uid",
        "amount",
        "currency",
        "status",
        "first_seen",
        "decision",
    )
    more = ("cancel_amount", "pay_method", "pg_provider", "test_channel", "last_seen", "decided_at")
    list_filter = ("decision",)
    ordering = ("-first_seen", "-pk")
    search_fields = ("merchant_uid__exact", "imp_uid__exact")


class ReconcileRunAdmin(ReadOnlyAdmin):
    list_display = ("started", "finished", "name", "watermark", "counts")
    ordering = ("-pk",)

    @admin.display(description=_("result"))
    def counts(self, run: ReconcileRun) -> str:
        """Numbers alone: the sentences beside them may quote the gateway."""
        result = run.result if isinstance(run.result, dict) else {}
        return " · ".join(
            f"{name}: {value}" for name, value in result.items() if type(value) is int
        )


class DailyFiguresAdmin(ReadOnlyAdmin):
    list_display = (
        "day", "pay_method", "attempts", "succeeded", "charged", "cancelled", "spent",
        "given_back", "adjusted", "rolled_up_at",
    )  # fmt: skip
    ordering = ("-day", "pay_method")


PLAIN_LISTS: dict[type[Model], type[ReadOnlyAdmin]] = {
    Point: PointAdmin,
    PointTransaction: PointTransactionAdmin,
    PointEntry: PointEntryAdmin,
    PointCancellation: PointCancellationAdmin,
    WebhookEvent: WebhookEventAdmin,
    UnmatchedPayment: UnmatchedPaymentAdmin,
    ReconcileRun: ReconcileRunAdmin,
    DailyFigures: DailyFiguresAdmin,
}


def register(site: admin.AdminSite) -> None:
    """Show the lists there. What the project has registered itself stays; a second time: nothing
    changes.
    """
    for model, model_admin in PLAIN_LISTS.items():
        if not site.is_registered(model):
            site.register(model, model_admin)


def show_lists() -> None:
    """On the site that BILLING_ADMIN_SITE names, unless the back office shows its pages there."""
    site = admin_site()
    if site is not None and not shows_office(site):
        register(site)


if not is_discovered_before("billing"):  # else the app shows them when it is ready
    load_all_admin_modules()
    show_lists()
