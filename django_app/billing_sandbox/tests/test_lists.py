"""Lookups that answer several payments: payments, findAll, status."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = 86400
MISSING = {"code": -1, "message": "존재하지 않는 결제정보입니다.", "response": None}


def uids(answer):
    assert answer.status_code in (200, 207), answer.content
    response = answer.json()["response"]
    return [
        row["imp_uid"] for row in (response["list"] if isinstance(response, dict) else response)
    ]


def refused(answer):
    body = answer.json()
    assert body["response"] is None
    assert body["message"]
    return answer.status_code, body["code"]


def test_several(api, pay):
    a, b, c = pay("a"), pay("b"), pay("c", outcome="failed")
    answer = api(f"payments?imp_uid[]={a}&imp_uid%5B%5D={c}")
    assert (answer.status_code, uids(answer)) == (200, [c, a])
    assert uids(api(f"payments/?merchant_uid[]=b&imp_uid[]={a}")) == [b, a]
    assert answer.json()["response"][1] == api(f"payments/{a}").json()["response"]


def test_several_of_one_merchant_uid(api, pay):
    first, second = pay("m", outcome="failed"), pay("m")
    assert uids(api("payments?merchant_uid[]=m")) == [second, first]
    assert uids(api(f"payments?merchant_uid[]=m&imp_uid[]={first}")) == [second, first]


def test_some_are_missing(api, pay):
    uid = pay("m")
    for query in (
        f"imp_uid[]={uid}&imp_uid[]=imp_1",
        f"imp_uid[]={uid}&merchant_uid[]=nobody",
        "merchant_uid[]=m&imp_uid[]=%00",
    ):
        answer = api(f"payments?{query}")
        assert (answer.status_code, answer.json()["code"], uids(answer)) == (207, 0, [uid])


def test_all_are_missing(api):
    answer = api("payments?imp_uid[]=imp_1&merchant_uid[]=%ff")
    assert (answer.status_code, answer.json()) == (404, MISSING)


def test_up_to_a_hundred(api, pay):
    uid = pay()
    assert api("payments?" + "&".join([f"imp_uid[]={uid}"] * 100)).status_code == 200
    assert refused(
        api("payments?" + "&".join([f"imp_uid[]={uid}"] * 50 + ["merchant_uid[]=m"] * 51))
    ) == (400, -1)
    assert refused(api("payments?" + "&".join(f"x{number}=1" for number in range(1500)))) == (
        400,
        -1,
    )
    for query in ("", f"?imp_uid={uid}", "?imp_uid[", "?imp_uid[a]=x"):
        assert refused(api("payments" + query)) == (400, -1)


def test_find_all(api, pay, time):
    made = []
    for outcome in ("failed", "ready", "paid"):
        made.insert(0, pay("m", outcome=outcome))
        time.advance(1)
    pay("other")
    answer = api("payments/findAll/m").json()["response"]
    assert [row["imp_uid"] for row in answer.pop("list")] == made
    assert answer == {"total": 3, "previous": 0, "next": 0}
    assert uids(api("payments/findAll/m/?sorting=started")) == made[::-1]
    assert uids(api("payments/findAll/m/failed/")) == made[2:]


def test_find_all_refuses(api, pay):
    pay("m")
    for path in ("nobody", "nobody/paid", "m/ready", "%00", "m" * 41):
        answer = api(f"payments/findAll/{path}")
        assert (answer.status_code, answer.json()) == (404, MISSING), path
    for path in (
        "m/all",
        "m/x",
        "m?page=2",
        "m?page=0",
        "m?limit=0",
        "m?limit=1001",
        "m?page=x",
        "m?limit=",
        "m?sorting=x",
        "m?page=1&page=1",
    ):
        assert refused(api(f"payments/findAll/{path}")) == (400, -1), path


def test_pages(api, pay, time):
    made = []
    for number in range(5):
        made.insert(0, pay(f"m{number}"))
        time.advance(1)
    seen = []
    for page, previous, following in ((1, 0, 2), (2, 1, 3), (3, 2, 0)):
        answer = api(f"payments/status/paid?limit=2&page={page}")
        response = answer.json()["response"]
        assert (response["total"], response["previous"], response["next"]) == (
            5,
            previous,
            following,
        )
        seen += uids(answer)
    assert seen == made
    assert refused(api("payments/status/paid?limit=2&page=4")) == (400, -1)
    assert refused(api("payments/status/paid?limit=5&page=2")) == (400, -1)
    assert len(uids(api("payments/status/paid?limit=1000"))) == 5


def test_twenty_by_default(api, pay):
    for number in range(21):
        pay(f"m{number}", outcome="ready")
    response = api("payments/status/ready").json()["response"]
    assert (len(response["list"]), response["total"], response["next"]) == (20, 21, 2)


def test_an_empty_list_has_a_first_page(api):
    assert api("payments/status/all").json()["response"] == {
        "total": 0,
        "previous": 0,
        "next": 0,
        "list": [],
    }
    assert refused(api("payments/status/all?page=2")) == (400, -1)


def test_each_status_has_its_own_time(api, pay, control, time):
    """A row is found by the time of the status that it has now."""
    start = time.now
    ready, failed, paid, part, whole = (
        pay(name, outcome="ready") for name in ("ready", "failed", "paid", "part", "whole")
    )
    time.advance(DAY)
    control(f"payments/{failed}/decline")
    for uid in (paid, part, whole):
        control(f"payments/{uid}/approve")
    time.advance(DAY)
    control(f"payments/{part}/cancel", amount=1)
    control(f"payments/{whole}/cancel")

    def found(status, day):
        return set(
            uids(api(f"payments/status/{status}?from={start + day * DAY}&to={start + day * DAY}"))
        )

    assert [found("ready", day) for day in range(3)] == [{ready}, set(), set()]
    assert [found("failed", day) for day in range(3)] == [set(), {failed}, set()]
    assert [found("paid", day) for day in range(3)] == [set(), {paid}, set()]
    assert [found("cancelled", day) for day in range(3)] == [set(), set(), {part, whole}]
    assert [found("all", day) for day in range(3)] == [{ready}, {failed, paid}, {part, whole}]
    totals = [
        api(f"payments/status/{status}").json()["response"]["total"]
        for status in ("ready", "paid", "failed", "cancelled", "all")
    ]
    assert totals == [1, 1, 1, 2, 5]


def test_the_last_ninety_days_unless_told(api, pay, time):
    uid = pay()
    time.advance(90 * DAY)
    assert uids(api("payments/status/paid")) == [uid]
    time.advance(1)
    assert uids(api("payments/status/paid")) == []
    assert uids(api(f"payments/status/paid?to={time.now - 1}")) == [uid]
    assert uids(api(f"payments/status/paid?from={time.now - 90 * DAY - 1}&to={time.now - 1}")) == [
        uid
    ]
    assert uids(api(f"payments/status/paid?from={time.now - 90 * DAY}")) == []


@pytest.mark.parametrize("status", ["PAID", "x", "partial", "%00", "paid%20"])
def test_bad_status(api, status):
    answer = api(f"payments/status/{status}")
    assert (answer.status_code, answer.json()["message"]) == (400, "지원되지 않는 상태값입니다.")


@pytest.mark.parametrize(
    "query",
    [
        "from=2&to=1", "from=0", "from=1&to=7776002", "to=-1", "from=x", "to=1.5", "to=1e9",
        "from=", "to=1&to=2", "to=99999999999999", "page=-1",
        "page=01x", "page=%D9%A1", "limit=1&limit=1", "sorting=", "sorting=-paid&sorting=paid",
        "sorting=amount",
    ],
)  # fmt: skip
def test_bad_queries(api, pay, query):
    pay()
    assert refused(api(f"payments/status/all?{query}")) == (400, -1)


def test_sorting(api, pay, control, time):
    first, second = pay("a", outcome="ready"), pay("b", outcome="ready")
    time.advance(1)
    control(f"payments/{second}/approve")
    time.advance(1)
    control(f"payments/{first}/approve")
    orders = {
        "-started": [second, first],
        "started": [first, second],
        "-paid": [first, second],
        "paid": [second, first],
        "updated": [second, first],
    }
    for sorting, expected in orders.items():
        assert uids(api(f"payments/status/paid?sorting={sorting}")) == expected


def test_a_list_costs_the_same_for_one_and_for_many(api, pay, control):
    for number in range(8):
        control(f"payments/{pay(f'm{number}')}/cancel", amount=1)
    api("payments/status/all")
    counts = []
    for limit in (1, 8):
        with CaptureQueriesContext(connections["sandbox"]) as queries:
            assert len(uids(api(f"payments/status/all?limit={limit}"))) == limit
        counts.append(len(queries))
    assert counts[0] == counts[1]
