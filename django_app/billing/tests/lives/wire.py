"""The wire between us and the gateway: where requests are lost, hang and arrive late, and where
each cancel is watched (I7, I10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from django.db import connection

from billing.errors import GatewayError, GatewayUnreachable
from billing.gateway.payment import AT_ONCE
from billing.gateway.transport import Client
from billing.models import PointCancellation
from billing.tests.lives.clock import START, Clock
from billing.tests.lives.process import Killed, Process
from billing_sandbox.faults import active_faults
from billing_sandbox.models import Payment

# So long may the gateway still get to a request that timed out for us (money.md).
STILL_WORKING = timedelta(minutes=15)


@dataclass
class Wire:
    """Patched in below `Client._send`. by_staff: the cancel that staff just told us to send
    again.
    """

    clock: Clock
    process: Process
    next_cancel_hangs: bool = False
    next_cancel_later: dict[str, Any] | None = (
        None  # a fault for the next cancel that may be done later
    )
    by_staff: int | None = None
    in_flight: list[tuple[datetime, Callable[[], Any]]] = field(default_factory=list)
    _sends: Counter[int] = field(default_factory=Counter)
    # When it was sent last, and whether its answer was clear.
    _last: dict[int, tuple[datetime, bool]] = field(default_factory=dict)
    _bodies: dict[int, tuple[Decimal, Decimal]] = field(default_factory=dict)
    _sent_here: list[int] = field(default_factory=list)
    _asked: dict[str, datetime] = field(default_factory=dict)  # imp_uid → when we asked for it last

    @contextmanager
    def laid(self) -> Iterator[None]:
        send = Client._send
        with patch.object(
            Client,
            "_send",
            lambda client, method, url, **how: self._send(send, client, method, url, how),
        ):
            yield

    def _send(self, send: Any, client: Client, method: str, url: str, how: dict[str, Any]) -> Any:
        assert not connection.in_atomic_block, f"I7: {method} {url} inside a transaction"
        path = url.removeprefix(client.imp_url)
        is_cancel = path == "payments/cancel"
        # Who has looked at the clock before he sends, sends at once.
        can_wait = path not in (
            "payments/cancel",
            "users/getToken",
        )
        self.process.step(can_wait=can_wait)
        if not is_cancel:
            if method == "GET":
                self._asked[path.removeprefix("payments/")] = self.clock.now
            answer = send(client, method, url, **how)
            self.process.step(can_wait=can_wait)
            return answer
        return self._cancel(how["body"], lambda: send(client, method, url, **how))

    @contextmanager
    def memory(self) -> Iterator[None]:
        """What one process knows: if it is killed, nobody has seen the answers to what it sent."""
        around, self._sent_here = self._sent_here, []
        try:
            yield
        except Killed:
            for number in self._sent_here:
                self._last[number] = (self._last[number][0], False)
            raise
        finally:
            self._sent_here = around

    # -- cancels --

    def _cancel(self, body: dict[str, Any], send: Callable[[], Any]) -> Any:
        cancellation = PointCancellation.objects.get(pk=body["reason"].rpartition("#")[2])
        self._may_be_sent(cancellation, body)
        number = cancellation.pk
        before = self._last.get(number)
        self._sends[number] += 1
        self._sent_here.append(number)
        self._last[number] = (self.clock.now, False)
        if self.next_cancel_hangs:
            self.next_cancel_hangs = False
            self.in_flight.append((self.clock.now, send))
            raise GatewayUnreachable("it hangs")
        try:
            with self._later(cancellation.imp_uid):
                status, content = send()
        except GatewayError as error:
            if getattr(error, "surely_not_sent", False):
                self._forget(number, before)
            raise
        self.process.step()
        if status == 401:
            self._forget(number, before)
        else:
            self._last[number] = (self._last[number][0], status < 500 and content.endswith(b"}"))
        return status, content

    def _forget(self, number: int, before: tuple[datetime, bool] | None) -> None:
        """The gateway did nothing, and we know it."""
        self._sends[number] -= 1
        self._sent_here.remove(number)
        if before:
            self._last[number] = before
        else:
            del self._last[number]

    @contextmanager
    def _later(self, imp_uid: str) -> Iterator[None]:
        """The gateway accepts it now and does it later, where its method allows that."""
        if not self.next_cancel_later or Payment.objects.get(imp_uid=imp_uid).pay_method in AT_ONCE:
            yield
            return
        rule = active_faults.add(
            self.next_cancel_later, of_delivery=False, path="payments/cancel", times=1
        )
        self.next_cancel_later = None
        try:
            yield
        finally:
            active_faults.clear(rule.pk)

    def _may_be_sent(self, cancellation: PointCancellation, body: dict[str, Any]) -> None:
        """The rules of sending, whatever came of it (money.md, finishing)."""
        who = f"{cancellation.kind} #{cancellation.pk}"
        number, amounts = (
            cancellation.pk,
            (Decimal(body["amount"]), Decimal(body.get("checksum", 0))),
        )
        assert min(amounts) > 0, f"I10: {who} is sent with {body}"
        being_sent = "requested" if cancellation.kind == "cancel" else "unknown"
        assert cancellation.state == being_sent, (
            f"I10: {who} is sent, and it is {cancellation.state}"
        )
        assert self._sends[number] < cancellation.tries, (
            f"I10: try {self._sends[number] + 1} of {who} was not claimed"
        )
        if number in self._last and number != self.by_staff:
            sent_at, clear = self._last[number]
            asked_at = self._asked.get(cancellation.imp_uid, START)
            assert asked_at >= sent_at, f"I10: {who} is sent again without asking"
            if not clear:
                method = Payment.objects.get(imp_uid=cancellation.imp_uid).pay_method
                assert method in AT_ONCE, (
                    f"V4: {who}, paid by {method}, is sent again, and may have been registered"
                )
                assert asked_at - sent_at >= STILL_WORKING, (
                    f"V2b: {who} was asked about when it could still be under way"
                )
        if cancellation.kind == "cancel":
            assert amounts == self._bodies.setdefault(number, amounts), (
                f"I10: {who} is sent again with other amounts"
            )

    def land(self) -> None:
        """The gateway gets to what hangs, unless it has been too long."""
        flights, self.in_flight = self.in_flight, []
        for sent_at, send in flights:
            if self.clock.now - sent_at < STILL_WORKING:
                try:
                    send()
                except GatewayError:
                    continue
