"""The list of unmatched payments: what waits first, decided one by one or many at once, by those
who may.
"""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.gateway.payment import Payment
from billing.models import ReconcileRun, UnmatchedPayment
from billing.tests.support.payments import payment_json
from billing_office.tests.conftest import told, url
from billing_office.tests.support.staff import audit_entries

pytestmark = pytest.mark.django_db

LIST = url("unmatchedpayment")
NOT_OURS = f"{LIST}not-ours/"
YES = {"confirmed": "yes"}


def keep(number, **values):
    """A payment of nobody here, as reconcile keeps it."""
    made = payment_json(
        **{"imp_uid": f"imp_1000000000{number:02}", "merchant_uid": f"lost-{number}", **values}
    )
    UnmatchedPayment.objects.record([Payment.from_json(made)])
    return UnmatchedPayment.objects.get(imp_uid=made["imp_uid"])


def shown(response):
    return [row.merchant_uid for row in response.context["listing"].page]


@pytest.fixture
def some(make_user):
    """Three that wait, one of each kind that does not."""
    waiting = [keep(number, amount=number * 1_000) for number in (1, 2, 3)]
    keep(4, status="cancelled", cancel_amount=10_000)
    other, mine = keep(5), keep(6)
    clerk = make_user("clerk")
    UnmatchedPayment.objects.not_ours([other.pk], by=clerk, reason="call hong@example.com")
    UnmatchedPayment.objects.claimed(mine.imp_uid, by=clerk)
    return waiting


def test_it_shows_what_waits_unless_something_else_is_asked_for(support, some):
    assert shown(support.get(LIST)) == ["lost-3", "lost-2", "lost-1"]
    assert shown(support.get(LIST, {"decision": "claimed"})) == ["lost-6"]
    assert shown(support.get(LIST, {"decision": "not_ours"})) == ["lost-5"]
    everything = support.get(LIST, {"decision": ""})
    assert shown(everything) == [f"lost-{number}" for number in (6, 5, 4, 3, 2, 1)]
    for words in (
        "Holds no money",
        "To be decided",
        "Not ours",
        "Claimed",
        "clerk",
        "h•••@example.com",
    ):
        assert words in everything.text
    assert "hong@example.com" not in everything.text
    assert shown(support.get(LIST, {"q": "imp_100000000002"})) == ["lost-2"]
    assert shown(support.get(LIST, {"q": "lost-1"})) == ["lost-1"]
    assert support.get(LIST, {"decision": "perhaps"}).status_code == 200


def test_only_who_may_claim_decides(support, finance, boss, some):
    for client in (support, finance):
        page = client.get(LIST).text
        assert "lost-1" in page
        assert NOT_OURS not in page
        assert "checkbox" not in page
        assert (
            client.post(NOT_OURS, {"rows": f"{some[0].pk}", "reason": "x", **YES}).status_code
            == 403
        )
    page = boss.get(LIST).text
    assert page.count('type="checkbox" name="row"') == 3
    assert "checked" not in page
    assert f"{url('pointtransaction', 'adopt')}?imp_uid=imp_100000000003" in page
    assert boss.get(LIST, {"ticked": "all"}).text.count(" checked>") == 3
    assert UnmatchedPayment.objects.waiting().count() == 3


def test_chosen_ones_are_not_ours_with_a_reason(boss, some):
    one, two, _three = some
    form = boss.get(NOT_OURS, {"row": [one.pk, two.pk]})
    assert form.context["form"].initial["rows"] == f"{one.pk},{two.pk}"
    data = {"rows": f"{one.pk},{two.pk}"}
    assert boss.post(NOT_OURS, {**data, "reason": " ", **YES}).context["form"].errors["reason"]
    confirm = boss.post(NOT_OURS, {**data, "reason": "the book shop's"}).text
    for words in (
        "2 payments are taken off",
        "imp_100000000001 (lost-1): 1,000 won",
        "imp_100000000002 (lost-2): 2,000 won",
    ):
        assert words in confirm
    assert UnmatchedPayment.objects.waiting().count() == 3
    for words in ("Not ours: 2.", "Not ours: 0. Decided already, or without money by now: 2."):
        assert told(
            boss.post(NOT_OURS, {**data, "reason": "the book shop's", **YES}, follow=True)
        ) == [words]
    one.refresh_from_db()
    assert (one.decision, one.by_name, one.reason) == ("not_ours", "boss", "the book shop's")
    assert shown(boss.get(LIST)) == ["lost-3"]
    assert audit_entries() == [("not_ours", "done")] * 2
    assert LogEntry.objects.filter(object_id=str(one.pk)).count() == 1


@pytest.mark.parametrize(
    "typed", ["", "abc", "1,", "1,,2", "-1 or 1=1", "9" * 30, ",".join(map(str, range(1, 102)))]
)
def test_rubbish_is_said_and_changes_nothing(boss, some, typed):
    response = boss.post(NOT_OURS, {"rows": typed, "reason": "x", **YES})
    assert response.status_code == 200
    assert response.context["form"].errors["rows"]
    assert UnmatchedPayment.objects.waiting().count() == 3


def test_nothing_chosen_is_said(boss, some):
    assert told(boss.get(NOT_OURS, follow=True)) == ["Choose payments first."]


def test_the_overview_is_not_green_while_one_waits(finance, some, make_user):
    ReconcileRun.objects.create(finished=timezone.now(), result={"exit_code": 0, "remaining": 0})
    page = finance.get("/admin/").text
    assert "everything agrees" not in page
    assert "money without a transaction: somebody must decide" in page
    badge = re.search(r'href="/admin/billing/unmatchedpayment/".*?</a>', page, re.DOTALL)[0]
    assert re.sub(r"<[^>]+>|\s", "", badge.partition(">")[2]).endswith("3")
    UnmatchedPayment.objects.not_ours([row.pk for row in some], by=make_user("else"), reason="x")
    assert "everything agrees" in finance.get("/admin/").text


def test_the_cost_does_not_grow(boss, some):
    def statements():
        with CaptureQueriesContext(connection) as caught:
            boss.get(LIST)
        return len(caught)

    statements()
    before = statements()
    for number in range(10, 40):
        keep(number)
    assert statements() == before


def test_pages_go_on_and_keep_what_was_chosen(boss):
    for number in range(10, 99):
        keep(number)
    for number in range(10, 30):
        keep(number, imp_uid=f"imp_2000000000{number}", merchant_uid=f"more-{number}")
    first = boss.get(LIST, {"ticked": "all"})
    assert len(shown(first)) == 100
    second = boss.get(LIST + first.context["listing"].older)
    assert len(shown(second)) == 9
    assert " checked>" not in second.text
    assert not set(shown(first)) & set(shown(second))


def test_a_part_that_went_back_and_play_money_are_named_as_such(finance):
    today = timezone.localdate()
    keep(1, amount=10_000, status="cancelled", cancel_amount=4_000)
    keep(2, amount=90_000, sandbox=True)
    page = finance.get(LIST, {"since": f"{today}", "until": f"{today}"})
    assert page.context["listing"].sums == [("Payments", "2"), ("Held by the gateway", "6,000 won")]
    assert "Cancelled in part" in page.text
    assert "Test" in page.text
