"""Counting attempts in rows: exact under threads, by line, and out of visitors' reach."""

import re
import time

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import override_settings

from accounts import throttle
from accounts.models import AttemptCounter
from accounts.throttle import Limit, line, prune, refund_spend, take
from billing.tests.support.threads import together

pytestmark = [pytest.mark.money, pytest.mark.django_db]

THREE = Limit("test", 3, 60)


@pytest.fixture
def clock(monkeypatch):
    """clock(seconds) moves the time on."""
    now = [1_800_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    return advance


def test_so_many_go_on_and_the_next_is_told_how_long_to_wait(clock):
    assert [take(THREE, "a") for _ in range(3)] == [0, 0, 0]
    clock(20)
    assert take(THREE, "a") == 40
    assert take(THREE, "b") == 0  # somebody else


def test_what_is_refused_neither_counts_nor_prolongs(clock):
    for _ in range(10):
        take(THREE, "a")
    clock(59)
    assert take(THREE, "a") == 1
    clock(1)
    assert [take(THREE, "a") for _ in range(4)] == [0, 0, 0, 60]


def test_an_attempt_given_back_is_none(clock):
    for _ in range(3):
        take(THREE, "a")
    refund_spend((THREE, "a"), (THREE, "nobody"))
    assert [bool(take(THREE, "a")) for _ in range(2)] == [False, True]


def test_a_flood_of_one_sender_is_one_row_and_one_statement_each(clock, django_assert_num_queries):
    with django_assert_num_queries(3):
        for _ in range(3):
            take(THREE, "a")
    for _ in range(50):
        take(THREE, "a")
    assert AttemptCounter.objects.count() == 1


def test_rows_hold_no_address(clock):
    take(THREE, "203.0.113.9")
    key = AttemptCounter.objects.get().key
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    with override_settings(
        SECRET_KEY="another key"
    ):  # without the key nobody can try all addresses
        assert throttle.digest("test", "203.0.113.9") != key


def test_what_is_over_is_deleted_by_nights_and_in_between(clock, monkeypatch, capsys):
    for number in range(5):
        take(THREE, number)
    clock(61)
    monkeypatch.setattr(throttle.random, "randrange", lambda most: 0)
    assert take(THREE, "new") == 0
    assert AttemptCounter.objects.count() == 1
    clock(61)
    call_command("prune_attempts")
    assert capsys.readouterr().out == "1 counters and 0 known lines deleted.\n"
    assert prune() == 0


def test_a_flushed_cache_lets_nobody_in_again(clock):
    for _ in range(3):
        take(THREE, "a")
    cache.clear()
    assert take(THREE, "a") > 0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "unknown"),
    ],
)
def test_a_line(rf, address, expected):
    request = rf.get("/", REMOTE_ADDR=address)
    assert line(request) == expected
    assert throttle.axes_address(request) == (
        None if expected == "unknown" else expected.partition("/")[0]
    )


def test_loopback_is_free_in_sandbox_mode_only(rf, settings):
    request = rf.get("/", REMOTE_ADDR="127.0.0.1")
    assert throttle.is_own_machine(request)
    settings.IAMPORT_MODE = "live"
    assert not throttle.is_own_machine(request)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_so_many_go_on():
    limit = Limit("race", 5, 600)
    waits = together([lambda: take(limit, "a")] * 12)
    assert sorted(bool(wait) for wait in waits) == [False] * 5 + [True] * 7
    assert AttemptCounter.objects.get().count == 5


@pytest.mark.django_db(transaction=True)
def test_asking_first_and_counting_then_would_let_more_in():
    """Negative control: the race above can fail."""
    limit = Limit("race", 5, 600)
    for _ in range(4):
        take(limit, "a")

    def careless():
        free = AttemptCounter.objects.get().count < limit.at_most
        time.sleep(0.2)  # all have asked by now
        return free

    assert sum(together([careless] * 6)) == 6
