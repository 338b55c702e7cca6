"""banks, cards, users/pg."""

import pytest

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.mark.parametrize(
    ("kind", "code", "name"), [("banks", "088", "신한은행"), ("cards", "366", "신한카드")]
)
def test_lists_and_one(api, kind, code, name):
    rows = api(kind).json()["response"]
    assert {"code": code, "name": name} in rows
    assert len({row["code"] for row in rows}) == len(rows)
    for path in (f"{kind}/{code}", f"{kind}/{code}/"):
        assert api(path).json() == {
            "code": 0,
            "message": None,
            "response": {"code": code, "name": name},
        }
    for unknown in ("999", "x", "%00", "88"):
        answer = api(f"{kind}/{unknown}")
        assert (answer.status_code, answer.json()["code"], answer.json()["response"]) == (
            404,
            -1,
            None,
        )


def test_channels(api, pay):
    rows = api("users/pg/").json()["response"]
    assert {row["pg_provider"] for row in rows} == {
        "html5_inicis",
        "tosspayments",
        "settle",
        "kakaopay",
    }
    assert not any(row["sandbox"] for row in rows)
    assert all(row["channel_key"].startswith("channel-key-") for row in rows)


@pytest.mark.parametrize(
    "path",
    [
        "banks",
        "banks/088",
        "cards",
        "cards/366",
        "users/pg",
        "payments",
        "payments/status/paid",
        "payments/findAll/m",
    ],
)
def test_a_token_is_needed(api, path):
    assert api(path, headers={}).status_code == 401
    assert api(path, {}, method="PUT").status_code == 405
