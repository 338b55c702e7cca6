"""The history as files, and addresses that nobody links to."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from billing.reports.csv_file import cell
from billing.tests.support.history import (
    ALL,
    ENTRIES_CSV,
    PAYMENTS,
    PAYMENTS_CSV,
    spend,
    streamed,
    table,
)

pytestmark = pytest.mark.django_db


BAD = ["kind=nothing", "kind=%00", "month=2026-13", "month=2026", "month=1999-01", "month=２０２６-01",
    "month=2026-1", "before=0", "before=-1",
       "before=1_0", "before=9999999999999999999", "before=١", "before=a", "month=2026-11%00",
       "before=%F0%9F%92%A5", "kind=paid'--"]  # fmt: skip


@pytest.mark.parametrize("address", ALL)
@pytest.mark.parametrize("query", BAD)
def test_a_choice_that_cannot_be_is_not_found(
    member: Client, add: Any, address: str, query: str
) -> None:
    add(paid=True)
    assert member.get(f"{address}?{query}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "kind=&month=&before=",
        "before=999999999999999999",
        "before=1",
        "else=1",
        "month=2099-12",
        "month=2000-01",
    ],
)
def test_a_choice_that_finds_nothing_is_a_page(member: Client, add: Any, query: str) -> None:
    add(paid=True)
    for address in ALL:
        assert member.get(f"{address}?{query}").status_code == 200


# -- files -----------------------------------------------------------------------------------------


def test_the_file_of_payments(member: Client, add: Any) -> None:
    txn = add(cancelled=3_000)
    response = member.get(PAYMENTS_CSV, headers={"Accept-Language": "en"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="payments-2026-11-24.csv"'
    content = b"".join(streamed(response))
    assert content.startswith(b"\xef\xbb\xbf")
    head, row = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert head == [
        "Time",
        "Payment number",
        "State",
        "Method",
        "Amount (won)",
        "Refunded (won)",
        "Points",
    ]
    assert row == [
        "2026-11-24 12:00:00",
        txn.merchant_uid,
        "Partly refunded",
        "Card",
        "10000",
        "3000",
        "7000",
    ]


def test_the_file_follows_the_choice_and_the_language(member: Client, add: Any, user: Any) -> None:
    add(paid=True)
    spend(user, -700, "책")
    response = member.get(
        f"{ENTRIES_CSV}?kind=spend&month=2026-11", headers={"Accept-Language": "ko"}
    )
    assert response["Content-Disposition"] == 'attachment; filename="points-2026-11.csv"'
    assert table(response) == [
        ["시각", "종류", "포인트", "메모", "결제 번호"],
        ["2026-11-24 12:00:00", "사용", "-700", "책", ""],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "＝1",
        "  =1",
        "\t=1",
        "\r=1",
        "\n1",
        "\u00a0=1",
        '=HYPERLINK("http://x")',
    ],
)
def test_a_text_is_never_a_formula(member: Client, user: Any, text: str) -> None:
    assert cell(text) == f"'{text}"
    spend(user, -1, text)
    content = b"".join(streamed(member.get(ENTRIES_CSV))).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(content, newline="")))[1][3] == f"'{text}"


def test_numbers_and_plain_texts_stay_as_they_are() -> None:
    assert [cell(value) for value in (-700, "영화 예매", "a=b", "", "a\0b")] == [
        -700,
        "영화 예매",
        "a=b",
        "",
        "ab",
    ]


def test_a_long_file_comes_in_parts(member: Client, add: Any) -> None:
    for _ in range(450):
        add()
    response = member.get(PAYMENTS_CSV)
    parts = streamed(response)
    assert len(parts) == 3
    assert len(b"".join(parts).decode().splitlines()) == 451


def test_too_many_files(member: Client, make_user: Any) -> None:
    assert [member.get(PAYMENTS_CSV).status_code for _ in range(11)] == [200] * 10 + [429]
    assert member.get(PAYMENTS).status_code == 200
    stranger = Client()
    stranger.force_login(make_user("stranger"))
    assert stranger.get(PAYMENTS_CSV).status_code == 200  # counted for each member alone
