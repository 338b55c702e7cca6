"""In a database of the other mode staff do nothing either, and are told why."""

import pytest

from billing.db import environment_stamp
from billing.models import Installation, PointTransaction
from billing_office.actions.registry import STAFF_ACTIONS
from billing_office.tests.conftest import url

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

WHY = "this database was made for live mode and IAMPORT_MODE is sandbox: choose another database."


@pytest.fixture
def txn(gateway, user):
    """Tests run in sandbox mode."""
    row = PointTransaction.objects.start(user=user, amount=10_000, pay_method="card")
    Installation.objects.update(mode="live")
    environment_stamp._verified.clear()
    yield row
    environment_stamp._verified.clear()


@pytest.mark.parametrize("action", STAFF_ACTIONS, ids=lambda action: action.name)
def test_no_action_begins(boss, gateway, txn, action):
    gateway.all_calls.clear()
    name, keys = action.model._meta.model_name, [txn.pk] if action.is_about_a_row else []
    address = url(name, *keys, action.name.replace("_", "-"))
    for answer in (boss.get(address), boss.post(address, {"confirmed": "yes"})):
        assert answer.status_code == 503
        assert answer.content.decode() == f"{WHY}\n"
    assert gateway.all_calls == []
