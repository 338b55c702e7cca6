"""The overview and the month's close: for whom, with which numbers, at what cost, and without
asking any gateway.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
import responses
from django.contrib.admin.models import LogEntry
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from billing.models import DailyFigures, Point, PointTransaction, ReconcileRun
from billing.reports import daily_stats
from billing.reports.closed_days import close_days
from billing.tests.test_open_work import one_of_each  # noqa: F401  (a fixture)
from billing_office.pages import charts, overview

pytestmark = [pytest.mark.money, pytest.mark.django_db]

INDEX = "/admin/"
CLOSE = "/admin/billing/dailyfigures/"
DAY = timedelta(days=1)


@pytest.fixture
def paid(user):
    """paid(10_000, back=3): an attempt of three days ago that was paid at once."""
    rows = iter(range(1, 10_000))

    def make(amount, *, back=0, method="card"):
        when, number = timezone.now() - back * DAY, next(rows)
        point, _ = Point.objects.get_or_create(user=user)
        txn = PointTransaction.objects.create(
            owner=point, merchant_uid=f"m-{number}", imp_uid=f"imp_{number}", amount=amount,
            pay_method=method, status="paid", credited=amount, credited_at=when
        )  # fmt: skip
        PointTransaction.objects.filter(pk=txn.pk).update(created_at=when)
        with patch("django.utils.timezone.now", return_value=when):
            txn.entries.create(owner=point, version=1, kind="charge", delta=amount)
        Point.objects.filter(pk=point.pk).update(balance=models.F("balance") + amount)
        return txn

    return make


def text(response):
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "sees"), [("support", False), ("nobody", False), ("finance", True), ("boss", True)]
)
def test_only_who_may_see_figures_sees_them(log_in, paid, group, sees):
    paid(12_300)
    browser = log_in(group)
    assert ("12,300P" in text(browser.get(INDEX))) == sees
    assert browser.get(CLOSE).status_code == (200 if sees else 403)
    assert browser.get(f"{CLOSE}export/csv/").status_code == (200 if sees else 403)
    assert ("billing/dailyfigures" in browser.get("/admin/").content.decode()) == sees


def test_strangers_log_in_first(client, user):
    for address in (INDEX, CLOSE, f"{CLOSE}export/csv/"):
        assert client.get(address).status_code == 302
        client.force_login(user)
        assert client.get(address).status_code == 302
        client.logout()


# -- the overview ----------------------------------------------------------------------------------


def test_nothing_yet(log_in):
    shown = text(log_in("finance").get(INDEX))
    assert "Points outstanding 0P" in shown
    assert "never ran" in shown
    assert "Success rate –" in shown


def test_periods_methods_and_what_is_owed(log_in, paid, user):
    paid(1_000)
    paid(20_000, back=3, method="kakaopay")
    paid(300_000, back=20)
    PointTransaction.objects.create(
        owner=Point.objects.get(), merchant_uid="m-0", amount=5_000, pay_method="card"
    )
    Point.objects.spend(user=user, amount=100, idempotency_key="k")
    close_days()
    shown = text(log_in("finance").get(INDEX))
    assert "Today Paid 1,000 won Cancelled 0 won Net 1,000 won Attempts 2 Success rate 50%" in shown
    assert (
        "7 days Paid 21,000 won Cancelled 0 won Net 21,000 won Attempts 3 Success rate 66%" in shown
    )
    assert (
        "30 days Paid 321,000 won Cancelled 0 won Net 321,000 won Attempts 4 Success rate 75%"
        in shown
    )
    assert "Kakao Pay 20,000 won" in shown
    assert "Points outstanding 320,900P" in shown
    assert "the nightly job is behind" not in shown


def test_it_says_that_nobody_closes_days(log_in, paid):
    paid(1_000, back=3)
    assert "the nightly job is behind" in text(log_in("finance").get(INDEX))


def test_what_waits(log_in, make_txn, make_user):
    for number in range(2):
        txn = make_txn()
        txn.cancellations.create(
            kind="cancel",
            state="unknown",
            needs_staff=bool(number),
            imp_uid="imp_1",
            amount=1,
            base=0,
            checksum=1,
            reason="r",
        )
    PointTransaction.objects.filter(pk=make_txn(amount=30_000).pk).update(
        vbank_num="1", vbank_date=timezone.now() + DAY, review="second_payment"
    )
    Point.objects.create(user=make_user("short"), balance=-700)
    ReconcileRun.objects.create(
        finished=timezone.now(), result={"exit_code": 1, "remaining": 3, "unknown": {"count": 4}}
    )
    finance = log_in("finance")
    response = finance.get(INDEX)
    shown = text(response)
    for words in (
        "Open reviews ! 1", "Unknown cancels ? 2", "Only staff can finish ! 1",
        "Deliveries not handled yet ○ 0",
        "Virtual accounts waiting for a deposit 30,000 won … 1", "Members below zero − 1",
        "1 members are 700P below zero",
        "Last reconcile ! 3 differ", "Unmatched payments ○ 0",
    ):  # fmt: skip
        assert words in shown
    links = re.findall(r'href="(/admin/billing/[a-z]+/\?[^"]+)"', response.content.decode())
    assert len(links) == 9
    for link in links:
        assert finance.get(link.replace("&amp;", "&")).status_code == 200
    shown = {
        link.split("?")[1]: finance.get(link.replace("&amp;", "&")).context["listing"].page
        for link in links
    }
    assert [
        len(shown[query])
        for query in (
            "review=any",
            "kind=cancel&amp;state=unknown",
            "kind=return&amp;open=1",
            "balance=below",
        )
    ] == [
        1,
        2,
        0,
        1,
    ]


def test_it_is_called_as_in_the_navigation(log_in):
    finance = log_in("finance")
    assert re.search(r"<title>\s*Overview\b", finance.get(INDEX).text)
    page = finance.get(INDEX, headers={"accept-language": "ko"}).text
    assert re.search(r"<title>\s*한눈에 보기", page)
    assert "사이트 관리" not in page


@pytest.mark.parametrize("page", ["abc", "0", "-1", "999", "1.5", "", "%00", "9" * 6000, "１"])
def test_no_page_of_the_frame_s_search_is_a_500(boss, page):
    for extended in ("", "&extended=1"):
        assert boss.get(f"/admin/search/?s=a&page={page}{extended}").status_code == 200


def test_each_number_is_that_of_the_list_it_leads_to(log_in, one_of_each):  # noqa: F811
    finance = log_in("finance")
    waiting = finance.get(INDEX).context["figures"]["waiting"]
    listed = {
        one.words: finance.get(one.address).context["listing"].queryset.count() for one in waiting
    }
    assert listed == {one.words: int(one.number) for one in waiting}
    assert len(listed) == 9
    assert min(listed.values()) == 2


def test_charts_can_be_read_as_tables(log_in, paid):
    paid(1_000)
    paid(20_000, back=3)
    page = log_in("finance").get(INDEX).content.decode()
    assert page.count('<svg class="bo-chart"') == 2
    assert page.count('role="img"') >= 2
    assert page.count("<details") >= 2 + 3
    days = re.findall(r'<th scope="row">(\d{4}-\d\d-\d\d)</th>', page)
    today = timezone.localdate()
    assert days == 2 * [f"{today - back * DAY}" for back in range(30)]
    assert f"The most was paid on {today - 3 * DAY:%m-%d}: 20,000 won." in page
    drawn = re.findall(
        r'<rect class="bo-series-1" x="([\d.]+)" y="([\d.]+)" width="8" height="([\d.]+)">', page
    )
    assert drawn[:2] == [("261.0", "0.0", "100.0"), ("291.0", "95.0", "5.0")]


def test_the_cost_does_not_grow_and_no_gateway_is_asked(log_in, paid):
    finance = log_in("finance")

    def statements(address):
        with CaptureQueriesContext(connection) as captured, responses.RequestsMock():
            assert finance.get(address).status_code == 200
        return len(captured)

    finance.get(INDEX)
    few = statements(INDEX), statements(CLOSE)
    for back in range(35):
        for method in ("card", "vbank", "phone"):
            paid(1_000, back=back, method=method)
    close_days()
    paid(1_000)
    assert (statements(INDEX), statements(CLOSE)) == few
    assert few[0] <= 18
    assert few[1] <= 8


# -- charts ----------------------------------------------------------------------------------------


def test_bars_share_one_scale():
    chart = charts.bars([300, 0, 100], [0, 100, -100], ["a", "b", "c"])
    assert (chart.width, chart.base) == (30, 75.0)
    assert [(bar.series, bar.x, bar.y, bar.height, bar.title) for bar in chart.bars] == [
        (1, 1.0, 0.0, 75.0, "a"), (2, 11.0, 75.0, 25.0, "b"), (1, 21.0, 50.0, 25.0, "c"),
        (2, 21.0, 50.0, 25.0, "c"),
    ]  # fmt: skip


def test_bars_of_nothing():
    assert charts.bars([0, 0], [0, 0], ["a", "b"]) == charts.Bars([], 20, 100)
    assert charts.bars([], [], []).bars == []
    assert charts.bars([0.5], [], ["a"], most=1).bars[0].height == 50.0


def test_a_rate_is_rounded_down():
    assert [
        overview.rate(daily_stats.Sums(attempts=1_000, succeeded=number))
        for number in (0, 5, 999, 1_000)
    ] == ["0%", "0%", "99%", "100%"]


# -- the month's close -----------------------------------------------------------------------------


@pytest.fixture
def october(user):
    """Two closed days at the end of October, one in November."""
    for day, method, charged, spent in (
        (30, "card", 5_000, 0),
        (31, "card", 1_000, 0),
        (31, "", 0, 300),
    ):
        DailyFigures.objects.create(
            day=date(2026, 10, day),
            pay_method=method,
            charged=charged,
            spent=spent,
            cancelled=200 if day == 30 else 0,
        )
    DailyFigures.objects.create(day=date(2026, 11, 1), adjusted=-50)


LINES = [
    ["2026-10-30", "0", "5000", "-200", "0", "0", "0", "4800"],
    ["2026-10-31", "4800", "1000", "0", "-300", "0", "0", "5500"],
    ["Together", "0", "6000", "-200", "-300", "0", "0", "5500"],
]  # fmt: skip


def test_the_close_as_csv(log_in, october):
    response = log_in("finance").get(f"{CLOSE}export/csv/?month=2026-10")
    assert response["Content-Disposition"].startswith('attachment; filename="close-2026-10-')
    head, *lines = csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig")))
    assert head == [
        "Day",
        "Owed before",
        "Charged",
        "Cancelled",
        "Spent",
        "Given back",
        "Adjusted",
        "Owed after",
    ]
    assert lines == LINES
    for _name, opening, *moved, closing in lines:
        assert int(opening) + sum(map(int, moved)) == int(closing)
    facts = json.loads(LogEntry.objects.get().change_message)
    assert facts == {"what": "export", "kind": "csv", "month": "2026-10"}


def test_the_close_as_xlsx(log_in, october):
    response = log_in("finance").get(f"{CLOSE}export/xlsx/?month=2026-10")
    rows = list(
        load_workbook(io.BytesIO(b"".join(response.streaming_content))).active.iter_rows(
            values_only=True
        )
    )
    assert rows[1] == (datetime.fromisoformat("2026-10-30"), 0, 5000, -200, 0, 0, 0, 4800)
    assert rows[3] == ("Together", 0, 6000, -200, -300, 0, 0, 5500)


def test_the_close_as_a_page(log_in, october):
    finance = log_in("finance")
    shown = text(finance.get(f"{CLOSE}?month=2026-10"))
    assert "2026-10-31 4,800P 1,000P 0P -300P 0P 0P 5,500P" in shown
    assert "Together 0P 6,000P -200P -300P 0P 0P 5,500P" in shown
    assert "days of this month are closed" not in shown
    assert "1 day of this month is closed" in text(finance.get(f"{CLOSE}?month=2026-11"))
    assert "No day of this month is closed yet" in text(finance.get(f"{CLOSE}?month=2026-12"))
    assert LogEntry.objects.count() == 0


def test_months_before_and_after(log_in, october):
    finance = log_in("finance")
    page = finance.get(f"{CLOSE}?month=2025-12").content.decode()
    assert 'href="?month=2025-11"' in page
    assert 'href="?month=2026-01"' in page
    now = timezone.localdate()
    page = finance.get(CLOSE).content.decode()
    assert f'aria-current="true">{now:%Y-%m}<' in page
    assert 'rel="next"' not in page


@pytest.mark.parametrize(
    "month",
    [
        "2026-13",
        "2026",
        "x",
        "1999-12",
        "2100-01",
        "2026-1",
        "2026-10-01",
        "%00",
        "٢٠٢٦-10",
        "2026-00",
    ],
)
def test_what_is_no_month_is_a_404(log_in, october, month):
    assert log_in("finance").get(f"{CLOSE}?month={month}").status_code == 404


def test_nothing_can_be_written(log_in, october):
    boss = log_in("boss")
    row = DailyFigures.objects.first()
    for address in (CLOSE, f"{CLOSE}export/csv/"):
        assert boss.post(address).status_code == 405
    assert boss.get(f"{CLOSE}add/").status_code == 403
    assert boss.get(f"{CLOSE}{row.pk}/delete/").status_code == 403
    assert boss.get(f"{CLOSE}{row.pk}/change/").status_code == 302
    assert boss.get(f"{CLOSE}export/pdf/").status_code == 404


def test_days_are_those_of_seoul(log_in, october, settings):
    """Whatever time zone somebody's request has."""
    with timezone.override(ZoneInfo("America/New_York")):
        assert (
            f"{daily_stats.day_of(timezone.now()):%Y-%m}"
            in log_in("finance").get(CLOSE).content.decode()
        )
