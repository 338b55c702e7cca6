"""The end of a life: trouble stops, time passes, one reconcile, and everything must have come
right.
"""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command

from billing.models import PointCancellation
from billing.states import RefundChoice
from billing.tests.lives.books import OPEN, Books, Row, is_money, is_right, left, read
from billing.tests.lives.world import World
from billing_sandbox.engine import cancels
from billing_sandbox.models import CancelLater

# For all that waits by itself: an open row is looked at every 6 hours at least.
LONG_ENOUGH = timedelta(hours=7)
UNTIL_STAFF_LOOK = timedelta(days=7)  # again, at what they said to wait for


def end(world: World, *, lands: bool) -> None:
    """lands: whether the gateway still gets to what hangs."""
    world.end_of_trouble()
    if lands:
        world.wire.land()
    last = CancelLater.objects.order_by("-due_at").first()
    world.clock.let_pass(seconds=max(0, last.due_at - int(world.clock.unix()) if last else 0))
    cancels.finish_due_cancels()
    waited_for = PointCancellation.objects.filter(state=PointCancellation.State.ACCEPTED).exists()
    world.clock.now += LONG_ENOUGH + (UNTIL_STAFF_LOOK if waited_for else timedelta(0))
    still_asked = {pk for pk, row in read().rows.items() if row["next_check_at"]}
    _clean("reconcile", repair=True)
    world.look()
    assert world.books is not None
    _came_right(world.books, still_asked)
    _clean("audit_points")
    _staff_decide(world)
    world.look()
    _came_right(world.books, still_asked)
    _nothing_is_open(world.books)
    _clean("audit_points")


def _clean(command: str, **options: Any) -> None:
    """The command says by its exit code that all is well."""
    said = StringIO()
    try:
        call_command(command, stdout=said, **options)
    except SystemExit as error:
        raise AssertionError(f"{command} exits with {error.code}:\n{said.getvalue()}") from None


def _came_right(books: Books, still_asked: set[int]) -> None:
    """I2, I3, I5: what the gateway says is what our rows say, but for what waits for staff."""
    for row in books.rows.values():
        money = [payment for payment in books.of(row) if is_money(payment)]
        right = [payment for payment in money if is_right(payment, row)]
        was_wrong = {c["imp_uid"] for c in books.cancels.values() if c["kind"] == "return"}
        if row["credited_at"] is None:
            assert not [p for p in right if p["imp_uid"] not in was_wrong], (
                f"I2: {row} does not know of {right}"
            )
            if row["id"] in still_asked:
                _shows_the_newest(books, row)
        else:
            assert row["cancel_amount"] == books.payments[row["imp_uid"]]["cancel_amount"], (
                f"I3: {row} of {money}"
            )
        for payment in money:
            if payment["imp_uid"] != row["imp_uid"] and left(payment) > 0:
                _goes_back(books, payment)
    for cancel in books.cancels.values():
        assert cancel["state"] not in OPEN or cancel["needs_staff"], f"left open: {cancel}"


def _shows_the_newest(books: Books, row: Row) -> None:
    """The attempt that a payer reads about is the last one that could still be paid, as it
    stands.
    """
    could = [
        p
        for p in books.of(row)
        if (p["amount"], p["currency"]) == (row["amount"], "KRW") and not is_money(p)
    ]
    if could:
        last = max(payment["started_at"] for payment in could)
        shown = books.payments[row["imp_uid"]]
        assert shown["started_at"] == last, f"{row} shows {shown}, not the newest of {could}"
        assert row["status"] == shown["status"], f"{row} shows {shown}"


def _goes_back(books: Books, payment: Row) -> None:
    found = [
        c
        for c in books.cancels.values()
        if c["kind"] == "return" and c["imp_uid"] == payment["imp_uid"]
    ]
    assert found, f"I5: nobody sends {payment} back"
    assert found[0]["needs_staff"] or found[0]["error_code"] == "given_up", (
        f"I5: {payment} is still here, {found[0]}"
    )


def _staff_decide(world: World) -> None:
    """Everything that waits for them: once more where that may be, and given up where it comes back
    to them.
    """
    for choice in (RefundChoice.SEND_AGAIN, RefundChoice.GIVE_UP):
        for number in range(PointCancellation.objects.filter(state__in=OPEN).count()):
            world.settle(number if choice == RefundChoice.SEND_AGAIN else 0, choice)
        world.clock.now += LONG_ENOUGH
        world.look_after()


def _nothing_is_open(books: Books) -> None:
    assert not [cancel for cancel in books.cancels.values() if cancel["state"] in OPEN]
    for row in books.rows.values():
        assert row["cancel_goal"] == 0
        if row["credited_at"] is not None:
            assert (
                row["credited"] == row["amount"] - books.payments[row["imp_uid"]]["cancel_amount"]
            )
