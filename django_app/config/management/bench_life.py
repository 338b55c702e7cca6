"""One made-up service, from its first charge to now: what happens to each attempt is drawn from a
seed.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing.models import (
    PointCancellation,
    PointEntry,
    PointTransaction,
    WebhookEvent,
)
from config.management.bench_writer import AT_ONCE, Writer

# attempts with which more goes wrong: as much is open in a small table as in a large one, and
# enough for whole pages
NEWEST = 1_000
AMOUNTS = (5_000, 10_000, 10_000, 30_000, 30_000, 50_000, 100_000)
METHODS = ("card",) * 12 + ("kakaopay",) * 3 + ("trans",) * 2 + ("vbank",) * 2 + ("phone",)
CARDS = ("신한카드", "삼성카드", "현대카드", "국민카드", "롯데카드")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Life:
    """One made-up service."""

    rows: int
    begin: datetime
    now: datetime
    chance: random.Random
    members: list[Any]
    writer: Writer

    def __post_init__(self) -> None:
        self.balances: Counter[Any] = Counter()
        self.attempts: Counter[Any] = Counter()
        self._later: list[
            tuple[datetime, int, dict[str, Any]]
        ] = []  # entries, so that they are written in the order of their time

    def live(self, progress: Callable[[int], None]) -> None:
        """All of it, the oldest first."""
        for number in range(1, self.rows + 1):
            began = self.begin + (self.now - self.begin) * (
                (number - self.chance.random()) / self.rows
            )
            self._write_entries(until=began)
            self._attempt(number, began)
            if number % AT_ONCE == 0:
                progress(number)
        self._write_entries(until=self.now + DAY)

    def _attempt(self, number: int, began: datetime) -> None:
        chance, owner = self.chance, self.chance.choice(self.members)
        self.attempts[owner] += 1
        amount, method = chance.choice(AMOUNTS), chance.choice(METHODS)
        digest = hashlib.sha256(f"{number}".encode()).hexdigest()
        imp_uid = f"imp_{number * 387_420_489 % 10**12:012}"
        txn: dict[str, Any] = {
            "owner_id": owner, "merchant_uid": f"{began:%Y%m%d}{digest[:26]}", "amount": amount,
            "pay_method": method, "created_at": began,
            "prepared_at": began, "version": 1,
            "next_check_at": began + 8 * HOUR if self.now - began < 7 * DAY else None,
        }  # fmt: skip
        seen = {"imp_uid": imp_uid, "started_at": began + MINUTE, "synced_at": began + 2 * MINUTE,
            "pg_provider": "html5_inicis",
                "pg_id": "INIpayTest", "paid_method": method,
                "pg_tid": f"Stdpay{method.upper()}{digest[26:46]}"}  # fmt: skip
        paid_at = began + (
            chance.randint(1, 30) * HOUR if method == "vbank" else chance.randint(1, 5) * MINUTE
        )
        fate = chance.random()
        if fate < 0.7 and paid_at < self.now:
            self._paid(txn, seen, paid_at, number)
        elif fate < 0.82:
            self.writer.add(
                PointTransaction,
                **txn,
                **seen,
                status="failed",
                failed_at=began + 2 * MINUTE,
                fail_reason="카드사 승인 거절",
            )
        elif method == "vbank":
            account = {
                "vbank_code": "88",
                "vbank_name": "신한은행",
                "vbank_num": f"5621{number:010}",
                "vbank_holder": "(주)포인트",
            }
            self.writer.add(
                PointTransaction,
                **txn,
                **seen,
                **account,
                vbank_date=began + 3 * DAY,
                vbank_issued_at=began + MINUTE,
            )
            self._delivery(imp_uid, txn["merchant_uid"], "ready", began + 2 * MINUTE)
        else:  # the window was left open
            self.writer.add(PointTransaction, **txn)

    def _paid(
        self, txn: dict[str, Any], seen: dict[str, Any], paid_at: datetime, number: int
    ) -> None:
        chance, amount, owner = self.chance, txn["amount"], txn["owner_id"]
        imp_uid, merchant_uid = seen["imp_uid"], txn["merchant_uid"]
        fact = chance.random()
        cancelled_at = paid_at + chance.randint(1, 100) * HOUR
        cancelled = (
            0
            if cancelled_at > self.now
            else amount
            if fact < 0.05
            else amount // 5
            if fact < 0.07
            else 0
        )
        is_new = number > self.rows - NEWEST
        # A cancel that is open: nobody knows how it ended.
        hold = amount if is_new and fact > 0.97 else 0
        is_second = 0.5 < fact < (0.6 if is_new else 0.502)
        seen = {
            **seen,
            "apply_num": f"{chance.randrange(10**8):08}",
            "card_name": chance.choice(CARDS) if txn["pay_method"] == "card" else "",
        }
        left = amount - max(cancelled, hold)
        txn |= {**seen, "next_check_at": None, "version": 2, "status": "paid", "paid_at": paid_at,
            "receipt_url": f"https://pay.example/{imp_uid}",
                "credited_at": paid_at + timedelta(seconds=2), "credited": left,
                "pending_cancel_total": hold}  # fmt: skip
        if cancelled or hold:
            txn["version"] = 3
        if cancelled:
            txn |= {
                "status": "cancelled",
                "cancel_amount": cancelled,
                "cancelled_at": cancelled_at,
                "cancel_reason": "고객 변심",
            }
        if is_second:
            txn |= {
                "review": "second_payment" if is_new else "",
                "has_notes": True,
            }
        key = self.writer.add(PointTransaction, **txn)
        self._later_entry(
            paid_at + timedelta(seconds=2), owner, "charge", amount, txn_id=key, version=2
        )
        self._delivery(
            imp_uid,
            merchant_uid,
            "paid",
            paid_at + timedelta(seconds=1),
            is_open=is_new and fact > 0.9,
        )
        money = {
            "txn_id": key,
            "imp_uid": imp_uid,
            "currency": "KRW",
            "reason": "고객 변심",
            "by_name": "staff",
            "tries": 1,
        }
        if cancelled or hold:
            taken, when = cancelled or hold, cancelled_at if cancelled else paid_at + MINUTE
            self._later_entry(when, owner, "cancel", -taken, txn_id=key, version=3)
            money |= {
                "kind": "cancel",
                "amount": taken,
                "base": 0,
                "checksum": amount,
                "created_at": when,
                "sent_at": when,
            }
            self.writer.add(
                PointCancellation,
                **money,
                state="done" if cancelled else "unknown",
                closed_at=when if cancelled else None,
            )
            if cancelled:
                self._delivery(imp_uid, merchant_uid, "cancelled", when + timedelta(seconds=2))
        if is_second:
            when = paid_at + MINUTE
            moments = dict.fromkeys(("created_at", "sent_at", "closed_at"), when)
            other = {
                **money,
                **moments,
                "kind": "return",
                "amount": amount,
                "base": 0,
                "checksum": amount,
                "imp_uid": f"imps_{number:012}",
            }
            self.writer.add(PointCancellation, **other, state="done")
        spent_at = paid_at + chance.randint(1, 200) * HOUR
        if left and spent_at < self.now and chance.random() < 0.6:
            spent = left // chance.choice((1, 2, 5))
            self._later_entry(
                spent_at,
                owner,
                "spend",
                -spent,
                idempotency_key=f"order-{number}",
                memo="콘서트 예매",
            )
            if chance.random() < 0.05:
                self._later_entry(
                    min(spent_at + DAY, self.now),
                    owner,
                    "give_back",
                    spent,
                    idempotency_key=f"order-{number}",
                    memo="콘서트 예매",
                )

    def _delivery(
        self, imp_uid: str, merchant_uid: str, status: str, when: datetime, *, is_open: bool = False
    ) -> None:
        named = {"imp_uid": imp_uid, "merchant_uid": merchant_uid}
        facts = {
            **named,
            "claimed_status": status,
            "body": json.dumps({**named, "status": status}),
            "address": "52.78.100.19",
            "tries": 1,
        }
        if (
            status == "paid" and self.writer.counts[WebhookEvent] % 8 == 0
        ):  # one that the gateway announced late
            facts |= {"source": "return", "address": "203.0.113.7"}
        if is_open:
            self.writer.add(WebhookEvent, **facts, received_at=when, next_try_at=self.now + HOUR)
        else:
            self.writer.add(
                WebhookEvent, **facts, received_at=when, outcome="done", handled_at=when
            )

    def _later_entry(self, when: datetime, owner: Any, kind: str, delta: int, **more: Any) -> None:
        self.balances[owner] += delta
        entry = {
            "owner_id": owner,
            "kind": kind,
            "delta": delta,
            "created_at": min(when, self.now),
            **more,
        }
        heapq.heappush(
            self._later,
            (entry["created_at"], len(self._later) + self.writer.counts[PointEntry], entry),
        )

    def _write_entries(self, until: datetime) -> None:
        while self._later and self._later[0][0] <= until:
            self.writer.add(PointEntry, **heapq.heappop(self._later)[2])
