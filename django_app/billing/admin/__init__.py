"""Staff look at money here; nothing can be added, changed or deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.models import Point, PointCancellation, PointEntry, PointTransaction, WebhookEvent


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and details for who may view them. Money moves through managers only."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PointTransaction)
class PointTransactionAdmin(ReadOnlyAdmin):
    list_display = ("merchant_uid", "owner_id", "amount", "cancel_amount", "status", "review", "pay_method", "created_at")
    list_filter = ("status", "review", "pay_method", "test_channel")
    search_fields = ("merchant_uid__exact", "imp_uid__exact")
    ordering = ("-id",)


@admin.register(PointEntry)
class PointEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner_id", "kind", "delta", "txn_id", "key", "created_at")
    list_filter = ("kind",)
    ordering = ("-id",)


@admin.register(PointCancellation)
class PointCancellationAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "imp_uid", "amount", "currency", "state", "created_at")
    list_filter = ("kind", "state")
    ordering = ("-id",)


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "source", "imp_uid", "merchant_uid", "claimed_status", "outcome", "error")
    list_filter = ("outcome", "source")
    search_fields = ("merchant_uid__exact", "imp_uid__exact")
    ordering = ("-id",)


@admin.register(Point)
class PointAdmin(ReadOnlyAdmin):
    list_display = ("user", "point", "balance")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    ordering = ("-user",)
