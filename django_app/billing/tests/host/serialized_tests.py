"""Run by test_plugin.py: tests that bring back what migrate made. Django itself cannot mix them with
other tests of real transactions on SQLite, so they have a run of their own.
"""

from __future__ import annotations

import pytest

from billing.tests.host.emptying_tests import as_migrated, refused


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True, reset_sequences=True, serialized_rollback=True)
def test_with_what_migrate_made_brought_back(turn, charge):
    as_migrated()
    charge()
    refused()
