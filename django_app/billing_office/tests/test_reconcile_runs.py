"""A reconcile's page: its numbers as the report made them, and the payments of nobody here with a
way to adopt them.
"""

from __future__ import annotations

import pytest
from django.utils import timezone

from billing.gateway.payment import Payment
from billing.gateway.payment_list import UnreadablePayment
from billing.models import ReconcileRun
from billing.reconciliation.report import Report
from billing.tests.support.payments import payment_json
from billing_office.tests.conftest import url

pytestmark = pytest.mark.django_db

ADOPT = url("pointtransaction", "adopt")


@pytest.fixture
def run(make_txn):
    """A run whose report names two payments, and the order of one of them, which a row knows by
    now.
    """
    report = Report(repair=True, started=timezone.now(), finished=timezone.now())
    txn = make_txn()
    for number, order in enumerate(["lost-1", txn.merchant_uid], 1):
        report.add_unmatched(
            Payment.from_json(
                payment_json(imp_uid=f"imp_77777777777{number}", merchant_uid=order, amount=7_000)
            )
        )
    report.add_trouble("the gateway <b>hung</b>")
    report.unmatched_count = 1_234
    return ReconcileRun.objects.create(finished=timezone.now(), result=report.as_json()), txn


def test_the_list_tells_how_many_were_found(finance, run):
    page = finance.get(url("reconcilerun"))
    assert "unknown: 1234" in page.text
    assert "drift: 0" in page.text
    assert f'href="{url("reconcilerun", run[0].pk, "change")}"' in page.text


def test_its_page_names_them(finance, boss, run):
    row, txn = run
    page = finance.get(url("reconcilerun", row.pk, "change"))
    for words in (
        "imp_777777777771",
        "lost-1",
        "7000 KRW",
        "Paid",
        "imp_777777777772",
        "1232 more are not named here",
        "&lt;b&gt;hung",
    ):
        assert words in page.text
    assert ADOPT + "?" not in page.text
    assert url("pointtransaction", txn.pk, "change") in page.text
    assert (
        f"{ADOPT}?imp_uid=imp_777777777771" in boss.get(url("reconcilerun", row.pk, "change")).text
    )
    assert (
        f"{ADOPT}?imp_uid=imp_777777777772"
        not in boss.get(url("reconcilerun", row.pk, "change")).text
    )


@pytest.mark.parametrize("result", [{}, {"stopped": "killed: its lease ran out"}])
def test_a_run_that_came_to_nothing_has_a_page(finance, result):
    row = ReconcileRun.objects.create(result=result)
    page = finance.get(url("reconcilerun", row.pk, "change")).text
    assert "Nothing here." in page
    assert result.get("stopped", "") in page


def test_a_payment_of_nobody_that_cannot_be_read_is_named_there(finance):
    report = Report(repair=True, started=timezone.now(), finished=timezone.now())
    report.add_unreadable(
        UnreadablePayment(
            "imp_777777777771", "other-shop-1", "imp_777777777771: the payment has no currency"
        )
    )
    row = ReconcileRun.objects.create(finished=timezone.now(), result=report.as_json())
    assert (
        "imp_777777777771: the payment has no currency"
        in finance.get(url("reconcilerun", row.pk, "change")).text
    )
    assert "drift: 0" in finance.get(url("reconcilerun")).text


def test_the_overview_leads_to_it(finance, log_in, run):
    address = f'href="{url("reconcilerun", run[0].pk, "change")}"'
    assert address in finance.get("/admin/").text
    assert address not in log_in("looker", "view_dailyfigures").get("/admin/").text
