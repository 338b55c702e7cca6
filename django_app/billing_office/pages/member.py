"""A member's page: balance, newest transactions and entries, and what staff may do."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.admin_site import admin_url
from billing.db import permissions
from billing.models import Point, PointEntry, PointTransaction
from billing.support.people import email_address, full_name, login_name
from billing_office import audit_log, columns, masking
from billing_office.actions import registry
from billing_office.base import MoneyAdmin
from billing_office.formatting import moment, points
from billing_office.listing import Column
from billing_office.pages import staff_history

NEWEST = 10  # transactions and entries on the page; the lists have the rest

TRANSACTIONS = [
    Column(gettext_lazy("Payment"), columns.payment_link),
    Column(gettext_lazy("Amount"), columns.amount_cell, numeric=True),
    Column(gettext_lazy("Status"), columns.status_cell),
    Column(gettext_lazy("Began"), lambda txn: columns.time_cell(txn.created_at)),
]
ENTRIES = [
    Column(gettext_lazy("Time"), lambda entry: columns.time_cell(entry.created_at)),
    Column(gettext_lazy("Kind"), lambda entry: entry.get_kind_display()),
    Column(gettext_lazy("Points"), lambda entry: points(entry.delta, signed=True), numeric=True),
    Column(gettext_lazy("From"), columns.entry_source),
    Column(gettext_lazy("By"), lambda entry: columns.done_by(entry, entry.owner_id)),
]


def show(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page; ?full=1 shows personal data in full, to those who may, and notes that they
    looked.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    user = admin.member(request, object_id)
    in_full = request.GET.get("full") == "1"
    if in_full and not request.user.has_perm(permissions.PERSONAL_DATA):
        raise PermissionDenied
    account = Point.objects.filter(pk=user.pk).first() or Point(pk=user.pk)
    if in_full:
        audit_log.record(request, account, "seen")
    newest = PointTransaction.objects.filter(owner_id=user.pk).order_by("-pk")[:NEWEST]
    entries = (
        PointEntry.objects.filter(owner_id=user.pk).select_related("txn").order_by("-pk")[:NEWEST]
    )
    name, mail = (
        full_name(user),
        email_address(user),
    )
    listed = [
        *ENTRIES[:3],
        Column(ENTRIES[3].label, partial(columns.entry_source, in_full=in_full)),
        *ENTRIES[4:],
    ]
    context = {
        "title": _("Member %(name)s") % {"name": masking.login(login_name(user))},
        "account": account,
        "balance": points(account.balance),
        "facts": [
            (
                _("Login name"),
                login_name(user) if in_full else masking.login(login_name(user)),
            ),
            (_("Name"), name if in_full else masking.person_name(name)),
            (_("E-mail"), mail if in_full else masking.email(mail)),
            (_("Joined"), moment(getattr(user, "date_joined", None))),
            (_("Last login"), moment(getattr(user, "last_login", None))),
        ],
        "is_active": user.is_active,
        "newest_title": _("Newest transactions"),
        "newest_columns": TRANSACTIONS,
        "newest": [[(column, column.cell(txn)) for column in TRANSACTIONS] for txn in newest],
        "entries_title": _("Newest entries"),
        "entry_columns": listed,
        "entries": [[(column, column.cell(entry)) for column in listed] for entry in entries],
        "staff": staff_history.lines(account, in_full=in_full),
        "buttons": registry.buttons(request, Point, user),
        "may_see_all": not in_full and request.user.has_perm(permissions.PERSONAL_DATA),
        "lists": _lists(request, user),
    }
    return admin.page(request, "billing_office/member.html", context)


def _lists(request: HttpRequest, user: Any) -> list[tuple[str, str]]:
    models = [(_("All transactions"), "pointtransaction"), (_("All entries"), "pointentry")]
    return [
        (words, f"{admin_url(f'billing_{name}_changelist')}?member={user.pk}")
        for words, name in models
    ]
