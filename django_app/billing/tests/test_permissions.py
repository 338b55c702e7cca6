"""The staff's groups: made by migrate, and theirs afterwards."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from billing.db import permissions

pytestmark = pytest.mark.django_db

BILLING = apps.get_app_config("billing")


def has(name):
    found = Permission.objects.filter(group__name=name).values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{codename}" for app, codename in found}


def test_migrate_makes_both_groups():
    assert {name: has(name) for name in permissions.GROUPS} == permissions.GROUPS


def test_what_no_group_has():
    given = set.union(*permissions.GROUPS.values())
    assert not given & {
        permissions.CANCEL_INTO_NEGATIVE,
        permissions.ADJUST,
        permissions.CLAIM_PAYMENT,
        permissions.ANONYMIZE_MEMBER,
    }
    assert not [
        code for code in given if code.split(".")[1].startswith(("add_", "change_", "delete_"))
    ]
    assert permissions.PERSONAL_DATA not in permissions.GROUPS["billing: finance"]
    assert permissions.CANCEL not in permissions.GROUPS["billing: support"]


def test_what_superusers_made_of_a_group_stays():
    group = Group.objects.get(name="billing: support")
    group.permissions.remove(Permission.objects.get(codename="see_personal_data"))
    group.permissions.add(Permission.objects.get(codename="adjust_points"))
    before = has("billing: support")
    permissions.create_groups("default", BILLING)
    assert has("billing: support") == before


def test_a_permission_that_comes_with_an_update_is_added():
    Permission.objects.get(codename="cancel_payment").delete()
    permissions.create_groups("default", BILLING)
    assert permissions.CANCEL in has("billing: finance")
    assert permissions.CANCEL not in has("billing: support")


def test_a_lost_group_comes_back():
    Group.objects.filter(name="billing: finance").delete()
    permissions.create_groups("default", BILLING)
    assert has("billing: finance") == permissions.GROUPS["billing: finance"]
