"""For a project's setting UNFOLD: the back office's side bar, and what says that this is play
money.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext as _

from billing.admin_site import admin_site, admin_url
from billing.conf import conf
from billing.db import permissions
from billing.models import UnmatchedPayment

MOST_COUNTED = 99  # that a badge counts


def environment(request: HttpRequest) -> list[str] | None:
    """A label in the head of every page, in sandbox mode."""
    return [_("Sandbox: play money"), "warning"] if conf.IAMPORT_MODE == "sandbox" else None


def _unmatched(request: HttpRequest) -> str:
    """How many payments wait for somebody's decision, for those who see their list; "" where none
    does. At most MOST_COUNTED are counted.
    """
    if not request.user.has_perm("billing.view_unmatchedpayment"):
        return ""
    # Costs MOST_COUNTED rows at most.
    number = len(
        UnmatchedPayment.objects.waiting().order_by().values_list("pk")[: MOST_COUNTED + 1]
    )
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else f"{number or ''}"


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links; what somebody may not see is left out."""

    def link(title: str, icon: str, name: str, permission: str, **more: str) -> dict[str, Any]:
        return {
            **{name: value for name, value in more.items() if value},
            "title": title,
            "icon": icon,
            "link": admin_url(name),
            "permission": lambda request: request.user.has_perm(permission),
        }

    site, accounts = admin_site(), []
    for model, title, icon in (
        (get_user_model(), _("Users"), "person"),
        (Group, _("Groups"), "badge"),
    ):
        if site is not None and site.is_registered(model):
            label, name = model._meta.app_label, model._meta.model_name
            accounts.append(link(title, icon, f"{label}_{name}_changelist", f"{label}.view_{name}"))
    return [
        {
            "items": [
                link(
                    _("Overview"),
                    "monitoring",
                    "billing_dailyfigures_overview",
                    permissions.FIGURES,
                ),
                link(
                    _("Month's close"),
                    "calendar_month",
                    "billing_dailyfigures_changelist",
                    permissions.FIGURES,
                ),
            ]
        },
        {
            "title": _("Money"),
            "items": [
                link(
                    _("Transactions"),
                    "receipt_long",
                    "billing_pointtransaction_changelist",
                    "billing.view_pointtransaction",
                ),
                link(
                    _("Cancels and returns"),
                    "undo",
                    "billing_pointcancellation_changelist",
                    "billing.view_pointcancellation",
                ),
                link(
                    _("Ledger"),
                    "list_alt",
                    "billing_pointentry_changelist",
                    "billing.view_pointentry",
                ),
                link(
                    _("Members' points"), "group", "billing_point_changelist", "billing.view_point"
                ),
                link(
                    _("Deliveries"),
                    "mark_email_read",
                    "billing_webhookevent_changelist",
                    "billing.view_webhookevent",
                ),
                link(
                    _("Unmatched payments"),
                    "help",
                    "billing_unmatchedpayment_changelist",
                    "billing.view_unmatchedpayment",
                    badge=_unmatched(request),
                ),
                link(
                    _("Reconcile runs"),
                    "sync",
                    "billing_reconcilerun_changelist",
                    "billing.view_reconcilerun",
                ),
                link(
                    _("Adopt a payment"),
                    "playlist_add",
                    "billing_pointtransaction_adopt",
                    permissions.CLAIM_PAYMENT,
                ),
            ],
        },
        {"title": _("Accounts"), "items": accounts},
    ]
