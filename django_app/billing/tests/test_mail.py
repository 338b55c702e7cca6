"""Mail about payments: who gets which, in which language, and that nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from billing.gateway.api import RefundAccount
from billing.models import Point, PointTransaction
from billing.notifications import mail_queue
from billing.notifications.member_mail import Letter, account, cancelled, message, paid, returned
from billing.tests.support.languages import strangers
from billing.tests.support.threads import together

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

rows = PointTransaction.objects
ADDRESS = "payer@example.com"


@pytest.fixture(autouse=True)
def _mail_is_on(settings: Any) -> Iterator[None]:
    settings.BILLING_MAIL = True
    yield
    assert mail_queue.wait(30)


@pytest.fixture
def payer(make_user: Any) -> Any:
    return make_user("somebody", email=ADDRESS)


@pytest.fixture
def start(payer: Any, gateway: Any) -> Any:
    """start(10_000, "card", language="ko") → an attempt of the payer."""

    def make(
        amount: int = 10_000, pay_method: str = "card", *, user: Any = None, language: str = "ko"
    ) -> PointTransaction:
        with override(language):
            return rows.start(user=user or payer, amount=amount, pay_method=pay_method)

    return make


def sent() -> list[Any]:
    """What has left, once all has been done."""
    assert mail_queue.wait(30)
    return mail.outbox


def html(one: Any) -> str:
    [(content, kind)] = one.alternatives
    assert kind == "text/html"
    return content


# -- which -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "subject"),
    [("ko", "10,000P를 받았어요"), ("en", "You received 10,000P"), ("", "10,000P를 받았어요")],
)
def test_paid(start: Any, gateway: Any, language: str, subject: str) -> None:
    txn = start()
    Point.objects.update(language=language)
    rows.sync(gateway.pay(txn.merchant_uid))
    [one] = sent()
    assert (one.subject, one.to, one.from_email) == (subject, [ADDRESS], "no-reply@localhost")
    for text in (one.body, html(one)):
        assert "10,000" in text
        assert txn.merchant_uid in text
        assert "somebody" not in text  # a name is nothing for a mail that may go astray
    assert "http" not in one.body  # there is no PUBLIC_URL, and a request's host is not at hand
    assert one.extra_headers["Auto-Submitted"] == "auto-generated"


def test_once_however_often_and_from_wherever_the_news_comes(start: Any, gateway: Any) -> None:
    txn = start()
    imp_uid = gateway.pay(txn.merchant_uid)
    points = [applied.points for applied in together([lambda: rows.sync(imp_uid)] * 4)]
    assert sorted(points) == [0, 0, 0, 10_000]
    assert len(sent()) == 1


def test_an_account_and_its_deadline(start: Any, gateway: Any) -> None:
    txn = start(pay_method="vbank", language="en")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    rows.sync(imp_uid)
    rows.sync(imp_uid)
    [one] = sent()
    txn.refresh_from_db()
    assert one.subject.startswith("Pay in by ")
    assert txn.vbank_num in one.body
    assert txn.vbank_name in one.body
    assert "Exact amount: 10,000 won" in one.body
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    assert [letter.subject for letter in sent()][1:] == ["You received 10,000P"]


def test_cancelled_in_part_and_whole(start: Any, gateway: Any, payer: Any) -> None:
    txn = start(language="en")
    imp_uid = gateway.pay(txn.merchant_uid)
    rows.sync(imp_uid)
    rows.cancel(txn, reason="r", by=payer, amount=3_000)
    gateway.cancel(imp_uid)  # at the console: the rest
    rows.sync(imp_uid)
    _paid, part, rest = sent()
    assert part.subject == "We refunded 3,000 won"
    assert "We refunded 3,000 won of your payment of 10,000 won and took back 3,000P." in part.body
    assert "Your points: 7,000P" in part.body
    assert rest.subject == "We refunded 7,000 won"
    assert "Refunded in all: 10,000 won" in rest.body
    whole = start(language="en")
    rows.sync(gateway.pay(whole.merchant_uid))
    rows.cancel(whole, reason="r", by=payer)
    assert "We refunded your payment of 10,000 won and took back 10,000P." in sent()[-1].body


def test_a_cancel_that_the_gateway_refuses_is_no_news(start: Any, gateway: Any, payer: Any) -> None:
    txn = start()
    rows.sync(gateway.pay(txn.merchant_uid))
    gateway.control("faults", path="payments/cancel", code=1, message="no", times=1)
    rows.cancel(txn, reason="r", by=payer)
    assert len(sent()) == 1


def test_points_that_were_spent_are_said_to_be_missing(
    start: Any, gateway: Any, payer: Any
) -> None:
    txn = start(language="en")
    imp_uid = gateway.pay(txn.merchant_uid)
    rows.sync(imp_uid)
    Point.objects.spend(user=payer, amount=4_000, idempotency_key="order")
    gateway.cancel(imp_uid)
    rows.sync(imp_uid)
    assert "you are 4,000P short" in sent()[-1].body


def test_wrong_money_was_sent_back(start: Any, gateway: Any) -> None:
    txn = start(language="en")
    rows.sync(gateway.pay(txn.merchant_uid, amount=9_000))
    [one] = sent()
    assert one.subject == "We sent 9,000 won back to you"
    assert "Your points did not change" in one.body


def test_the_members_own_cancel_of_an_account(start: Any, gateway: Any, payer: Any) -> None:
    """Accepted is not done: the mail waits for the money."""
    txn = start(pay_method="vbank", language="en")
    imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank")
    gateway.control(f"payments/{imp_uid}/deposit")
    rows.sync(imp_uid)
    gateway.control("faults", path="payments/cancel", cancel_later_s=60, times=1)
    cancellation = rows.cancel(
        txn,
        reason="r",
        by=payer,
        refund_account=RefundAccount(bank="88", account="110123456789", holder="h"),
    )
    assert cancellation.state == "accepted"
    assert not any("refunded" in one.subject for one in sent())
    gateway.control("clock", advance_s=61)
    rows.finish(cancellation)
    assert sent()[-1].subject == "We refunded 10,000 won"


# -- who not ---------------------------------------------------------------------------------------


def test_a_member_without_an_address_gets_none(start: Any, gateway: Any, make_user: Any) -> None:
    for who in (make_user("nobody"), make_user("gone", email="gone@example.com", is_active=False)):
        rows.sync(gateway.pay(start(user=who).merchant_uid))
    assert sent() == []


def test_a_setting_turns_it_off(start: Any, gateway: Any, settings: Any) -> None:
    settings.BILLING_MAIL = False
    rows.sync(gateway.pay(start().merchant_uid))
    assert sent() == []


# -- what it costs ---------------------------------------------------------------------------------


def test_the_request_asks_nothing_for_it(start: Any, gateway: Any, settings: Any) -> None:
    def statements() -> int:
        imp_uid = gateway.pay(start().merchant_uid)
        with CaptureQueriesContext(connection) as captured:
            rows.sync(imp_uid)
        return len(captured)

    with_mail = statements()
    settings.BILLING_MAIL = False
    assert statements() == with_mail
    assert len(sent()) == 1


class Hanging(BaseEmailBackend):
    """A mail server that says nothing until it is let go."""

    go_on = threading.Event()

    def send_messages(self, messages: Any) -> int:
        assert self.go_on.wait(30)
        mail.outbox.extend(messages)
        return len(messages)


def test_nobody_waits_for_a_mail_server(start: Any, gateway: Any, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Hanging"
    Hanging.go_on.clear()
    assert rows.sync(gateway.pay(start().merchant_uid)).points == 10_000
    assert mail.outbox == []
    assert not mail_queue.wait(0)
    Hanging.go_on.set()
    assert len(sent()) == 1


class Refusing(BaseEmailBackend):
    """A mail server that quotes the address in its refusal."""

    def send_messages(self, messages: Any) -> int:
        raise OSError(f"550 no such user {messages[0].to}")


def test_a_mail_server_that_refuses_harms_nothing(
    start: Any, gateway: Any, settings: Any, caplog: Any
) -> None:
    first, second = start(), start()
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    with caplog.at_level(logging.WARNING):
        assert rows.sync(gateway.pay(first.merchant_uid)).points == 10_000
        assert sent() == []
    assert f"mail not sent (OSError): paid {first.merchant_uid}" in caplog.text
    assert ADDRESS not in caplog.text
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    rows.sync(gateway.pay(second.merchant_uid))
    assert len(sent()) == 1


def test_too_much_mail_is_dropped_and_said(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(mail_queue, "MOST_WAITING", 2)
    box, go_on, done = mail_queue.MailQueue(), threading.Event(), []
    assert box.put("first", lambda: go_on.wait(30))
    taken = []
    for _ in range(50):  # the first may or may not have been taken out yet
        taken.append(box.put("more", lambda: done.append(1)))
    assert taken.count(True) in (1, 2)
    assert "too much mail waits; not sent: more" in caplog.text
    go_on.set()
    assert box.empty(30)
    assert len(done) == taken.count(True)
    assert box.put("later", lambda: done.append(1))
    assert box.empty(30)
    assert len(done) == taken.count(True) + 1


# -- what it looks like ----------------------------------------------------------------------------


def a_txn(**facts: Any) -> PointTransaction:
    given = {
        "merchant_uid": "20261123-abc",
        "amount": 10_000,
        "pay_method": "card",
        "paid_at": datetime(2026, 11, 23, tzinfo=UTC),
    }
    return PointTransaction(**{**given, **facts})


DUE = datetime(2026, 11, 26, 14, 59, tzinfo=UTC)
LETTERS = {
    "paid": lambda: paid(a_txn(), points=10_000, balance=12_000),
    "account": lambda: account(
        a_txn(vbank_name="88", vbank_num="110-1", vbank_holder="1", vbank_date=DUE), balance=0
    ),
    "account without deadline": lambda: account(
        a_txn(vbank_name="88", vbank_num="110-1"), balance=0
    ),
    "cancelled": lambda: cancelled(a_txn(cancel_amount=10_000), points=10_000, balance=2_000),
    "part": lambda: cancelled(a_txn(cancel_amount=5_000), points=3_000, balance=-2_000),
    "returned": lambda: returned(a_txn(), amount=Decimal(9_000), currency="KRW", balance=0),
    "returned dollars": lambda: returned(
        a_txn(), amount=Decimal("12.50"), currency="USD", balance=0
    ),
}


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("name", LETTERS)
def test_every_word_is_translated(settings: Any, name: str, language: str) -> None:
    settings.PUBLIC_URL = "https://points.example"
    settings.BILLING_MERCHANT = {**settings.BILLING_MERCHANT, "name": "1", "telephone": "02-1"}
    with override(language):
        one = message(LETTERS[name](), ADDRESS)
    data = ("20261123-abc", "USD", ADDRESS)
    assert strangers(html(one), language=language, data=data) == []
    assert (
        strangers(
            f'<p lang="{language}">{one.subject} {one.body}</p>', language=language, data=data
        )
        == []
    )
    assert "https://points.example/billing/payments/20261123-abc/" in one.body
    assert 'href="https://points.example/billing/payments/20261123-abc/"' in html(one)
    assert 'scope="row"' in html(one)
    assert "presentation" not in html(one)  # or the headings of the rows would be taken away again


def test_the_deadline_in_both_languages() -> None:
    for language, words in (
        ("ko", "11월 26일 (목) 23:59까지 입금해 주세요"),
        ("en", "Pay in by Thu 26 Nov, 23:59"),
    ):
        with override(language):
            assert LETTERS["account"]().subject == words


def test_what_others_wrote_is_neither_markup_nor_a_header() -> None:
    letter = Letter(
        "a\r\nBcc: everybody@example.com", ["<b>&"], [("label", "<script>alert(1)</script>")]
    )
    one = message(letter, ADDRESS)
    assert one.subject == "a Bcc: everybody@example.com"
    assert "Bcc" not in one.message()
    assert "<b>&" in one.body
    assert "<script>" not in html(one)
    assert "&lt;script&gt;" in html(one)
