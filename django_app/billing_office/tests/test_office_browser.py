"""Staff of each group at work in a real browser, against the sandbox over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.core.management import call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.models import Point, PointCancellation, PointTransaction, ReconcileRun, WebhookEvent
from billing.tests.support.aging import let_pass
from billing.tests.support.browser import DESK, PHONE
from billing_office.tests.conftest import url
from billing_office.tests.support.staff_browser import StaffBrowser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> str:
    """The server's address; the gateway is its own sandbox."""
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    settings.IAMPORT_PG_API_KEY = "inicis-key"
    return live_server.url


@pytest.fixture
def as_staff(
    browser: Browser, site: str, make_staff: Callable[..., Any]
) -> Iterator[Callable[..., StaffBrowser]]:
    """as_staff("finance") → that one's tab."""
    opened: list[StaffBrowser] = []

    def make(kind: str, **more: Any) -> StaffBrowser:
        opened.append(StaffBrowser(browser, site, make_staff(kind), **more))
        return opened[-1]

    yield make
    for staff in opened:
        staff.context.close()


@pytest.fixture
def control(site: str) -> Callable[..., Any]:
    """control("pay", …) → what the sandbox answers."""

    def ask(path: str, /, **body: Any) -> Any:
        answer = requests.post(f"{site}/sandbox/control/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    return ask


@pytest.fixture
def charged(control: Callable[..., Any], user: Any) -> Callable[..., PointTransaction]:
    """charged(10_000, "card") → a paid row."""

    def make(amount: int = 10_000, method: str = "card") -> PointTransaction:
        txn = rows.start(user=user, amount=amount, pay_method=method)
        outcome = "vbank" if method == "vbank" else "paid"
        imp_uid = control(
            "pay", merchant_uid=txn.merchant_uid, pay_method=method, outcome=outcome, webhook=False
        )["imp_uid"]
        if method == "vbank":
            control(f"payments/{imp_uid}/deposit")
        rows.sync(imp_uid)
        return rows.get(pk=txn.pk)

    return make


def balance() -> int:
    return Point.objects.get().balance


def test_support_finds_a_payment_by_every_key_and_sees_a_real_difference(
    as_staff: Any, charged: Any, control: Any, user: Any
) -> None:
    user.email = "payer@example.com"
    user.save()
    txn = charged(12_300)
    charged(5_000)
    staff = as_staff("support")
    keys = [txn.merchant_uid, txn.imp_uid, txn.pg_tid, txn.apply_num, "12,300원"]
    assert all(keys)
    staff.open(url("pointtransaction"))
    for key in keys:
        staff.page.fill("#id_q", key)
        with staff.page.expect_navigation():
            staff.page.press("#id_q", "Enter")
        assert staff.page.locator("tbody tr").count() == 1, key
        assert "Recognised" in staff.text
    for key in ("payer", "payer@example.com"):
        staff.page.fill("#id_q", key)
        staff.press("Show")
        assert staff.page.locator("tbody tr").count() == 2, key
    staff.accessible()
    control(f"payments/{txn.imp_uid}/cancel", amount=2_300)
    staff.press(txn.merchant_uid)
    assert "differs" not in staff.text
    staff.press("Ask the gateway now")
    assert "4 lines differ." in staff.text
    assert staff.page.locator(".bo-differs", has_text="Cancelled amount").inner_text().split() == [
        "Cancelled", "amount", "–", "≠", "2,300", "won", "differs",
    ]  # fmt: skip
    starts = staff.page.eval_on_selector_all(
        ".bo-compare tbody th", "all => all.map((one) => getComputedStyle(one).paddingLeft)"
    )
    assert len(set(starts)) == 1  # labels stand in one line, differing or not
    staff.accessible()
    staff.press("Take it over")
    assert "2,300P were taken back" in staff.told
    assert balance() == 15_000
    assert staff.page.locator(".bo").get_by_role("link", name="Cancel all or a part").count() == 0
    staff.no_trouble()


def test_finance_cancels_a_card_payment_in_part_and_then_the_rest(
    as_staff: Any, charged: Any
) -> None:
    txn = charged()
    staff = as_staff("finance")
    staff.open(url("pointtransaction", txn.pk, "change"))
    for amount, after in (("4,000", 6_000), ("", 0)):
        staff.press("Cancel all or a part")
        if amount:
            staff.page.fill("#id_amount", amount)
        staff.press("Continue")
        staff.page.locator(".bo-error").first.wait_for()  # a reason is asked for
        staff.accessible()
        staff.page.fill("#id_reason", "고객 변심")
        staff.press("Continue")
        assert "This will happen" in staff.text
        assert balance() == after + (4_000 if amount else 6_000)
        staff.accessible()
        staff.press("Cancel this amount")
        assert "Done" in staff.told
        assert balance() == after
    assert "Cancelled" in staff.text
    assert staff.page.locator(".bo-story li", has_text="고객 변심").count() >= 2
    staff.no_trouble()


@pytest.mark.thorough
def test_finance_cancels_a_deposit(as_staff: Any, charged: Any, control: Any) -> None:
    txn = charged(20_000, "vbank")
    control("faults", path="payments/cancel", times=1, cancel_later_s=3_600)
    staff = as_staff("finance")
    staff.open(url("pointtransaction", txn.pk, "cancel"))
    values = {
        "reason": "환불 요청",
        "refund_bank": "88",
        "refund_account": "110-123-456789",
        "refund_holder": "홍길동",
    }
    for name, value in values.items():
        staff.page.fill(f"#id_{name}", value)
    staff.press("Continue")
    assert "••••6789" in staff.text
    staff.press("Cancel this amount")
    assert "Accepted, not done yet" in staff.told
    assert "Accepted" in staff.page.locator(".bo-rows").inner_text()
    assert (balance(), PointCancellation.objects.get().state) == (0, "accepted")
    staff.no_trouble()


@pytest.mark.thorough
def test_an_unknown_cancel_ends_by_reconcile_or_by_hand(
    as_staff: Any, charged: Any, control: Any
) -> None:
    staff = as_staff("finance")
    for by_hand in (False, True):
        txn = charged()
        before = balance()
        control("faults", path="payments/cancel", times=1, drop=True, effect=True)
        staff.open(url("pointtransaction", txn.pk, "cancel"))
        staff.page.fill("#id_reason", "x")
        staff.press("Continue")
        staff.press("Cancel this amount")
        assert "Not known yet whether 10,000 won went back" in staff.told
        assert "Unknown" in staff.page.locator(".bo-rows").inner_text()
        assert balance() == before - 10_000
        let_pass(minutes=16)
        if by_hand:
            staff.press("Ask how it ended")
            staff.press("Ask the gateway")
            assert "Done: 10,000 won went back." in staff.told
        else:
            call_command("reconcile", "--repair")
            staff.page.reload()
        assert "Unknown" not in staff.page.locator(".bo-rows").inner_text()
        assert balance() == before - 10_000
    staff.no_trouble()


@pytest.mark.thorough
def test_support_replays_a_delivery_and_is_refused_a_correction(
    as_staff: Any, control: Any, user: Any
) -> None:
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = control(
        "pay", merchant_uid=txn.merchant_uid, pay_method="card", outcome="paid", webhook=False
    )["imp_uid"]
    event = WebhookEvent.objects.create(
        imp_uid=imp_uid, merchant_uid=txn.merchant_uid, outcome="dead"
    )
    staff = as_staff("support")
    staff.open(url("webhookevent", event.pk, "change"))
    staff.accessible()
    staff.press("Replay")
    assert "Replayed" in staff.told
    assert balance() == 10_000
    text = staff.open(url("point", user.pk, "change"))
    assert "Correct the balance" not in text
    assert "10,000P" in text
    response = staff.page.goto(f"{staff.site}{url('point', user.pk, 'adjust')}")
    assert response.status == 403
    staff.no_trouble(expected="403")


@pytest.mark.thorough
def test_the_judge_of_accessibility_can_find_something(as_staff: Any, user: Any) -> None:
    staff = as_staff("support")
    staff.open(url("point", user.pk, "change"))
    staff.page.evaluate(
        "document.querySelector('.bo').insertAdjacentHTML('beforeend', '<input><p "
        'style="color:#ccc">pale</p>\')'
    )
    with pytest.raises(AssertionError, match=r"(?s)color-contrast.*label|label.*color-contrast"):
        staff.accessible()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("size", "language", "theme"),
    [pytest.param(PHONE, "ko", "dark", id="phone"), pytest.param(DESK, "en", "light", id="staff")],
)
def test_every_page_is_accessible(
    as_staff: Any, charged: Any, user: Any, size: Any, language: str, theme: str
) -> None:
    txn = charged()
    rows.cancel(txn, reason="x", by=user, amount=1_000)
    rows.filter(pk=txn.pk).update(review="cancel_unclear", has_notes=True)
    txn.notes.create(code="legacy", params={"text": "a line"})
    one = PointCancellation.objects.create(
        txn=txn,
        kind="return",
        imp_uid="imp_9",
        amount=1,
        base=0,
        checksum=1,
        reason="x",
        needs_staff=True,
    )
    event = WebhookEvent.objects.create(imp_uid=str(txn.imp_uid), merchant_uid=txn.merchant_uid)
    nobody_s = {
        "imp_uid": "imp_888888888888",
        "merchant_uid": "other-shop-1",
        "amount": "5000",
        "currency": "KRW",
        "status": "paid",
    }
    run = ReconcileRun.objects.create(
        result={
            "exit_code": 0,
            "unknown": {"count": 2, "payments": [nobody_s]},
            "troubles": ["hung"],
        }
    )
    staff = as_staff("boss", size=size, language=language, color_scheme=theme)
    for path in [
        *(url(model) for model in ("pointtransaction", "pointentry", "pointcancellation",
            "webhookevent", "point", "reconcilerun")),
        url("pointtransaction") + "?since=2026-11-05&until=2026-11-01&q=nothing",
        "/admin/auth/user/", url("pointtransaction", txn.pk, "change") + "?ask=1",
        url("pointtransaction", txn.pk, "cancel"), url("pointcancellation", one.pk, "settle"),
        url("pointcancellation", one.pk, "finish"),
        url("point", user.pk, "change"), url("point", user.pk, "adjust"),
        url("pointtransaction", "adopt"),
        url("webhookevent", event.pk, "change"), url("reconcilerun", run.pk, "change"),
        url("pointcancellation") + "?under-way=1",
    ]:  # fmt: skip
        staff.open(path)
        staff.accessible()
    staff.no_trouble()
