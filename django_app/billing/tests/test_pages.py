"""What the server puts into the payer's pages, and what the page's form may say. No browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from billing.models import Point, PointEntry, PointTransaction
from billing.testing import SandboxGateway
from billing.tests.support.gallery import STATES, Gallery, states
from billing.web.display_status import display_status
from billing.web.payment_page import LATER_ENTRIES, arrival_words, left_words

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

CHARGE, CHECKOUT = "/billing/charge/", "/billing/checkout/"
GOOD = {"amount": "10000", "pay_method": "card", "buyer_tel": "010-1234-5678"}


@pytest.fixture
def payer(user: Any) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def gallery(gateway: SandboxGateway, user: Any) -> Gallery:
    return Gallery(gateway.control, user)


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def page(client: Client, txn: PointTransaction) -> str:
    return shown(client, f"/billing/payments/{txn.merchant_uid}/")


def statements(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        shown(client, address)
    return len(captured)


# -- the charge page -------------------------------------------------------------------------------


def test_the_charge_page_costs_the_same_however_much_there_is(
    payer: Client, gallery: Gallery, make_txn: Callable[..., Any]
) -> None:
    assert statements(payer, CHARGE) <= 5
    gallery.wrong_money()
    few = statements(payer, CHARGE)
    assert few <= 6
    for _ in range(20):
        make_txn()
    gallery.wrong_money()
    gallery.part_cancelled()
    assert statements(payer, CHARGE) == few


def test_an_address_fills_the_page_in(payer: Client) -> None:
    filled = shown(payer, f"{CHARGE}?amount=30000&pay_method=vbank")
    assert 'value="30,000"' in filled
    assert "Deposit 30,000 won and receive 30,000P" in filled
    assert "Get an account for 30,000 won" in filled
    assert 'value="vbank" checked' in " ".join(filled.split())


@pytest.mark.parametrize(
    "query",
    [
        "amount=1",
        "amount=１００００",
        "amount=%00",
        "amount=99999999999999999999",
        "pay_method=bitcoin",
        "amount=<b>",
    ],
)
def test_an_address_with_nonsense_shows_the_empty_page(payer: Client, query: str) -> None:
    empty = shown(payer, f"{CHARGE}?{query}")
    assert "Choose an amount" in empty
    assert 'value="card" checked' in " ".join(empty.split())
    assert "<b>" not in empty


RECENT: dict[str, str | None] = {
    "waiting": "An account waits for your deposit of 50,000 won",
    "wrong_money": "We are sending your money back",
    "cancel_accepted": "A refund of 50,000 won is under way",
    "cancel_unknown": "We are checking your refund of 10,000 won",
    "checking": "A payment of 10,000 won is not finished",
    "paid": "You received 10,000P just now",
    "unfinished": None,
    "expired": None,
    "declined": None,
    "cancelled": None,
}


@pytest.mark.parametrize("name", RECENT)
def test_the_charge_page_tells_what_is_not_settled(
    payer: Client, gallery: Gallery, name: str
) -> None:
    """So that nobody pays twice without knowing: after going back, in a second tab, on
    another day.
    """
    txn = getattr(gallery, name)()
    words = RECENT[name]
    text = shown(payer, CHARGE)
    assert (f"/billing/payments/{txn.merchant_uid}/" in text) is bool(words)
    assert (words or "") in text
    if name in ("checking", "paid"):
        PointTransaction.objects.filter(pk=txn.pk).update(
            created_at=timezone.now() - timedelta(hours=2),
            credited_at=None,
            credited=0,
            status="ready",
        )
        assert txn.merchant_uid not in shown(payer, CHARGE)  # later it is only history


@pytest.mark.parametrize("name", ["cancel_accepted", "cancel_unknown", "waiting", "checking"])
def test_a_charge_of_just_now_hides_nothing_that_is_open(
    payer: Client, gallery: Gallery, name: str
) -> None:
    """Good news can wait: money that is on its way, or may be paid twice, comes first."""
    txn = getattr(gallery, name)()
    newer = [gallery.paid() for _ in range(6)][-1]
    text = shown(payer, CHARGE)
    words = RECENT[name]
    assert words is not None
    assert words in text
    assert f"/billing/payments/{txn.merchant_uid}/" in text
    assert str(newer.merchant_uid) not in text


def test_the_charge_page_names_what_is_going_not_what_went(payer: Client, gallery: Gallery) -> None:
    """3,000 are back already, and 2,000 are on their way."""
    txn = gallery.part_cancelled()
    gallery.control("faults", cancel_later_s=86_400, times=1, path="payments/cancel")
    gallery.cancel(gallery.fresh(txn), amount=2_000)
    assert "A refund of 2,000 won is under way" in shown(payer, CHARGE)
    assert "2,000" in page(payer, txn)
    gallery.control("clock", advance_s=86_401)
    PointTransaction.objects.sync(str(gallery.fresh(txn).imp_uid))
    assert "under way" not in shown(payer, CHARGE)
    assert 'class="outcome part_cancelled"' in page(payer, txn)


@pytest.mark.parametrize("name", ["cancel_accepted", "cancel_unknown"])
def test_an_open_refund_can_be_asked_about(payer: Client, gallery: Gallery, name: str) -> None:
    assert 'id="check-again"' in page(payer, getattr(gallery, name)())
    assert 'id="check-again"' not in page(payer, gallery.cancelled())


@pytest.mark.parametrize(
    ("goal", "state", "hero"), [(3_000, "part_cancelled", "3,000"), (10_000, "cancelled", "10,000")]
)
def test_no_refund_of_nothing_is_said_to_be_under_way(
    payer: Client, gallery: Gallery, goal: int, state: str, hero: str
) -> None:
    """The gateway has cancelled it all, and the cancel's end is not written yet."""
    txn = gallery.paid()
    gallery.control("faults", cancel_later_s=60, times=1, path="payments/cancel")
    gallery.cancel(txn, amount=goal)
    PointTransaction.objects.filter(pk=txn.pk).update(status="cancelled", cancel_amount=goal)
    text = " ".join(page(payer, txn).split())
    assert f'class="outcome {state}"' in text
    assert f'<p class="hero"> {hero}<' in text


# -- what the form says ----------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["true", "on", "1", "YES"])
def test_consent_is_taken(payer: Client, gateway: SandboxGateway, said: str) -> None:
    assert payer.post(CHECKOUT, {**GOOD, "agree": said}).status_code == 201


@pytest.mark.parametrize("said", ["false", "off", "0", "no", "", "maybe", "true\x00"])
def test_without_consent_nothing_begins(payer: Client, gateway: SandboxGateway, said: str) -> None:
    answer = payer.post(CHECKOUT, {**GOOD, "agree": said})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["agree"])
    assert PointTransaction.objects.count() == 0
    assert gateway.all_calls == []


def test_programs_that_know_amount_and_method_only_are_served(
    payer: Client, gateway: SandboxGateway
) -> None:
    assert payer.post(CHECKOUT, {"amount": "10000", "pay_method": "card"}).status_code == 201
    payer.post(CHECKOUT, GOOD)
    told = payer.post(CHECKOUT, {"amount": "10000", "pay_method": "card"}).json()["request_pay"]
    # Remembered for the session, and not forgotten by saying nothing.
    assert told["buyer_tel"] == "010-1234-5678"


def test_easy_pay_needs_a_channel(
    payer: Client, gateway: SandboxGateway, settings: Settings
) -> None:
    settings.BILLING_METHODS = ["card", "kakaopay"]
    assert "Kakao Pay" not in shown(payer, CHARGE)
    assert payer.post(CHECKOUT, {**GOOD, "pay_method": "kakaopay"}).status_code == 400
    settings.IAMPORT_CHANNELS = {"kakaopay": "channel-key-1", "tosspay": "channel-key-2"}
    text = shown(payer, CHARGE)
    assert text.index("Card") < text.index("Kakao Pay") < text.index("Toss Pay")
    assert "PAYCO" not in text
    # Its payer is known.
    told = payer.post(CHECKOUT, {"amount": "10000", "pay_method": "kakaopay", "buyer_tel": ""})
    assert (told.status_code, told.json()["request_pay"]["channelKey"]) == (201, "channel-key-1")


# -- the page of one payment -----------------------------------------------------------------------


def test_every_state_has_its_standing_and_its_page(
    payer: Client, gateway: SandboxGateway, user: Any
) -> None:
    made = states(gateway.control, user)
    for name, txn in made.items():
        fresh = PointTransaction.objects.select_related("owner").get(pk=txn.pk)
        with override("en"):
            display = display_status(fresh)
        assert display.status == STATES[name], name
        text = page(payer, txn)
        assert f'class="outcome {display.status}"' in text, name
        assert display.title in text, name
        shown = display.short or display.message
        assert shown in text or name in (
            "paid",
            "paid_twice",
            "by_phone",
            "refundable_deposit",
            "cancel_refused",
            "cancelled",
        ), name
        assert txn.merchant_uid in text
        assert statements(payer, f"/billing/payments/{txn.merchant_uid}/") <= 7, name


def test_paid_shows_points_before_and_after(payer: Client, gallery: Gallery, user: Any) -> None:
    gallery.paid(7_000)
    txn = gallery.paid(10_000)
    gallery.paid(5_000)
    Point.objects.spend(user=user, amount=2_000, idempotency_key="coffee")
    text = page(payer, txn)
    # Before, after, now.
    assert ("7,000P" in text, "17,000P" in text, "20,000P" in text) == (
        True,
        True,
        True,
    )
    owner = Point.objects.get()
    PointEntry.objects.bulk_create(
        PointEntry(owner=owner, kind="adjust", idempotency_key=f"k{number}", delta=(-1) ** number)
        for number in range(LATER_ENTRIES)
    )
    assert "17,000P" not in page(payer, txn)  # too long ago to tell cheaply


def test_wrong_money_beside_a_newer_account(payer: Client, gallery: Gallery) -> None:
    txn = gallery.wrong_deposit()
    text = page(payer, txn)
    assert (
        "40,000 won was paid instead of 50,000 won. No points were added, and the money will "
        "be sent back." in text
    )
    assert PointTransaction.objects.get(pk=txn.pk).vbank_num in text
    # Nothing moves before the payer names an account.
    assert "Your money has to go back to you" in text
    assert "Tell our support the payment number, and the account for your money." in text
    assert f"mailto:help@example.com?subject={txn.merchant_uid}" in text
    gallery.change(txn, review="", has_notes=False)
    txn.cancellations.update(state="done", needs_staff=False)
    gallery.change(txn, review="wrong_amount", has_notes=True)
    text = page(payer, txn)  # sent back meanwhile: the account is what the payer can act upon
    assert 'class="outcome waiting"' in text
    assert (
        "40,000 won was paid instead of 50,000 won. No points were added, and the money was "
        "sent back." in text
    )


def test_the_gateways_reason_is_quoted_unchanged(payer: Client, gallery: Gallery) -> None:
    txn = gallery.change(gallery.declined(), fail_reason="[한도초과] <b>한도</b>를 넘었어요")
    text = " ".join(page(payer, txn).split())
    assert (
        '<blockquote class="quote" lang="ko">[한도초과] &lt;b&gt;한도&lt;/b&gt;를 넘었어요</blockquote>'
        in text.replace("> [", ">[").replace("요 <", "요<")
    )
    assert "Nothing was taken" in text
    assert f"{CHARGE}?amount=10000&amp;pay_method=card" in text
    # Ours, not the gateway's.
    assert "the gateway did not answer" not in page(payer, gallery.not_started())


@pytest.mark.parametrize(
    "reason",
    [
        "[결제포기] 사용자가 결제를 취소하셨습니다",
        "사용자 취소",
        "고객님이 결제를 중단했습니다",
        "PAY_PROCESS_CANCELED",
    ],
)
def test_who_stopped_is_told_so(gallery: Gallery, reason: str) -> None:
    txn = gallery.change(gallery.declined(), fail_reason=reason)
    with override("ko"):
        assert display_status(gallery.fresh(txn)).message == "결제를 멈췄어요. 빠져나간 돈은 없어요"


@pytest.mark.parametrize(
    "reason", ["", "한도초과", "카드사에서 승인을 거절하였습니다", "유효하지 않은 카드 취소된 카드"]
)
def test_who_was_declined_is_not_told_that_they_stopped(gallery: Gallery, reason: str) -> None:
    txn = gallery.change(gallery.declined(), fail_reason=reason)
    with override("ko"):
        assert (
            display_status(gallery.fresh(txn)).message
            == "결제가 승인되지 않았어요. 빠져나간 돈은 없어요"
        )


def test_balance_below_zero_is_said(
    payer: Client, gallery: Gallery, gateway: SandboxGateway, user: Any
) -> None:
    txn = gallery.paid()
    Point.objects.spend(user=user, amount=8_000, idempotency_key="coffee")
    gateway.cancel(str(txn.imp_uid))
    PointTransaction.objects.sync(str(txn.imp_uid))
    for text in (page(payer, txn), shown(payer, CHARGE)):
        assert "you are 8,000P short" in text


def test_a_refund_is_offered_or_its_absence_explained(
    payer: Client, gallery: Gallery, user: Any
) -> None:
    txn = gallery.paid()
    assert 'id="refund-open"' in page(payer, txn)
    Point.objects.spend(user=user, amount=1_000, idempotency_key="coffee")
    text = page(payer, txn)
    assert 'id="refund-open"' not in text
    assert "1,000P are missing for a refund" in text


def test_the_page_of_somebody_else_does_not_exist(
    payer: Client, make_txn: Callable[..., Any], make_user: Callable[..., Any]
) -> None:
    txn = make_txn(owner=make_user("other"))
    assert payer.get(f"/billing/payments/{txn.merchant_uid}/").status_code == 404


# -- small things ----------------------------------------------------------------------------------


def test_terms_are_open_to_everybody(client: Client, settings: Settings) -> None:
    settings.BILLING_SELF_CANCEL_DAYS = 14
    assert "14" in shown(client, "/billing/terms/")


def test_terms_promise_no_more_for_a_deposit_than_the_page_can_do(client: Client) -> None:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert "A deposit into a virtual account may have to be refunded by our support." in shown(
        client, "/billing/terms/"
    )


@pytest.mark.parametrize("method", ["card", "trans", "vbank", "phone", "kakaopay", ""])
def test_every_method_says_when_money_is_back(method: str) -> None:
    assert arrival_words(method)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1분"), (59, "1분"), (3_599, "59분"), (3_600, "1시간"), (90_000, "1일"), (200_000, "2일")],
)
def test_time_left_in_words(seconds: int, words: str) -> None:
    with override("ko"):
        assert left_words(seconds).startswith(words)
