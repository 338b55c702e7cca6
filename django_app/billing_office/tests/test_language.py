"""The back office in Korean: no page shows a word of English that is no name, number or code."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from billing.gateway.payment import Payment
from billing.models import (
    Point,
    PointCancellation,
    PointTransaction,
    TransactionNote,
    UnmatchedPayment,
    WebhookEvent,
)
from billing.note_codes import ErrorCode, NoteCode, Why
from billing.states import Review
from billing.tests.support.payments import payment_json
from billing.tests.test_house import BILLING
from billing_office import error_messages, review_notes
from billing_office.tests.conftest import url

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

# What stays as it is in every language: codes of the gateway, names of data, people in this test,
# the language's own name.
NAMES = re.compile(
    r"imp_\w*|merchant_uid|\d{8}-?[a-z0-9]{26}|html5_inicis|INIpayTest\w*|Stdpay\w*|PG|UTF|KRW|CSV|XLSX|English|boss|payer|minji\w*|shop-\w+"
    r"|\S+@\S+|billing: \w+|Esc|md5|Single Sign-On|LDAP|Mac|\"(?:Control|Command)\""
    r"|\(dead\)"
    r"|[a-z_]+\.(?:html|css)|paid|ready|https?://\S+",
    re.IGNORECASE,
)


class Words(HTMLParser):
    """What people read of a page: text, and the attributes that are read out. Names of icons are
    pictures.
    """

    def __init__(self):
        super().__init__()
        self.hidden = []
        self.said = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if not self.hidden:
            self.said += [
                given[name]
                for name in ("placeholder", "title", "aria-label", "alt")
                if given.get(name)
            ]
        if (
            tag in ("script", "style", "template", "code", "pre")
            or "material-symbols-outlined" in (given.get("class") or "")
            or (given.get("name") or "").endswith(
                "permissions"
            )  # Django keeps names of permissions in the database, in English
            or (self.hidden and tag == self.hidden[-1])
        ):
            self.hidden.append(tag)

    def handle_endtag(self, tag):
        if self.hidden and tag == self.hidden[-1]:
            self.hidden.pop()

    def handle_data(self, data):
        if not self.hidden:
            self.said.append(data)


def english(page):
    words = Words()
    words.feed(page)
    said = [" ".join(NAMES.sub(" ", text).split()) for text in words.said]
    # A password's hash, as Django masks it.
    said = [re.sub(r"\w+\*{6,}", "", text) for text in said]
    return sorted({text for text in said if re.search(r"[A-Za-z]{3,}", text)})


def test_this_test_finds_english():
    assert english("<p>결제 <b title='Close'>x</b> Nothing here <span class='material-symbols-outlined'>filter_list</span></p>") == [
        "Close", "Nothing here",
    ]  # fmt: skip


def test_every_page_is_korean(gateway, make_staff, make_user, paid, user):
    client = Client(headers={"accept-language": "ko"})
    login = english(client.get("/admin/", follow=True).text)
    boss = make_staff("boss")
    client.force_login(boss)
    txn = paid()
    PointTransaction.objects.cancel(txn, reason="단순 변심", by=boss, amount=2_000)
    gateway.cancel(txn.imp_uid, 1_000)
    PointTransaction.objects.filter(pk=txn.pk).update(review=Review.CANCEL_UNCLEAR)
    waiting = PointTransaction.objects.start(user=user, amount=10_000, pay_method="vbank")
    PointTransaction.objects.sync(gateway.pay(waiting.merchant_uid, outcome="vbank"))
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
    event = WebhookEvent.objects.create(
        imp_uid=txn.imp_uid, merchant_uid=txn.merchant_uid, outcome="dead"
    )
    Point.objects.adjust(user=user, delta=1, idempotency_key="k", reason="정정", by=boss)
    for number, status in enumerate(["paid", "paid", "failed"]):
        lost = payment_json(
            imp_uid=f"imp_98765432100{number}", merchant_uid=f"shop-{number}", status=status
        )
        UnmatchedPayment.objects.record([Payment.from_json(lost)])
    unmatched = UnmatchedPayment.objects.first()
    UnmatchedPayment.objects.not_ours([unmatched.pk], by=boss, reason="다른 가게")
    client.post(url("pointtransaction", txn.pk, "sync"))
    client.post(url("webhookevent", event.pk, "replay"))
    case, members = url("pointtransaction", txn.pk, "change"), url("point", user.pk, "change")
    addresses = [
        "/admin/", "/admin/billing/", "/admin/password_change/",
        *(url(model) for model in ("pointtransaction", "pointentry", "pointcancellation",
            "webhookevent", "point", "reconcilerun", "dailyfigures", "unmatchedpayment")),
        url("unmatchedpayment") + "?decision=",
        url("unmatchedpayment") + f"not-ours/?row={unmatched.pk}",
        url("pointtransaction") + "?q=10000&since=2026-11-05&until=2026-11-01",
        url("pointtransaction") + "?q=imp_404404404404", f"{case}?ask=1&full=1",
        *(url("pointtransaction", txn.pk, name) for name in ("cancel", "resolve")),
        url("pointtransaction", waiting.pk, "cancel"),
        url("pointtransaction", waiting.pk, "close-account"), url("pointtransaction", "adopt"),
        *(url("pointcancellation", one.pk, name) for name in ("finish", "settle")),
        url("webhookevent", event.pk, "change"),
        members, url("point", user.pk, "adjust"), url("point", user.pk, "leave"),
        "/admin/auth/user/", "/admin/auth/user/add/", f"/admin/auth/user/{user.pk}/change/",
        f"/admin/auth/user/{user.pk}/password/",
        "/admin/auth/group/", "/admin/auth/group/1/change/", "/admin/auth/group/add/",
        f"/admin/auth/user/{boss.pk}/history/",
    ]  # fmt: skip
    found = {"login": login} if login else {}
    for address in addresses:
        response = client.get(address, follow=True)
        assert response.status_code == 200, address
        if leftovers := english(response.text):
            found[address] = leftovers
    confirm = client.post(
        url("pointtransaction", txn.pk, "cancel"),
        {"amount": "1", "reason": "변심", "remaining": "7000", "rule": "unspent"},
    )
    found |= {"confirm": english(confirm.text)} if english(confirm.text) else {}
    assert found == {}


ABOUT = {"imp_uid": "imp_1"}
KNOWN: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "wrong_amount",
        {**ABOUT, "paid": "9000", "currency": "KRW", "test": False, "asked": 10_000},
        "imp_1 paid 9,000 KRW; the row asks for 10,000 KRW once",
        "imp_1: 9,000 KRW 결제됨. 이 주문은 10,000 KRW 한 번이에요",
    ),
    (
        "cancel_unclear",
        {**ABOUT, "amount": 5_000, "why": "no_answer", "tries": 2},
        "imp_1: the cancel of 5,000 won: sent 2 times without an answer",
        "imp_1: 5,000원 환불: 2번 보냈지만 답이 없음",
    ),
    (
        "given_up",
        {**ABOUT, "kind": "return", "number": 7},
        "imp_1: return #7 given up by boss",
        "imp_1: 반환 #7 boss 직원이 포기함",
    ),
    (
        "claimed",
        {"member": "hong@example.com"},
        "adopted for h•••@example.com by boss",
        "boss 직원이 h•••@example.com 회원에게 귀속함",
    ),
    (
        "resolved",
        {"reason": "sent back, see ticket 5"},
        "resolved by boss: sent back, see ticket 5",
        "boss 직원이 검토를 마침: sent back, see ticket 5",
    ),
    ("legacy", {"text": "100% sure %(x)s {y}"}, "100% sure %(x)s {y}", "100% sure %(x)s {y}"),
    ("of another version", {}, "of another version", "of another version"),
]


@pytest.mark.parametrize(("code", "params", "english", "korean"), KNOWN)
def test_notes_are_read_in_both_languages(
    code: str, params: dict[str, Any], english: str, korean: str
) -> None:
    note = TransactionNote(code=code, params=params, by_name="boss")
    with override("en"):
        assert review_notes.note_words(note) == english
    with override("ko"):
        assert review_notes.note_words(note) == korean


def test_why_money_goes_back_is_read_in_both_languages() -> None:
    back = PointCancellation(kind="return", reason="wrong money: x", reason_code="wrong_amount")
    with override("en"):
        assert review_notes.reason_words(back) == "wrong money: A different amount was paid"
    with override("ko"):
        assert review_notes.reason_words(back) == "잘못 결제된 돈: 다른 금액이 결제됨"


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (review_notes.NOTES, [*Review, *NoteCode]),
        (review_notes.WHYS, list(Why)),
        (review_notes.ERRORS, list(ErrorCode)),
    ],
    ids=["notes", "why", "errors"],
)
def test_every_code_has_its_words(words: dict[str, Any], codes: list[str]) -> None:
    assert set(words) == set(codes)


def test_what_happens_to_a_row_is_read_in_korean(gateway, make_staff, user):
    """Lines that the verbs really write; none of them stays English."""
    boss = make_staff("boss")
    txn = PointTransaction.objects.start(user=user, amount=10_000, pay_method="vbank")
    for amount in (9_000, 10_000, 10_000):
        imp_uid = gateway.pay(txn.merchant_uid, outcome="vbank", amount=amount)
        gateway.control(f"payments/{imp_uid}/deposit")
        PointTransaction.objects.sync(imp_uid)
    Point.objects.spend(user=user, amount=9_000, idempotency_key="k")
    gateway.cancel(PointTransaction.objects.get().imp_uid)
    PointTransaction.objects.sync(PointTransaction.objects.get().imp_uid)
    for one in PointCancellation.objects.all():
        PointTransaction.objects.decide_refund(one, choice="give_up", by=boss)
    PointTransaction.objects.resolve(PointTransaction.objects.get(), by=boss, note="확인")
    found = PointTransaction.objects.get()
    assert found.notes.count() >= 7
    with override("ko"):
        texts = [review_notes.note_words(note) for note in found.notes.all()]
        texts += [
            text
            for one in PointCancellation.objects.all()
            for text in (review_notes.reason_words(one), review_notes.trouble_of(one))
        ]
    assert not [text for text in texts if re.search(r"[A-Za-z]{3,}", NAMES.sub(" ", text))]


def test_every_refusal_has_its_words() -> None:
    """The verbs refuse with codes; each has words, and these are translated."""
    tree = ast.parse((BILLING / "services" / "staff_decisions.py").read_text(encoding="utf-8"))
    codes = {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "NotAllowed"
        and isinstance(node.args[0], ast.Constant)
    }
    assert codes == set(error_messages.REFUSALS)
    with override("en"):
        english = {code: error_messages.refusal(code) for code in codes}
    with override("ko"):
        assert not [code for code in codes if error_messages.refusal(code) == english[code]]
