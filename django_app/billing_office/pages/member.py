"""A member's page: balance, attempts, history, and what staff may do: correct the balance, let the
member leave.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.db.routing import primary
from billing.errors import IdempotencyConflict, InsufficientPoints
from billing.models import Point, PointEntry, PointTransaction
from billing_office import audit_log, columns, masking
from billing_office.actions import confirmation
from billing_office.base import MoneyAdmin
from billing_office.formatting import moment, points
from billing_office.forms import AdjustForm
from billing_office.listing import Column, key_of
from billing_office.pages.payment_detail import Deed

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


def member(admin: MoneyAdmin, request: HttpRequest, object_id: str, *, permission: str = "") -> Any:
    """The user of this address, with an account or (never paid) without; 403 or 404 else."""
    if not admin.has_view_permission(request) or (
        permission and not request.user.has_perm(permission)
    ):
        raise PermissionDenied
    users = get_user_model()
    key = key_of(users._meta.pk, object_id)
    found = users._default_manager.filter(pk=key).first() if key is not None else None
    if found is None:
        raise Http404(f"no member {object_id!r}")
    return found


def show(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page; ?full=1 shows personal data in full, to those who may, and notes that they
    looked.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    user = member(admin, request, object_id)
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
        user.get_full_name() if hasattr(user, "get_full_name") else "",
        getattr(user, user.get_email_field_name(), ""),
    )
    listed = [
        *ENTRIES[:3],
        Column(ENTRIES[3].label, partial(columns.entry_source, in_full=in_full)),
        *ENTRIES[4:],
    ]
    context = {
        "title": _("Member %(name)s") % {"name": masking.login(user.get_username())},
        "account": account,
        "balance": points(account.balance),
        "facts": [
            (
                _("Login name"),
                user.get_username() if in_full else masking.login(user.get_username()),
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
        "staff": audit_log.lines(account, in_full=in_full),
        "deeds": _deeds(request, user),
        "may_see_all": not in_full and request.user.has_perm(permissions.PERSONAL_DATA),
        "lists": _lists(request, user),
    }
    return admin.page(request, "billing_office/member.html", context)


def _deeds(request: HttpRequest, user: Any) -> list[Deed]:
    offered = [
        (
            permissions.ADJUST,
            Deed(_("Correct the balance"), reverse("admin:billing_point_adjust", args=[user.pk])),
        ),
        (
            permissions.SCRUB,
            Deed(
                _("The member leaves"),
                reverse("admin:billing_point_leave", args=[user.pk]),
                danger=True,
            ),
        ),
    ]
    return [
        deed
        for permission, deed in offered
        if request.user.has_perm(permission) and (user.is_active or permission != permissions.SCRUB)
    ]


def _lists(request: HttpRequest, user: Any) -> list[tuple[str, str]]:
    models = [(_("All transactions"), "pointtransaction"), (_("All entries"), "pointentry")]
    return [
        (words, f"{reverse(f'admin:billing_{name}_changelist')}?member={user.pk}")
        for words, name in models
    ]


# -- correct the balance ---------------------------------------------------------------------------


def _adjusted(request: HttpRequest, user: Any, found: dict[str, Any]) -> PointEntry:
    """The entry, written down where this made it: the same form sent twice is one deed."""
    wanted = {
        "user": user,
        "delta": found["points"],
        "idempotency_key": found["key"],
        "reason": found["reason"],
        "by": request.user,
    }
    same = primary(PointEntry).filter(
        owner_id=user.pk,
        kind=PointEntry.Kind.ADJUST,
        idempotency_key=found["key"],
        delta=found["points"],
    )
    if same.exists():
        return Point.objects.adjust(**wanted)
    with audit_log.logged_action(
        request,
        Point(pk=user.pk),
        "adjust",
        points=found["points"],
        note=found["reason"],
        key=found["key"],
        result="done",
    ):
        return Point.objects.adjust(**wanted)


def adjust(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Correct a balance by an entry of its own, with a reason."""
    user = member(admin, request, object_id, permission=permissions.ADJUST)
    balance = Point.objects.balance_of(user)
    back = columns.member_url(user.pk)

    def act(found: dict[str, Any]) -> confirmation.Told:
        try:
            entry = _adjusted(request, user, found)
        except InsufficientPoints as error:
            words = _(
                "The balance would fall below zero: %(missing)s are missing. Nothing was changed."
            )
            return messages.ERROR, words % {"missing": points(error.missing)}
        except IdempotencyConflict:
            return messages.ERROR, _(
                "This form has been used already, for another number of points. Nothing was "
                "changed."
            )
        return messages.SUCCESS, _("The balance was corrected by %(points)s.") % {
            "points": points(entry.delta, signed=True)
        }

    def explain(found: dict[str, Any]) -> list[str]:
        change = {
            "points": points(found["points"], signed=True),
            "before": points(balance),
            "after": points(balance + found["points"]),
        }
        said = [
            _("An entry of %(points)s is written: %(before)s become %(after)s.") % change,
            _(
                "Entries are never changed or deleted; a mistake is corrected by another "
                "entry. No money moves at the gateway."
            ),
            _("The reason stays with it: “%(note)s”") % {"note": found["reason"]},
        ]
        if balance + found["points"] < 0:
            said.insert(1, _("The balance would fall below zero, so it will be refused."))
        return said

    return confirmation.walk(
        admin,
        request,
        title=_("Correct the balance"),
        make_form=lambda data: AdjustForm(data, initial={"key": str(uuid.uuid4())}),
        explain=explain,
        act=act,
        button=_("Correct it"),
        back=back,
        about=[(_("Member"), masking.login(user.get_username())), (_("Balance"), points(balance))],
        danger=True,
    )
