"""Whatever happens in whatever order: the money adds up, states fit their times, a token ends when
it should.

Needs hypothesis (requirements-dev.txt). SANDBOX_EXAMPLES=1000 makes a long run of it, which also
looks for the shortest failure.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

hypothesis = pytest.importorskip(
    "hypothesis", reason="hypothesis is missing: pip install -r requirements-dev.txt"
)

from hypothesis import HealthCheck, Phase, assume  # noqa: E402
from hypothesis import settings as limits  # noqa: E402
from hypothesis import strategies as some  # noqa: E402
from hypothesis.stateful import (  # noqa: E402
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from billing_sandbox.engine import clock, request_pay  # noqa: E402
from billing_sandbox.engine.payments import WrongState  # noqa: E402
from billing_sandbox.models import Payment, Status  # noqa: E402
from billing_sandbox.parsing import Fields  # noqa: E402
from billing_sandbox.router import ALIAS  # noqa: E402
from billing_sandbox.window import window_options  # noqa: E402

START = 1_790_000_000
NAMES = some.sampled_from(["a", "b", "c"])
AMOUNTS = some.sampled_from([1, 1000, 1000, 50_000])
METHODS = some.sampled_from(["card", "card", "trans", "vbank", "phone", "kakaopay"])
PARTS = some.sampled_from([1, 1, 100, 300, 300, 999, None, 50_001])
NO_AMOUNTS = some.sampled_from([0, -1, 0.5, "7", 10**12, True, []])
CHECKSUMS = some.sampled_from([None, None, None, 1000, 999, "x"])
SECONDS = some.sampled_from([0, 1, 30, 59, 60, 1739, 1740, 1741, 1800, 86_400, 40 * 86_400])
BANK = {"refund_holder": "홍길동", "refund_bank": "88", "refund_account": "110123456789"}


class Gateway(RuleBasedStateMachine):
    """Random calls of the API, actions in the window and at the console, and time passing."""

    # Over all examples: a run in which nothing happened proves nothing.
    done: Counter[str] = Counter()
    payments = Bundle("payments")
    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.client = Client()
        self.machine_time = START
        self.seen: dict[
            str, tuple[str, Decimal]
        ] = {}  # imp_uid → status and cancel_amount, as seen last
        self.promised: dict[str, int] = {}  # token → the latest expiry that was told
        self.patched = patch.object(clock, "machine_time", lambda: self.machine_time)
        self.patched.start()

    def teardown(self) -> None:
        self.patched.stop()
        self.client.post("/sandbox/control/reset", "{}", content_type="application/json")

    def control(self, path: str, **body: Any) -> Any:
        answer = self.client.post(
            f"/sandbox/control/{path}", json.dumps(body), content_type="application/json"
        )
        assert answer.status_code < 500, answer.content
        return answer

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"Authorization": token if token is not None else self.fresh()}
        raw = "" if body is None else json.dumps(body)
        answer = self.client.generic(
            method, f"/sandbox/api/{path}", raw, content_type="application/json", headers=headers
        )
        assert answer.status_code < 500, answer.content
        return answer

    def fresh(self) -> str:
        body = {"imp_key": settings.SANDBOX["key"], "imp_secret": settings.SANDBOX["secret"]}
        got = self.client.post(
            "/sandbox/api/users/getToken", body, content_type="application/json"
        ).json()["response"]
        assert got["now"] < got["expired_at"] <= got["now"] + 35 * 60
        assert got["expired_at"] >= self.promised.get(got["access_token"], 0)
        self.promised[got["access_token"]] = got["expired_at"]
        return got["access_token"]

    # -- what may happen --

    @rule(target=tokens)
    def get_token(self) -> str:
        return self.fresh()

    @rule(token=tokens)
    def use_a_token(self, token: str) -> None:
        lives = self.promised[token] > clock.now()
        answer = self.call("GET", "payments/imp_000000000000", token=token)
        # Ended early by a control call, never late.
        assert answer.status_code in ((404, 401) if lives else (401,))
        if answer.status_code == 401:
            self.promised[token] = min(self.promised[token], clock.now())

    @rule()
    def expire_tokens(self) -> None:
        self.control("faults", expire_tokens=True)

    @rule(target=payments, name=NAMES, amount=AMOUNTS, method=METHODS)
    def open_window(self, name: str, amount: int, method: str) -> Any:
        params = {
            "merchant_uid": name,
            "amount": amount,
            "pay_method": method,
            "buyer_tel": "01012345678",
            "digital": True,
        }
        form = urlencode(
            {
                "code": settings.SANDBOX["code"],
                "origin": "http://testserver",
                "params": json.dumps(params),
            }
        )
        before = set(Payment.objects.values_list("imp_uid", flat=True))
        answer = self.client.generic(
            "POST", "/sandbox/pay/", form, content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code < 500
        made = set(Payment.objects.values_list("imp_uid", flat=True)) - before
        assert len(made) <= 1
        self.done["windows"] += len(made)
        return made.pop() if made else multiple()

    @rule(
        target=payments,
        name=NAMES,
        amount=AMOUNTS,
        method=METHODS,
        outcome=some.sampled_from(["paid", "paid", "failed", "vbank"]),
    )
    def play_a_payer(self, name: str, amount: int, method: str, outcome: str) -> Any:
        answer = self.control(
            "pay",
            merchant_uid=name,
            amount=amount,
            pay_method=method,
            outcome=outcome,
            webhook=True,
        )
        return answer.json().get("imp_uid") or multiple()

    @rule(
        imp_uid=payments, choice=some.sampled_from(sorted(window_options._CHOICES)), amount=AMOUNTS
    )
    def choose_in_the_window(self, imp_uid: str, choice: str, amount: int) -> None:
        payment = Payment.objects.filter(imp_uid=imp_uid).first()
        assume(payment is not None)
        assert payment is not None
        with suppress(WrongState, ValueError, request_pay.RequestPayRefused):
            window_options.apply_choice(payment, choice, Fields({"amount": str(amount)}, form=True))

    @rule(
        imp_uid=payments,
        verb=some.sampled_from(["approve", "approve", "decline", "deposit", "webhook"]),
    )
    def act_at_the_console(self, imp_uid: str, verb: str) -> None:
        self.control(f"payments/{imp_uid}/{verb}")

    @rule(imp_uid=payments, amount=PARTS)
    def cancel_at_the_console(self, imp_uid: str, amount: Any) -> None:
        self.control(f"payments/{imp_uid}/cancel", **({} if amount is None else {"amount": amount}))

    @rule(imp_uid=payments, amount=PARTS, checksum=CHECKSUMS, account=some.booleans())
    def cancel_by_api(self, imp_uid: str, amount: Any, checksum: Any, account: bool) -> None:
        body = {
            "imp_uid": imp_uid,
            "amount": amount,
            "checksum": checksum,
            "reason": "x",
            **(BANK if account else {}),
        }
        answer = self.call(
            "POST",
            "payments/cancel",
            {name: value for name, value in body.items() if value is not None},
        )
        assert (answer.json()["code"] == 0) == (answer.json()["response"] is not None)

    @rule(
        imp_uid=payments, parts=some.lists(some.sampled_from([1, 100, 300]), min_size=2, max_size=4)
    )
    def cancel_in_parts(self, imp_uid: str, parts: list[int]) -> None:
        for number, part in enumerate(parts):
            if number % 2:
                self.control(f"payments/{imp_uid}/cancel", amount=part)
            else:
                self.call(
                    "POST", "payments/cancel", {"imp_uid": imp_uid, "amount": part, "reason": "x"}
                )

    @rule(imp_uid=payments, amount=NO_AMOUNTS)
    def cancel_nonsense(self, imp_uid: str, amount: Any) -> None:
        self.control(f"payments/{imp_uid}/cancel", amount=amount)
        self.call(
            "POST", "payments/cancel", {"imp_uid": imp_uid, "amount": amount or -2, "reason": "x"}
        )

    @rule(name=NAMES, amount=AMOUNTS)
    def prepare(self, name: str, amount: int) -> None:
        self.call("POST", "payments/prepare", {"merchant_uid": name, "amount": amount})

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.machine_time += seconds

    @rule(seconds=SECONDS)
    def the_clock_is_moved(self, seconds: int) -> None:
        self.control("clock", advance_s=seconds)

    # -- what must hold --

    @invariant()
    def the_money_adds_up(self) -> None:
        for row in Payment.objects.all():
            parts = [item.amount for item in row.cancellations.all()]
            assert 0 <= row.cancel_amount <= row.amount
            assert sum(parts) == row.cancel_amount
            assert all(part > 0 for part in parts)
            self.done["in parts"] += len(parts) > 1

    @invariant()
    def states_fit_their_times(self) -> None:
        for row in Payment.objects.all():
            now = clock.now()
            assert row.started_at <= row.updated_at <= now
            assert (row.status in (Status.PAID, Status.CANCELLED)) == bool(row.paid_at)
            assert (
                (row.status == Status.CANCELLED)
                == bool(row.cancelled_at)
                == bool(row.cancel_amount)
            )
            assert (row.status == Status.FAILED) == bool(row.failed_at) == bool(row.fail_reason)
            for moment in (row.paid_at, row.failed_at, row.cancelled_at):
                assert moment == 0 or row.started_at <= moment <= now
            assert not row.cancelled_at or row.cancelled_at >= row.paid_at

    @invariant()
    def nothing_goes_back(self) -> None:
        order = {Status.READY: 0, Status.FAILED: 1, Status.PAID: 2, Status.CANCELLED: 3}
        for row in Payment.objects.all():
            status, cancelled = self.seen.get(row.imp_uid, (Status.READY, Decimal(0)))
            assert order[Status(row.status)] >= order[Status(status)]
            assert row.cancel_amount >= cancelled
            self.seen[row.imp_uid] = (row.status, row.cancel_amount)


@pytest.mark.django_db(databases=["default", ALIAS])
def test_random_lives_of_the_gateway():
    long = "SANDBOX_EXAMPLES" in os.environ
    bounds = limits(
        max_examples=int(os.environ.get("SANDBOX_EXAMPLES", "25")),
        stateful_step_count=30,
        phases=[Phase.generate, Phase.shrink]
        if long
        else [Phase.generate],  # looking for the shortest failure takes minutes
        # the tallies below are no matter of luck; long runs look elsewhere each time
        derandomize=not long,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Gateway, settings=bounds)
    assert Gateway.done["windows"] > 5
    assert Gateway.done["in parts"] > 5
