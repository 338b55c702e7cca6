"""In a database of the other mode billing does nothing and says so; the rest of a project works
on.
"""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.signals import connection_created

from billing.checks import database_of_money
from billing.db import environment_stamp
from billing.db.database_state import TablesMissing
from billing.db.environment_stamp import WrongDatabase
from billing.models import Installation, Point, PointTransaction, WebhookEvent

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def other_mode(user):
    """Tests run in sandbox mode."""
    Installation.objects.update(mode="live")
    environment_stamp._verified.clear()
    yield user
    environment_stamp._verified.clear()


@pytest.mark.parametrize(
    "verb",
    [
        lambda user: PointTransaction.objects.start(user=user, amount=1_000, pay_method="card"),
        lambda user: PointTransaction.objects.sync("imp_1"),
        lambda user: Point.objects.spend(user=user, amount=1, idempotency_key="order-1"),
        lambda user: Point.objects.refund_spend(user=user, idempotency_key="order-1"),
    ],
)
def test_no_verb_works(other_mode, gateway, verb):
    with pytest.raises(WrongDatabase, match="made for live mode and IAMPORT_MODE is sandbox"):
        verb(other_mode)
    assert Point.objects.count() == 0
    assert gateway.calls == []


@pytest.mark.parametrize("path", ["charge/", "payments/", "entries/", "terms/", "complete/"])
def test_pages_say_so(other_mode, client, path):
    client.force_login(other_mode)
    response = client.get(f"/billing/{path}")
    assert response.status_code == 503
    assert "지금은 포인트를 이용할 수 없어요" in response.content.decode()


@pytest.mark.parametrize("path", ["checkout/", "validation/", "webhook/"])
def test_scripts_and_webhooks_are_told_to_come_again(other_mode, client, path):
    client.force_login(other_mode)
    response = client.post(f"/billing/{path}", {"imp_uid": "imp_1", "merchant_uid": "m" * 20})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert response["Retry-After"] == "60"
    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize("job", ["reconcile", "nightly", "audit_points", "roll_up"])
def test_no_job_works(other_mode, job):
    with pytest.raises(CommandError, match="made for live mode and IAMPORT_MODE is sandbox"):
        call_command(job)


def test_staff_are_told_why(other_mode, admin_client):
    for path in ("billing/pointtransaction/", "billing/point/", "billing/dailyfigures/overview/"):
        response = admin_client.get(f"/admin/{path}")
        assert response.status_code == 503, path
        assert "made for live mode and IAMPORT_MODE is sandbox" in response.content.decode()
    assert admin_client.get("/admin/auth/user/").status_code == 200


def test_check_says_so(other_mode):
    [message] = database_of_money(None)
    assert message.id == "billing.E014"
    assert message.msg.startswith("This database was made for live mode")


def test_the_rest_of_the_project_works(other_mode):
    """A new connection is opened in peace: only a site that closes its whole database, as this one
    does (config/apps.py), listens to it.
    """
    connection.close()
    with pytest.raises(WrongDatabase):
        connection.ensure_connection()
    assert connection_created.disconnect(dispatch_uid="config.environment_stamp")
    try:
        assert get_user_model().objects.get() == other_mode
    finally:
        connection_created.connect(
            environment_stamp.on_connection, dispatch_uid="config.environment_stamp"
        )


def test_before_migrate_pages_say_the_same(user, client, monkeypatch, caplog):
    Installation.objects.all().delete()
    environment_stamp._verified.clear()

    def missing():
        raise TablesMissing("the tables are missing: run `manage.py migrate`.")

    monkeypatch.setattr(environment_stamp, "require_tables", missing)
    client.force_login(user)
    try:
        assert client.get("/billing/charge/").status_code == 503
        assert client.post("/billing/webhook/", {"imp_uid": "imp_1"}).status_code == 503
    finally:
        environment_stamp.write_stamp("default")
    assert "run `manage.py migrate`" in caplog.text
    assert client.get("/billing/charge/").status_code == 200
