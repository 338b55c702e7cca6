"""The member's own cancel over HTTP: 200 done, 202 accepted or unknown, 409 and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from billing.conf import conf
from billing.models import Point, PointCancellation, PointTransaction
from billing.support import rate_limit
from billing.tests.support.aging import let_pass
from billing.web import refund
from billing.web.refund_eligibility import refund_offer

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


@pytest.fixture
def browser(user):
    made = Client(headers={"accept-language": "en"})
    made.force_login(user)
    return made


@pytest.fixture
def paid(gateway, user):
    def make(amount=10_000, pay_method="card", **how):
        txn = rows.start(user=user, amount=amount, pay_method=pay_method)
        outcome = "vbank" if pay_method == "vbank" else "paid"
        imp_uid = gateway.pay(txn.merchant_uid, pay_method=pay_method, outcome=outcome, **how)
        if outcome == "vbank":
            gateway.control(f"payments/{imp_uid}/deposit")
        rows.sync(imp_uid)
        return rows.select_related("owner").get(pk=txn.pk)

    return make


@pytest.fixture
def ask(browser):
    def post(txn, **form):
        return browser.post(f"/billing/payments/{txn.merchant_uid}/cancel/", form)

    return post


def refused(response, status, code):
    assert (response.status_code, response.json()["error"]["code"]) == (status, code), (
        response.content
    )
    return response.json()["error"]["message"]


def test_one_members_cancels_are_not_anothers(paid, ask, make_user, monkeypatch):
    # One window, whenever the test runs.
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(time=lambda: 1_795_400_000))
    mine = paid()
    codes = [
        ask(mine, reason="", amount="1").status_code for _ in range(refund.CANCELS_PER_MINUTE + 1)
    ]
    assert (codes.count(429), codes[-1]) == (1, 429)
    stranger, other = make_user("stranger"), Client()
    other.force_login(stranger)
    theirs = rows.start(user=stranger, amount=10_000, pay_method="card")
    # Nothing paid, and not told to wait.
    assert other.post(f"/billing/payments/{theirs.merchant_uid}/cancel/", {}).status_code == 409


def test_done(paid, ask, ledger):
    txn = paid()
    response = ask(txn, reason="changed my mind")
    assert response.status_code == 200
    body = response.json()
    assert (body["status"], body["cancel_amount"], body["balance"]) == ("cancelled", 10_000, 0)
    assert body["message"] == "10,000 won were refunded."
    done = PointCancellation.objects.get()
    assert (done.state, done.reason, done.by_name) == ("done", "changed my mind", "payer")
    assert refused(ask(txn), 409, "cancel_not_allowed") == "This payment has been refunded."
    assert ledger(txn) == (0, [10_000, -10_000])


def test_what_remains_after_a_cancel_of_staff(gateway, paid, ask, ledger):
    txn = paid()
    gateway.cancel(txn.imp_uid, 4_000)
    rows.sync(txn.imp_uid)
    assert ask(txn).status_code == 200
    assert ledger(txn)[0] == 0


@pytest.mark.parametrize(
    ("what", "state"), [({"cancel_later_s": 60}, "accepted"), ({"timeout": True}, "unknown")]
)
def test_accepted_and_unknown(gateway, paid, ask, what, state):
    gateway.control("faults", path="payments/cancel", times=1, **what)
    txn = paid()
    response = ask(txn)
    assert (response.status_code, PointCancellation.objects.get().state) == (202, state)
    words = {
        "accepted": "Refund accepted. It may take some days.",
        "unknown": "We are checking the result of your refund",
    }
    assert response.json()["message"].startswith(words[state])
    assert response.json()["balance"] == 0
    assert refused(ask(txn), 409, "cancel_not_allowed") == "A refund of this payment is under way."


def test_refused_by_the_gateway(gateway, paid, ask, ledger):
    gateway.control("faults", path="payments/cancel", times=1, code=-1, message="한도초과")
    txn = paid()
    response = ask(txn)
    refused(response, 409, "cancel_refused")
    assert response.json()["gateway_message"] == "한도초과"
    assert ledger(txn)[0] == 10_000


def test_spent_points(paid, ask, user):
    txn = paid()
    Point.objects.spend(user=user, amount=1, idempotency_key="k")
    assert (
        refused(ask(txn), 409, "cancel_not_allowed")
        == "Points of this payment have been spent: 1P are missing for a refund."
    )
    paid(5_000)  # what counts is the balance
    assert ask(txn).status_code == 200


def test_too_late(paid, ask):
    txn = paid()
    rows.update(paid_at=timezone.now() - timedelta(days=conf.BILLING_SELF_CANCEL_DAYS, seconds=-60))
    assert refund_offer(rows.select_related("owner").get()).allowed
    rows.update(paid_at=timezone.now() - timedelta(days=conf.BILLING_SELF_CANCEL_DAYS, seconds=60))
    assert "time for a refund is over" in refused(ask(txn), 409, "cancel_not_allowed")
    assert PointCancellation.objects.count() == 0


def test_a_phone_bill_only_within_its_month(paid):
    txn = paid(pay_method="phone")
    txn.paid_at = datetime(2026, 1, 30, 16, 0, tzinfo=UTC)  # 31 January, 01:00 in Seoul
    assert refund_offer(txn).until == datetime(2026, 1, 31, 14, 59, 59, tzinfo=UTC)
    txn.paid_at = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
    assert refund_offer(txn).until == datetime(2026, 1, 12, 3, 0, tzinfo=UTC)


def test_an_unpaid_row(browser, make_txn, ask):
    assert refused(ask(make_txn()), 409, "cancel_not_allowed") == "Nothing was paid."


def test_a_deposit(paid, ask, ledger):
    txn = paid(pay_method="vbank")
    shown = refund_offer(txn)
    assert (shown.needs_account, shown.banks) == (True, [("88", "신한은행")])
    response = ask(txn)
    refused(response, 400, "bad_input")
    assert set(
        response.json()["error"]["fields"]
        if "fields" in response.json()["error"]
        else response.json()["fields"]
    ) == {
        "refund_bank",
        "refund_account",
        "refund_holder",
    }
    good = {"refund_bank": "88", "refund_account": "110-123-456789", "refund_holder": "홍길동"}
    for bad in (
        {"refund_bank": "99"},
        {"refund_account": "12"},
        {"refund_account": "1１0123456789"},
        {"refund_holder": "x" * 17},
    ):
        refused(ask(txn, **{**good, **bad}), 400, "bad_input")
    assert ask(txn, **good).status_code == 200
    done = PointCancellation.objects.get()
    assert done.refund_last4 == "6789"
    assert ledger(txn) == (0, [10_000, -10_000])


def test_a_deposit_at_a_processor_without_known_bank_codes(paid, ask):
    txn = paid(pay_method="vbank", pg_provider="ksnet")
    assert "support" in refused(ask(txn), 409, "cancel_not_allowed")


def test_somebody_else_s_payment_does_not_exist(paid, make_user, client):
    txn = paid()
    client.force_login(make_user("other"))
    address = f"/billing/payments/{txn.merchant_uid}/cancel/"
    refused(client.post(address), 404, "not_found")
    refused(client.get(address), 405, "method_not_allowed")
    refused(Client().post(address), 401, "login_required")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(txn.owner.user)
    refused(strict.post(address), 403, "csrf")
    assert PointCancellation.objects.count() == 0


@pytest.mark.parametrize("reason", ["\x00", "r" * 201, "=cmd()", "이유 😀"])
def test_odd_reasons(paid, ask, reason):
    assert ask(paid(), reason=reason).status_code in (200, 400)


def test_two_clicks_and_another_tab(paid, ask, ledger):
    from billing.tests.support.threads import together

    txn = paid()
    codes = sorted(result.status_code for result in together([lambda: ask(txn)] * 4))
    assert codes == [200, 409, 409, 409]
    assert ledger(txn) == (0, [10_000, -10_000])


def test_a_later_answer_of_reconcile(gateway, paid, ask, browser):
    gateway.control("faults", path="payments/cancel", times=1, timeout=True)
    txn = paid()
    ask(txn)
    let_pass(minutes=16)
    rows.finish(PointCancellation.objects.get())
    assert (
        browser.get(f"/billing/payments/{txn.merchant_uid}/status/").json()["cancel_amount"]
        == 10_000
    )
