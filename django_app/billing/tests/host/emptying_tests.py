"""Run by test_plugin.py in a project that is not this site: how tests end there. Each kind twice,
because the first one's end is the second one's beginning.
"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test import TestCase, TransactionTestCase

from billing.db import triggers
from billing.models import Installation, Point, PointEntry
from billing.testing import create_member


def as_migrated() -> None:
    """Nothing of another test, everything of migrate."""
    assert PointEntry.objects.count() == Point.objects.count() == 0
    assert triggers.missing_triggers("default") == []
    assert [stamp.mode for stamp in Installation.objects.all()] == ["live"]
    assert set(Group.objects.values_list("name", flat=True)) == {
        "billing: support",
        "billing: finance",
    }


def refused() -> None:
    """The ledger refuses, as in life."""
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM billing_pointentry")


@pytest.mark.parametrize("turn", [1, 2])
def test_rolled_back(turn, charge):
    as_migrated()
    charge()
    refused()


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_with_real_transactions(turn, charge):
    as_migrated()
    charge()
    refused()


@pytest.mark.parametrize("turn", [1, 2])
def test_with_the_fixture_of_real_transactions(turn, transactional_db, charge):
    as_migrated()
    charge()
    refused()


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_that_ends_in_another_mode(turn, charge, settings):
    as_migrated()
    charge()
    settings.IAMPORT_MODE = "sandbox"


@pytest.mark.django_db(transaction=True)
def test_without_any_entry():
    as_migrated()


@pytest.fixture
def charges(request, charge):
    request.instance.charge = charge


@pytest.mark.usefixtures("charges")
class InATestCase(TestCase):
    def test_one(self):
        as_migrated()
        self.charge()
        refused()

    test_two = test_one


@pytest.mark.usefixtures("charges")
class InATransactionTestCase(TransactionTestCase):
    def test_one(self):
        as_migrated()
        self.charge()
        refused()

    test_two = test_one


class NothingOfPytest(TransactionTestCase):
    """It asks for no fixture, and empties tables all the same."""

    def test_one(self):
        as_migrated()
        Group.objects.create(name="a test's own")
        member = create_member()
        Point.objects.adjust(user=member, delta=5, idempotency_key="one", reason="r", by=member)
        refused()

    test_two = test_one
