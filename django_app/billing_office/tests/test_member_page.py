"""A member's page, and how lines name who did something."""

from __future__ import annotations

import pytest

from billing.models import Point, PointTransaction
from billing_office.tests.conftest import url
from billing_office.tests.support.staff import payment_page

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

rows = PointTransaction.objects


def test_a_member_s_page(support, paid, user):
    txn = paid(10_000)
    rows.cancel(txn, reason="x", by=user, amount=2_500)
    Point.objects.spend(user=user, amount=500, idempotency_key="order-1", memo="a book")
    response = support.get(url("point", user.pk, "change"))
    assert response.context["balance"] == "7,000P"
    for text in (
        "1 attempt to pay",
        txn.merchant_uid,
        "-2,500P",
        "-500P",
        "a book",
        "order-1",
        "Cancelled in part",
    ):
        assert text in response.text


def test_a_member_who_never_paid_has_a_page(support, user):
    response = support.get(url("point", user.pk, "change"))
    assert (response.status_code, response.context["balance"]) == (200, "0P")
    assert Point.objects.count() == 0


def test_cancels_by_the_member_name_no_login(support, gateway, make_user, paid):
    owner = make_user("hong@example.com")
    txn = paid(10_000, owner=owner)
    rows.cancel(txn, reason="changed my mind", by=owner)
    for page in (
        payment_page(support, txn),
        support.get(url("pointcancellation")),
        support.get(url("pointentry")),
    ):
        assert "hong@example.com" not in page.text
        assert "Member" in page.text


def test_a_member_whose_name_and_address_are_null(boss, user, monkeypatch):
    """As in a project whose columns may be NULL."""
    kind, page = type(user), url("point", user.pk, "change")
    monkeypatch.setattr(kind, "get_full_name", lambda self: None)
    monkeypatch.setattr(kind, "get_email_field_name", classmethod(lambda cls: None))
    assert boss.get(page).status_code == 200
    assert boss.get(page, {"full": "1"}).status_code == 200
