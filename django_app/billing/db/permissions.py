"""Who of the staff may do what: two groups, made by migrate. What no group has belongs to
superusers, and may be granted by them.

A group that exists keeps what superusers made of it; only permissions that are new with an update
are added to it.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.management import create_permissions
from django.db import connections, transaction

PERSONAL_DATA = "billing.see_personal_data"
ASK = "billing.ask_gateway"  # and replay a delivery, which asks it too
CANCEL = "billing.cancel_payment"  # and settle a cancel, close an account, resolve a review
CANCEL_INTO_NEGATIVE = "billing.cancel_into_negative"
CLAIM_PAYMENT = "billing.adopt_payment"  # and say that an unmatched payment is not ours
ADJUST = "billing.adjust_points"
ANONYMIZE_MEMBER = "billing.scrub_member"
FIGURES = "billing.view_dailyfigures"  # dashboard, export, the month's close

_LISTS = (
    "point",
    "pointtransaction",
    "pointentry",
    "pointcancellation",
    "webhookevent",
    "reconcilerun",
    "unmatchedpayment",
)
_BOTH = {*(f"billing.view_{model}" for model in _LISTS), ASK}

GROUPS = {
    "billing: support": _BOTH | {PERSONAL_DATA},
    "billing: finance": _BOTH | {CANCEL, FIGURES},
}


def create_groups(alias: str, app: AppConfig) -> None:
    """Make the groups on this database. A second time: nothing changes, unless permissions are new
    since.
    """
    permissions, groups = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    if not {groups._meta.db_table, permissions._meta.db_table} <= set(
        connections[alias].introspection.table_names()
    ):
        return  # another database, or not migrated as far as that
    existing = permissions.objects.using(alias).filter(content_type__app_label="billing")
    known = set(existing.values_list("pk", flat=True))
    # Django's own receiver may come after this one.
    create_permissions(app, verbosity=0, using=alias)
    billing_permissions: dict[str, Any] = {
        f"billing.{permission.codename}": permission
        for permission in permissions.objects.using(alias).filter(content_type__app_label="billing")
    }
    with transaction.atomic(using=alias):
        for name, wanted in GROUPS.items():
            group, is_new = groups.objects.using(alias).get_or_create(name=name)
            added = [
                billing_permissions[code]
                for code in sorted(wanted)
                if is_new or billing_permissions[code].pk not in known
            ]
            if added:
                group.permissions.add(*added)
