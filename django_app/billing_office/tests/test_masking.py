"""What people wrote into a free text: numbers and addresses are masked, ids and amounts are not."""

from __future__ import annotations

import csv
import io

import pytest

from billing.models import PointEntry, PointTransaction, WebhookEvent
from billing_office import masking
from billing_office.tests.conftest import url


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("call 010-1234-5678 please", "call 010-••••-5678 please"),
        ("연락처01012345678로 주세요", "연락처010-••••-5678로 주세요"),
        ("02-123-4567, 010 1234 5678", "021-••••-4567, 010-••••-5678"),
        ("+82 10-1234-5678", "821-••••-5678"),
        ("메일hong@example.com으로", "메•••@example.com으로"),
        ("a=1&email=hong%40example.com&b=2", "a=1&email=h•••%40example.com&b=2"),
        ('{"mail": "hong@example.com"}', '{"mail": "h•••@example.com"}'),
        ("국민 110-123-456789 홍", "국민 ••••6789 홍"),
        ("11012345678901.", "••••8901."),
        ("card 1234 5678 9012 3456", "card ••••3456"),
        ("\x00", "\x00"),
        ("", ""),
    ],
)
def test_what_tells_of_a_person_is_masked(written, shown):
    assert masking.free_text(written) == shown
    assert masking.free_text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "imp_123456789012 paid 9000 KRW; the row asks for 10000 KRW once",
        "imps_010123456789: return #12345678 done",
        "order 20261126-k3a4567890123 and 20261126-2345678abc",
        "order 20261126k3a4567890123 and 202611262345678abc",
        "01234567-0123-4567-8901-23456789abcd",
        "1,234,567,890 won, 1000000000 KRW, 1000000000원",
        "2026-11-28 05:51:34, 2026-11-28 05 hours",
        "cancelled in part, 12.5 USD, #12",
    ],
)
def test_ids_amounts_and_days_stay(text):
    assert masking.free_text(text) == text


def test_known_ids_stay():
    text = '{"merchant_uid": "1700000000001", "tel": "01012345678"}'
    assert masking.free_text(text, keep=("1700000000001",)) == text.replace(
        "01012345678", "010-••••-5678"
    )


# -- where people write ----------------------------------------------------------------------------

TEL = "010-1234-5678"


@pytest.fixture
def written(make_txn):
    """A payment with a number in each free text, and a delivery of it."""
    txn = make_txn()
    PointTransaction.objects.filter(pk=txn.pk).update(
        fail_reason=f"fail {TEL}",
        cancel_reason=f"reason {TEL}",
        has_notes=True,
        failed_at=txn.created_at,
        cancelled_at=txn.created_at,
    )
    txn.notes.create(code="resolved", params={"reason": f"note {TEL}"}, by_name="boss")
    txn.cancellations.create(
        kind="cancel", state="refused", imp_uid="imp_1", amount=1, base=0, checksum=1,
        reason=f"why {TEL}", error=f"error {TEL}", closed_at=txn.created_at
    )  # fmt: skip
    PointEntry.objects.create(
        owner=txn.owner, kind="spend", idempotency_key="k", delta=-1, memo=f"memo {TEL}"
    )
    event = WebhookEvent.objects.create(
        imp_uid="imp_1", merchant_uid=txn.merchant_uid, body=f"body {TEL}", error=f"remark {TEL}"
    )
    return txn, event


def pages(txn, event, **query):
    return [
        (url("pointtransaction", txn.pk, "change"), query),
        (url("webhookevent", event.pk, "change"), query),
        (url("point", txn.owner_id, "change"), query), (url("pointcancellation"), {}),
        (url("pointentry"), {}), (url("webhookevent"), {}),
    ]  # fmt: skip


@pytest.mark.django_db
def test_pages_mask_what_people_wrote(support, finance, written):
    txn, event = written
    for client in (support, finance):
        texts = [client.get(address, query).text for address, query in pages(txn, event)]
        assert [TEL in text for text in texts] == [False] * 6
        assert ["010-••••-5678" in text for text in texts] == [True] * 6
    full = [support.get(address, query).text for address, query in pages(txn, event, full=1)[:3]]
    for word in ("fail", "reason", "note", "why", "error", "remark"):
        assert f"{word} {TEL}" in full[0]
    assert f"body {TEL}" in full[1]
    assert f"memo {TEL}" in full[2]
    assert finance.get(url("webhookevent", event.pk, "change"), {"full": 1}).status_code == 403
    assert (
        "Looked at personal data in full"
        in finance.get(url("webhookevent", event.pk, "change")).text
    )


@pytest.mark.django_db
def test_notes_of_staff_are_masked_too(finance, make_txn):
    txn = make_txn()
    PointTransaction.objects.filter(pk=txn.pk).update(review="wrong_amount")
    finance.post(
        url("pointtransaction", txn.pk, "resolve"), {"note": f"called {TEL}", "confirmed": "yes"}
    )
    text = finance.get(url("pointtransaction", txn.pk, "change")).text
    assert TEL not in text
    assert text.count("called 010-••••-5678") == 2


@pytest.mark.django_db
def test_files_mask_them_unless_in_full(finance, boss, written):
    for client, masked in ((finance, True), (boss, False)):
        for name, words in (("pointentry", ["memo"]), ("pointcancellation", ["why", "error"])):
            response = client.get(url(name, "export", "csv"))
            cells = next(
                csv.reader(
                    io.StringIO(
                        b"".join(response.streaming_content).decode("utf-8-sig").split("\r\n", 1)[1]
                    )
                )
            )
            for word in words:
                assert f"{word} {'010-••••-5678' if masked else TEL}" in cells
