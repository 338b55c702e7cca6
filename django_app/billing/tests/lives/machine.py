"""What may happen, for hypothesis to choose from. Each rule is one thing that one party does;
`World` knows how.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, ClassVar

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from billing.states import RefundChoice
from billing.tests.lives.ending import end
from billing.tests.lives.stage import Stage
from billing.tests.lives.world import DEEDS, World

WHICH = some.integers(0, 3)
MEMBER = some.integers(0, 1)
METHODS = some.sampled_from(["card", "card", "trans", "naverpay", "naverpay", "kakaopay", "vbank"])
KINDS = some.sampled_from(["right", "right", "right", "more", "less", "usd", "test"])
OUTCOMES = some.sampled_from(["paid", "paid", "paid", "failed", "ready", "vbank"])
AT_THE_GATEWAY = some.sampled_from(
    [
        "approve",
        "approve late",
        "decline",
        "deposit",
        "close account",
        "deposit late",
        "cancel all",
        "cancel 1",
        "cancel 300",
        "cancel 300",
    ]
)
DOORS = some.sampled_from(["validation", "complete", "status", "webhook", "webhook", "sync"])
CLAIMS = some.sampled_from(["paid", "cancelled", "ready", "failed"])
PARTS = some.sampled_from([None, 1, 300, 300, 700])
TROUBLE = some.sampled_from(
    [
        {"drop": True}, {"drop": True, "effect": True}, {"http": 500},
        {"http": 503, "effect": True}, {"timeout": True}, {"code": -1},
        {"code": -1, "effect": True}, {"http": 404}, {"invalid_json": True}, {"no road": True},
        {"hangs": True}, {"expire_tokens": True},
    ]
)  # fmt: skip
OF_CANCELS = some.sampled_from(
    [
        None, {"code": -1}, {"code": -1}, {"code": -1, "effect": True}, {"drop": True},
        {"drop": True, "effect": True}, {"timeout": True},
        {"http": 500, "effect": True}, {"invalid_json": True}, {"no road": True}, {"hangs": True},
        {"hangs": True},
        {"cancel_later_s": 60}, {"cancel_later_s": 86_400}, {"cancel_later_s": 10 * 86_400},
        {"cancel_later_s": 86_400, "timeout": True},
        {"cancel_later_s": 10 * 86_400, "timeout": True},
    ]
)  # fmt: skip
PATHS = some.sampled_from(
    [
        "",
        "payments/cancel",
        "payments/cancel",
        "payments/imp",
        "payments/findAll",
        "payments/prepare",
        "users/getToken",
    ]
)
DELIVERIES = some.sampled_from(
    [
        None,
        None,
        {"drop": True},
        {"delay_s": 600},
        {"duplicate": 2},
        {"reorder": True},
        {"format": "form"},
    ]
)
PERIODS = some.sampled_from(
    [
        {"seconds": 40},
        {"minutes": 3},
        {"minutes": 3},
        {"minutes": 16},
        {"minutes": 16},
        {"days": 1},
        {"days": 8},
    ]
)
STEPS = some.sampled_from([1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8])
MEANWHILE = some.lists(some.sampled_from(DEEDS), min_size=1, max_size=3)
# Who does this is held up at that step of his, and others do that; if they do nothing, he has
# ended.
HELD: Any = some.none() | some.tuples(STEPS, some.just([])) | some.tuples(STEPS, MEANWHILE)
Held = tuple[int, list[str]] | None
KEYS = some.sampled_from(["order-1", "order-2"])


def thing(**chosen: Any) -> Callable[..., Any]:
    """A rule of hypothesis, after which everything is looked at. (An invariant of hypothesis would
    do, and print itself after each step.)
    """

    def decorate(act: Callable[..., None]) -> Callable[..., None]:
        @wraps(act)
        def step(self: Lives, **drawn: Any) -> None:
            act(self, **drawn)
            self.look()

        return rule(**chosen)(step)

    return decorate


class Lives(RuleBasedStateMachine):
    """One random life; `stage` is given by the test, `tally` counts over all lives what was
    done.
    """

    stage: ClassVar[Stage]
    tally: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.stage)
        self._running = ExitStack()
        self._running.enter_context(self.world.running())
        self.healthy = True

    def teardown(self) -> None:
        try:
            if self.healthy and self.world.orders:
                end(self.world, lands=len(self.world.answers) % 2 == 0)
                self.tally.update(self.world.done)
                self.tally["lives"] += 1
        finally:
            self._running.close()

    def look(self) -> None:
        """After every step: the invariants. A life that broke one is not led to its end."""
        self.healthy = False
        self.world.look()
        self.healthy = True
        self.tally["steps"] += 1
        self.world.clock.let_pass(seconds=1)

    # -- payers --

    @initialize(
        member=MEMBER,
        amount=some.sampled_from([1_000, 10_000]),
        method=METHODS,
        paid=some.sampled_from([True, True, False]),
    )
    def first(self, member: int, amount: int, method: str, paid: bool) -> None:
        self.world.checkout(member, amount, "card")
        if paid:
            self.world.pay(0, "right", "paid", method, webhook=True)
            self.world.sync_order(0)
        self.look()

    @precondition(lambda self: len(self.world.orders) < 4)
    @thing(
        member=MEMBER,
        amount=some.sampled_from([1_000, 10_000]),
        method=some.sampled_from(["card", "trans", "vbank"]),
    )
    def check_out(self, member: int, amount: int, method: str) -> None:
        self.world.checkout(member, amount, method)

    @thing(
        which=WHICH,
        kind=KINDS,
        outcome=OUTCOMES,
        method=METHODS,
        webhook=some.booleans(),
        seen=some.booleans(),
        held=HELD,
    )
    def pay(
        self,
        which: int,
        kind: str,
        outcome: str,
        method: str,
        webhook: bool,
        seen: bool,
        held: Held,
    ) -> None:
        self.world.pay(which, kind, outcome, method, webhook)
        if seen:
            self.held(held)
            self.world.sync_order(which)

    @thing(which=WHICH, number=WHICH, door=DOORS, claim=CLAIMS, held=HELD)
    def knock(self, which: int, number: int, door: str, claim: str, held: Held) -> None:
        self.held(held)
        self.world.knock(which, number, door, claim)

    @precondition(lambda self: self.world.cancellable())
    @thing(which=WHICH, trouble=OF_CANCELS, held=HELD)
    def member_cancels(self, which: int, trouble: dict[str, Any] | None, held: Held) -> None:
        self.cancel_trouble(trouble)
        self.held(held)
        self.world.member_cancel(which)

    @thing(member=MEMBER, key=KEYS, amount=some.sampled_from([1, 300, 1_000]), held=HELD,
        verb=some.sampled_from(
        ["spend", "spend", "spend it all", "spend, and the order fails", "give back", "adjust"]
    ))  # fmt: skip
    def use_points(self, member: int, key: str, amount: int, held: Held, verb: str) -> None:
        self.held(held)
        self.world.use_points(member, verb, amount, key)

    # -- the gateway and the network --

    @thing(number=WHICH, what=AT_THE_GATEWAY, seen=some.booleans())
    def happens(self, number: int, what: str, seen: bool) -> None:
        self.world.happens(number, what)
        if seen:
            self.world.sync_order(self.world.focus)

    @thing(fault=DELIVERIES, held=HELD)
    def webhooks(self, fault: dict[str, Any] | None, held: Held) -> None:
        self.held(held)
        self.world.webhooks(fault)

    @precondition(lambda self: len(self.world.orders) < 4)
    @thing(claim=CLAIMS, adopted_by=some.sampled_from([None, 0, 1]))
    def stranger(self, claim: str, adopted_by: int | None) -> None:
        self.world.stranger(claim, adopted_by)

    @thing(what=TROUBLE, path=PATHS)
    def trouble(self, what: dict[str, Any], path: str) -> None:
        self.world.trouble(what, path)

    @thing(which=WHICH, number=WHICH)
    def an_answer_comes_late(self, which: int, number: int) -> None:
        """The one that was asked for before; if there is none, one is asked for now."""
        self.world.use_answer() if self.world.answers else self.world.fetch(which, number)

    @precondition(lambda self: self.world.wire.in_flight)
    @thing()
    def what_hangs_lands(self) -> None:
        self.world.wire.land()

    # -- our machine --

    @thing(period=PERIODS)
    def time_passes(self, period: dict[str, int]) -> None:
        self.world.clock.let_pass(**period)

    @precondition(lambda self: self.world.something())
    @thing(period=PERIODS, trouble=OF_CANCELS, held=HELD)
    def look_after(
        self, period: dict[str, int], trouble: dict[str, Any] | None, held: Held
    ) -> None:
        self.world.clock.let_pass(**period)
        self.cancel_trouble(trouble)
        self.held(held)
        self.world.look_after()

    @precondition(
        lambda self: self.world.done["reconcile"] < 3
    )  # it asks more than ten other steps
    @thing(held=HELD)
    def reconcile(self, held: Held) -> None:
        self.held(held)
        self.world.reconcile()

    # -- staff --

    @precondition(lambda self: self.world.cancellable())
    @thing(which=WHICH, part=PARTS, bold=some.booleans(), trouble=OF_CANCELS)
    def staff_cancel(
        self, which: int, part: int | None, bold: bool, trouble: dict[str, Any] | None
    ) -> None:
        self.cancel_trouble(trouble)
        self.world.staff_cancel(which, part, bold)

    @precondition(lambda self: self.world.cancellable())
    @thing(which=WHICH, part=PARTS, trouble=OF_CANCELS, after=STEPS, deeds=MEANWHILE)
    def staff_cancel_slowly(
        self,
        which: int,
        part: int | None,
        trouble: dict[str, Any] | None,
        after: int,
        deeds: list[str],
    ) -> None:
        self.cancel_trouble(trouble)
        self.held((after, deeds))
        self.world.staff_cancel(which, part, bold=True)

    @precondition(lambda self: self.world.something(needs_staff=True))
    @thing(
        number=WHICH, choice=some.sampled_from(RefundChoice.values), trouble=OF_CANCELS, held=HELD
    )
    def settle(self, number: int, choice: str, trouble: dict[str, Any] | None, held: Held) -> None:
        self.cancel_trouble(trouble)
        self.held(held)
        self.world.settle(number, choice)

    @thing(
        which=WHICH,
        what=some.sampled_from(["close account", "resolve", "resolve", "accept the test channel"]),
    )
    def decide(self, which: int, what: str) -> None:
        self.world.decide(which, what)

    # -- what rules share --

    def cancel_trouble(self, trouble: dict[str, Any] | None) -> None:
        if trouble:
            self.world.trouble(trouble, "payments/cancel")

    def held(self, held: Held) -> None:
        if held:
            after, deeds = held
            self.world.process.interrupt(
                after, (lambda: self.world.meanwhile(deeds)) if deeds else None
            )
