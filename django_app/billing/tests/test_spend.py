"""spend, give_back and adjust: guarded, keyed, and part of the caller's transaction."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from billing.errors import IdempotencyConflict, InsufficientPoints, NoSuchSpend
from billing.models import Point, PointEntry
from billing.tests.support.threads import together

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True)]

points = Point.objects


@pytest.fixture
def staff(make_user):
    return make_user("staff")


@pytest.fixture
def rich(make_txn, answer, user):
    """rich(10_000): the member has so many points."""

    def make(amount=10_000, owner=None, imp_uid="imp_1"):
        txn = make_txn(amount, owner=owner)
        type(txn).objects.apply(answer(txn, imp_uid))
        return owner or user

    return make


def in_order():
    """(kind, delta) of every entry, and the balance that they add up to."""
    entries = list(PointEntry.objects.order_by("id").values_list("kind", "delta"))
    assert points.get().balance == sum(delta for _, delta in entries)
    return entries


def test_spend(rich):
    user = rich()
    entry = points.spend(user=user, amount=4_000, idempotency_key="order-7", memo="Concert ticket")
    assert (entry.kind, entry.delta, entry.idempotency_key, entry.memo) == (
        "spend",
        -4_000,
        "order-7",
        "Concert ticket",
    )
    assert in_order() == [("charge", 10_000), ("spend", -4_000)]
    assert points.spend(user=user, amount=6_000, idempotency_key="order-8").delta == -6_000
    assert points.get().balance == 0


def test_the_same_key_spends_once(rich):
    user = rich()
    first = points.spend(user=user, amount=4_000, idempotency_key="order-7")
    assert points.spend(user=user, amount=4_000, idempotency_key="order-7").pk == first.pk
    with pytest.raises(IdempotencyConflict):
        points.spend(user=user, amount=4_001, idempotency_key="order-7")
    assert in_order() == [("charge", 10_000), ("spend", -4_000)]


def test_the_same_key_answers_also_when_nothing_is_left(rich):
    user = rich()
    first = points.spend(user=user, amount=10_000, idempotency_key="order-7")
    assert points.spend(user=user, amount=10_000, idempotency_key="order-7").pk == first.pk


def test_keys_are_each_member_s_own(rich, make_user):
    one, two = rich(), rich(owner=make_user("other"), imp_uid="imp_2")
    first = points.spend(user=one, amount=1_000, idempotency_key="order-7")
    second = points.spend(user=two, amount=1_000, idempotency_key="order-7")
    assert first.owner_id != second.owner_id
    with pytest.raises(NoSuchSpend):
        points.refund_spend(user=two, idempotency_key="order-8")


def test_too_few_points(rich, make_user):
    user = rich()
    with pytest.raises(InsufficientPoints) as caught:
        points.spend(user=user, amount=10_001, idempotency_key="order-7")
    assert caught.value.missing == 1
    with pytest.raises(InsufficientPoints) as caught:
        points.spend(user=make_user("nobody"), amount=5, idempotency_key="order-7")
    assert caught.value.missing == 5
    assert in_order() == [("charge", 10_000)]
    # The key was not used up.
    assert points.spend(user=user, amount=10_000, idempotency_key="order-7").delta == -10_000


@pytest.mark.parametrize("amount", [0, -1, 1.0, True, "5", None, 10**13])
def test_amounts_that_cannot_be(rich, amount):
    with pytest.raises(ValueError, match="whole number"):
        points.spend(user=rich(), amount=amount, idempotency_key="order-7")


@pytest.mark.parametrize("key", ["", "k" * 101, "a\x00b", None, 7])
def test_keys_that_cannot_be(rich, key):
    with pytest.raises(ValueError, match="key"):
        points.spend(user=rich(), amount=5, idempotency_key=key)


def test_it_joins_the_callers_transaction(rich):
    user = rich()

    @transaction.atomic
    def buy():
        points.spend(user=user, amount=4_000, idempotency_key="order-7")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        buy()
    assert in_order() == [("charge", 10_000)]


def test_its_errors_do_not_break_the_callers_transaction(rich, make_user):
    user = rich()
    with transaction.atomic():
        points.spend(user=user, amount=4_000, idempotency_key="order-7")
        points.spend(user=user, amount=4_000, idempotency_key="order-7")
        with pytest.raises(IdempotencyConflict):
            points.spend(user=user, amount=5_000, idempotency_key="order-7")
        with pytest.raises(InsufficientPoints):
            points.spend(user=user, amount=9_000, idempotency_key="order-9")
        make_user("written after the clash")
    assert in_order() == [("charge", 10_000), ("spend", -4_000)]
    assert type(user).objects.filter(username="written after the clash").exists()


def test_a_clash_without_the_savepoint_breaks_it(rich):
    """The negative control of the savepoint."""
    user = rich()
    points.spend(user=user, amount=1_000, idempotency_key="order-7")
    broken = False
    try:
        with transaction.atomic():
            try:
                PointEntry(
                    owner_id=user.pk, kind="spend", idempotency_key="order-7", delta=-1
                ).save()
            except IntegrityError:
                points.get()
    except transaction.TransactionManagementError:
        broken = True
    except Exception as error:  # PostgreSQL's own word for it
        broken = "aborted" in str(error)
    assert broken or transaction.get_connection().vendor == "sqlite"


def test_give_back_once(rich):
    user = rich()
    points.spend(user=user, amount=4_000, idempotency_key="order-7", memo="ticket")
    back = points.refund_spend(user=user, idempotency_key="order-7")
    assert (back.kind, back.delta, back.memo) == ("give_back", 4_000, "ticket")
    assert points.refund_spend(user=user, idempotency_key="order-7").pk == back.pk
    with pytest.raises(
        IdempotencyConflict
    ):  # it was taken, and given back: the answer "spent" would be wrong
        points.spend(user=user, amount=4_000, idempotency_key="order-7")
    assert in_order() == [("charge", 10_000), ("spend", -4_000), ("give_back", 4_000)]


def test_nobody_gets_back_what_another_member_spent_under_that_key(rich, make_user):
    """Keys are unique per member, not for all: "order-7" of one shop's member says nothing of
    another's.
    """
    payer, stranger = rich(), rich(owner=make_user("stranger"), imp_uid="imp_2")
    points.spend(user=payer, amount=4_000, idempotency_key="order-7")
    with pytest.raises(NoSuchSpend):
        points.refund_spend(user=stranger, idempotency_key="order-7")
    assert (points.balance_of(payer), points.balance_of(stranger)) == (6_000, 10_000)
    points.spend(user=stranger, amount=1_000, idempotency_key="order-7")
    assert points.refund_spend(user=stranger, idempotency_key="order-7").delta == 1_000
    assert (points.balance_of(payer), points.balance_of(stranger)) == (6_000, 10_000)


def test_adjust(rich, staff):
    user = rich()
    first = points.adjust(
        user=user, delta=500, idempotency_key="ticket-1", reason="broken page", by=staff
    )
    assert (first.kind, first.delta, first.memo, first.by, first.by_name) == (
        "adjust",
        500,
        "broken page",
        staff,
        "staff",
    )
    assert (
        points.adjust(
            user=user, delta=500, idempotency_key="ticket-1", reason="broken page", by=staff
        ).pk
        == first.pk
    )
    with pytest.raises(IdempotencyConflict):
        points.adjust(user=user, delta=-500, idempotency_key="ticket-1", reason="oops", by=staff)
    points.adjust(user=user, delta=-10_500, idempotency_key="ticket-2", reason="fraud", by=staff)
    with pytest.raises(InsufficientPoints):
        points.adjust(user=user, delta=-1, idempotency_key="ticket-3", reason="more", by=staff)
    assert points.get().balance == 0


def test_adjust_opens_an_account_that_counts_no_attempt(make_user, staff):
    points.adjust(
        user=make_user("new"), delta=300, idempotency_key="welcome", reason="gift", by=staff
    )
    account = points.get()
    assert (account.point, account.balance) == (0, 300)


@pytest.mark.parametrize(
    "changes",
    [
        {"delta": 0},
        {"delta": "5"},
        {"reason": " "},
        {"by": None},
        {"idempotency_key": ""},
        {"delta": 1.5},
    ],
)
def test_adjustments_that_cannot_be(rich, staff, changes):
    with pytest.raises(ValueError, match=r"."):
        points.adjust(
            **{
                "user": rich(),
                "delta": 5,
                "idempotency_key": "k",
                "reason": "why",
                "by": staff,
                **changes,
            }
        )
    assert in_order() == [("charge", 10_000)]


# -- races -----------------------------------------------------------------------------------------


def test_64_threads_spend_what_covers_10(rich):
    user = rich()
    results = together(
        [
            lambda n=n: points.spend(user=user, amount=1_000, idempotency_key=f"order-{n}").delta
            for n in range(64)
        ]
    )
    outcome = Counter(
        type(result).__name__ if isinstance(result, Exception) else result for result in results
    )
    assert outcome == {-1_000: 10, "InsufficientPoints": 54}
    assert points.get().balance == 0
    assert len(in_order()) == 11


def test_without_the_guard_the_balance_falls_below_zero(rich):
    """The negative control: look first, then take."""
    user = rich()
    everybody_has_looked = threading.Barrier(16)

    def careless():
        enough = points.get(pk=user.pk).balance >= 1_000
        everybody_has_looked.wait(30)
        return enough and points.filter(pk=user.pk).update(balance=F("balance") - 1_000)

    assert together([careless] * 16) == [1] * 16
    assert points.get().balance == -6_000


def test_32_threads_with_one_key_spend_once(rich):
    user = rich()
    results = together(
        [lambda: points.spend(user=user, amount=1_000, idempotency_key="order-7").pk] * 32
    )
    assert len(set(results)) == 1, results
    assert in_order() == [("charge", 10_000), ("spend", -1_000)]


def test_16_threads_give_back_once(rich):
    user = rich()
    points.spend(user=user, amount=1_000, idempotency_key="order-7")
    assert (
        len(
            set(
                together(
                    [lambda: points.refund_spend(user=user, idempotency_key="order-7").pk] * 16
                )
            )
        )
        == 1
    )
    assert points.get().balance == 10_000


def test_ids_follow_the_order_of_commits(rich):
    """A member's entries read in order of id never show a balance below zero on the way."""
    user = rich()
    jobs = [
        lambda n=n: (
            points.spend(user=user, amount=1_000, idempotency_key=f"k{n}")
            and points.refund_spend(user=user, idempotency_key=f"k{n}")
        )
        for n in range(24)
    ]
    results = together(jobs)
    assert all(isinstance(result, PointEntry | InsufficientPoints) for result in results), results
    running = 0
    for delta in PointEntry.objects.order_by("id").values_list("delta", flat=True):
        running += delta
        assert running >= 0
