"""Personal data and secrets on a payment's page."""

from __future__ import annotations

import logging
import re

import pytest
from django.contrib.admin.models import LogEntry

from billing.models import PointTransaction
from billing_office.tests.conftest import url
from billing_office.tests.support.staff import compared_lines, payment_page

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

rows = PointTransaction.objects


@pytest.fixture
def secret(gateway, make_user):
    """A virtual account of a member with a name."""
    owner = make_user(
        "hong@example.com", email="mail@example.com", first_name="길동", last_name="홍"
    )
    txn = rows.start(user=owner, amount=10_000, pay_method="vbank")
    rows.sync(gateway.pay(txn.merchant_uid, outcome="vbank"))
    rows.filter(pk=txn.pk).update(vbank_num="11012345678901", vbank_holder="홍길동")
    return rows.get(pk=txn.pk)


def test_masked_for_all_and_in_full_for_few(support, finance, secret, caplog):
    for client in (support, finance):
        page = (
            payment_page(client, secret, ask=1).text
            + client.get(url("point", secret.owner_id, "change")).text
        )
        for text in ("11012345678901", "홍길동", "hong@example.com", "mail@example.com"):
            assert text not in page
        assert "••••8901" in page
        assert "홍•동" in page
    assert LogEntry.objects.count() == 0
    with caplog.at_level(logging.INFO, logger="billing.staff"):
        full = payment_page(support, secret, full=1).text
        assert "11012345678901" in full
        assert "홍길동" in full
        member = support.get(url("point", secret.owner_id, "change"), {"full": "1"}).text
        assert "hong@example.com" in member
        assert "mail@example.com" in member
    assert [
        record.getMessage().split(" ")[:2]
        for record in caplog.records
        if record.name == "billing.staff"
    ] == [["support:", "seen"]] * 2
    assert "Looked at personal data in full" in payment_page(support, secret).text
    assert (
        "Looked at personal data in full"
        in support.get(url("point", secret.owner_id, "change")).text
    )


def test_the_gateway_s_side_is_masked_too(gateway, finance, secret):
    rows.filter(pk=secret.pk).update(vbank_num="", vbank_holder="")
    theirs = compared_lines(payment_page(finance, secret, ask=1))
    assert re.fullmatch(r"•{4}\d{4}", theirs["Virtual account"][1])
    assert "•" in theirs["Account holder"][1]


def test_keys_and_tokens_are_nowhere(settings, boss, secret):
    page = payment_page(boss, secret, ask=1, full=1).text + boss.get("/admin/").text
    assert settings.IAMPORT_SECRET not in page
    assert settings.IAMPORT_KEY not in page


def test_the_page_offers_only_what_is_about_its_payment(boss, paid):
    """Also to who may do everything: claiming and finding payments belong to the lists."""
    page = payment_page(boss, paid())
    assert [button.words for button in page.context["buttons"]] == ["Cancel all or a part"]
