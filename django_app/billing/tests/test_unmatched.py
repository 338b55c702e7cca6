"""Money at the gateway that no transaction knows: kept until somebody decides, whatever time goes
by and however often it is seen.
"""

from __future__ import annotations

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.gateway.payment import Payment
from billing.models import PointCancellation, PointTransaction, UnmatchedPayment
from billing.reconciliation import reconcile
from billing.reports.open_work import open_work
from billing.tests.support.payments import payment_json
from billing.tests.support.reconcile import run
from billing.tests.support.threads import together
from billing_sandbox.models import Payment as SandboxPayment

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
unmatched = UnmatchedPayment.objects


@pytest.fixture
def lost(gateway):
    """lost("order", 33_000) → the imp_uid of a payment whose order no transaction has."""

    def make(order, amount=33_000, **how):
        return gateway.pay(order, amount=amount, **how)

    return make


def answer(number, **values):
    return Payment.from_json(
        payment_json(imp_uid=f"imp_1000000000{number:02}", merchant_uid=f"lost-{number}", **values)
    )


def age(*, days):
    """As if the payments of the gateway were so much older: reconcile's windows do not reach them
    any more.
    """
    past = {name: F(name) - days * 86_400 for name in ("started_at", "paid_at", "updated_at")}
    SandboxPayment.objects.using("sandbox").update(**past)


def test_it_stays_when_no_window_shows_it_any_more(lost, gateway):
    """Paid on Friday evening, still there on Monday: the last run does not see it, and nothing is
    green.
    """
    for order, amount in (("lost-1", 33_000), ("lost-2", 33_000), ("lost-3", 44_000)):
        lost(order, amount)
    assert reconcile(repair=True).unmatched_count == 3
    age(days=3)
    report = reconcile(repair=True)
    assert (report.unmatched_count, report.undecided, report.exit_code) == (0, 3, 0)
    now = open_work()
    assert (now.reconcile.verdict, now.unmatched, now.unmatched_won, now.all_agrees) == (
        "clean",
        3,
        110_000,
        False,
    )
    assert rows.count() == 0


def test_only_a_repair_writes_it_down_and_both_say_it(lost, make_user):
    lost("lost-1")
    code, said = run()
    assert (code, unmatched.count()) == (0, 0)
    assert "Everything agrees" not in said
    assert "Undecided payments that no transaction has: 1." in said
    code, said = run("--repair")
    assert (code, unmatched.count()) == (0, 1)
    assert "Undecided payments that no transaction has: 1." in said
    assert "Undecided payments that no transaction has: 1." in run()[1]
    assert '"undecided": 1' in run("--json")[1]
    unmatched.not_ours([unmatched.get().pk], by=make_user("clerk"), reason="of the other shop")
    for arguments in ((), ("--repair",)):
        assert run(*arguments)[1].endswith("Everything agrees with the gateway.\n")
    assert open_work().all_agrees


def test_seen_again_its_facts_follow_and_the_decision_stays(lost, gateway, make_user):
    clerk = make_user("clerk")
    imp_uid = lost("lost-1", 40_000)
    reconcile(repair=True)
    before = unmatched.get()
    assert (before.amount, before.status, before.decision, before.merchant_uid) == (
        40_000,
        "paid",
        "",
        "lost-1",
    )
    assert [
        row.pk for row in unmatched.not_ours([before.pk], by=clerk, reason="  of the\nother shop ")
    ] == [before.pk]
    assert unmatched.not_ours([before.pk], by=clerk, reason="again") == []
    gateway.cancel(imp_uid, 15_000)
    reconcile(repair=True)
    after = unmatched.get()
    assert (after.cancel_amount, after.status, after.decision, after.by_name) == (
        15_000,
        "cancelled",
        "not_ours",
        "clerk",
    )
    assert (after.reason, after.first_seen, after.last_seen > before.last_seen) == (
        "of the other shop",
        before.first_seen,
        True,
    )
    assert open_work().unmatched == 0


def test_a_reason_is_needed(make_user):
    unmatched.record([answer(1)])
    with pytest.raises(ValueError, match="reason"):
        unmatched.not_ours([unmatched.get().pk], by=make_user("clerk"), reason=" \n")
    assert unmatched.get().decision == ""


@pytest.mark.parametrize(
    "values",
    [
        {"decision": "claimed"},
        {"decided_at": timezone.now()},
        {"decision": "perhaps", "decided_at": timezone.now()},
    ],
)
def test_a_decision_has_its_time_and_is_one_of_two(values):
    unmatched.record([answer(1)])
    with pytest.raises(IntegrityError), transaction.atomic():
        unmatched.update(**values)


def test_what_holds_no_money_is_kept_and_waits_for_nobody():
    """All went back to the payer, nobody paid, or it failed: there is nothing to claim and nothing
    to lose.
    """
    unmatched.record(
        [
            answer(1, status="cancelled", cancel_amount=10_000), answer(2, status="cancelled"),
            answer(3, status="failed"),
            answer(4, status="ready"), answer(5, status="cancelled", cancel_amount=9_999),
        ]
    )  # fmt: skip
    assert [row.merchant_uid for row in unmatched.waiting()] == ["lost-5"]
    assert [row.merchant_uid for row in unmatched.order_by("imp_uid") if row.waits] == ["lost-5"]
    unmatched.record([answer(3, status="paid")])  # a late approval
    assert unmatched.waiting().count() == 2


def test_a_page_of_500_is_one_statement_where_the_database_can():
    some = [
        Payment.from_json(payment_json(imp_uid=f"imp_{number:012}", merchant_uid=f"lost-{number}"))
        for number in range(500)
    ]
    for _ in range(2):
        with CaptureQueriesContext(connection) as caught:
            assert unmatched.record([*some, some[0]]) == 500
        writes = [one["sql"] for one in caught if one["sql"].startswith("INSERT")]
        # SQLite takes 999 parameters.
        assert len(writes) == (1 if connection.vendor == "postgresql" else 9)
        assert unmatched.count() == 500


def test_a_claim_closes_it_in_the_same_transaction(lost, make_user, ledger):
    clerk, member = make_user("clerk"), make_user("minji")
    imp_uid = lost("lost-1", 7_000)
    reconcile(repair=True)
    unmatched.not_ours([unmatched.get().pk], by=clerk, reason="by mistake")
    applied = rows.claim_unmatched_payment(imp_uid, user=member, by=clerk)
    row = unmatched.get()
    assert (row.decision, row.by_name, applied.points) == ("claimed", "clerk", 7_000)
    assert ledger(applied.txn) == (7_000, [7_000])
    assert reconcile(repair=True).undecided == 0


def test_what_a_row_knows_by_now_is_closed_by_the_next_repair(lost, make_txn):
    """A row that came from elsewhere, for instance a backup that was put back."""
    lost("lost-1", 10_000)
    reconcile(repair=True)
    txn = make_txn(amount=10_000)
    rows.filter(pk=txn.pk).update(merchant_uid="lost-1")
    assert reconcile(repair=False).undecided == 1
    assert unmatched.get().decision == ""
    assert reconcile(repair=True).undecided == 0
    row = unmatched.get()
    assert (row.decision, row.by, row.reason) == (
        "claimed",
        None,
        "a transaction has this order number",
    )


def test_a_second_payment_of_a_claimed_order_is_sent_back_and_not_called_claimed(
    gateway, make_user, ledger
):
    """Both were paid under an order that we do not know. Staff claim one; the other is past every
    window, and its row is bound.
    """
    first, second = (gateway.pay("lost-order-1", amount=7_000) for _ in range(2))
    reconcile(repair=True)
    assert UnmatchedPayment.objects.waiting().count() == 2
    age(days=3)
    applied = PointTransaction.objects.claim_unmatched_payment(
        first, user=make_user("finder"), by=make_user("clerk")
    )
    # The order number alone proves nothing of the second.
    assert UnmatchedPayment.objects.heal(PointTransaction.objects.all()) == 0
    assert UnmatchedPayment.objects.get(imp_uid=second).decision == ""
    reconcile(repair=True)
    back = PointCancellation.objects.get()
    assert (back.kind, back.imp_uid, back.state, back.amount) == ("return", second, "done", 7_000)
    assert UnmatchedPayment.objects.get(imp_uid=second).decision == "claimed"
    assert ledger(applied.txn) == (7_000, [7_000])


def test_a_registered_card_waits_for_nobody(gateway):
    imp_uid = gateway.pay("lost-order-2", amount=7_000)
    SandboxPayment.objects.filter(imp_uid=imp_uid).update(customer_uid_usage="issue")
    report = reconcile(repair=True)
    assert (report.unmatched_count, UnmatchedPayment.objects.count()) == (1, 0)


def test_what_could_not_be_kept_is_met_once_more(lost, monkeypatch):
    """A database that refuses the list must not let the windows pass it by."""

    lost("lost-1")

    def refuse(*args, **kwargs):
        raise OperationalError("disk full")

    monkeypatch.setattr(type(UnmatchedPayment.objects), "record", refuse)
    report = reconcile(repair=True)
    assert (report.exit_code, report.watermark) == (1, None)


def test_two_who_decide_at_once_decide_once(make_user):
    clerks = [make_user(f"clerk-{number}") for number in range(4)]
    unmatched.record([answer(1)])
    key = unmatched.get().pk
    done = together(
        [lambda by=by: len(unmatched.not_ours([key], by=by, reason=by.username)) for by in clerks]
    )
    assert sorted(done) == [0, 0, 0, 1]
    row = unmatched.get()
    assert row.reason == row.by_name == clerks[done.index(1)].username


def test_two_runs_that_record_at_once_keep_one_row_each():
    some = [answer(number) for number in range(1, 40)]
    assert (
        together([lambda: unmatched.record(some), lambda: unmatched.record(some[::-1])] * 2)
        == [39] * 4
    )
    assert unmatched.count() == 39
