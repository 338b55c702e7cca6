"""Both sides at one moment: our tables and the gateway's, and what must hold of them (the
invariants of docs/design.md).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Model

from billing.conf import conf
from billing.models import Point, PointCancellation, PointEntry, PointTransaction, TransactionNote
from billing.states import Status
from billing_sandbox.models import Cancellation
from billing_sandbox.models import Payment as GatewayPayment

OPEN = PointCancellation.OPEN
RANK = {Status.READY: 0, Status.FAILED: 1, Status.CANCELLED: 2}
BOLD = "bold"  # the one of the staff who takes points that were spent already


class Entry(NamedTuple):
    id: int
    owner_id: int
    txn_id: int | None
    version: int | None
    kind: str
    key: str | None
    delta: int
    by_name: str


Row = dict[str, Any]
ROW = (
    "id", "owner_id", "merchant_uid", "imp_uid", "amount", "status", "cancel_amount", "cancel_goal",
    "credited", "credited_at", "review",
    "next_check_at",
)  # fmt: skip
CANCEL = (
    "id",
    "txn_id",
    "kind",
    "imp_uid",
    "amount",
    "base",
    "state",
    "tries",
    "needs_staff",
    "error_code",
)
PAYMENT = (
    "imp_uid",
    "merchant_uid",
    "status",
    "amount",
    "cancel_amount",
    "currency",
    "sandbox",
    "pay_method",
    "started_at",
)


@dataclass(frozen=True)
class Books:
    """What all tables say."""

    balances: dict[int, int]
    entries: list[Entry]
    rows: dict[int, Row]
    cancels: dict[int, Row]
    payments: dict[str, Row]  # the gateway's
    # The last word of a cancel's reason at the gateway ("#7") → won that came back.
    effects: Counter[str]
    # Of a row: (code, params) of what staff read about it.
    notes: defaultdict[int, list[tuple[str, dict[str, Any]]]]

    def of(self, row: Row) -> list[Row]:
        """The gateway's payments for this row."""
        return [
            payment
            for payment in self.payments.values()
            if payment["merchant_uid"] == row["merchant_uid"]
        ]

    def open_cancel(self, row: Row) -> Row | None:
        found = [
            c
            for c in self.cancels.values()
            if c["txn_id"] == row["id"] and c["kind"] == "cancel" and c["state"] in OPEN
        ]
        assert len(found) <= 1, f"two open cancels: {found}"
        return found[0] if found else None


def read() -> Books:
    effects: Counter[str] = Counter()
    for row in _all(Cancellation, ("reason", "amount")):
        effects[row["reason"].rpartition(" ")[2]] += row["amount"]
    notes: defaultdict[int, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for row in _all(TransactionNote, ("txn_id", "code", "params")):
        params = row["params"] if isinstance(row["params"], dict) else json.loads(row["params"])
        notes[row["txn_id"]].append((row["code"], params))
    return Books(
        balances={
            row["user_id"]: row["balance"] for row in _all(Point, ("user_id", "balance"), "user_id")
        },
        entries=[Entry(**row) for row in _all(PointEntry, Entry._fields)],
        rows={row["id"]: row for row in _all(PointTransaction, ROW)},
        cancels={row["id"]: row for row in _all(PointCancellation, CANCEL)},
        payments={row["imp_uid"]: row for row in _all(GatewayPayment, PAYMENT)},
        effects=effects,
        notes=notes,
    )


def _all(model: type[Model], names: Sequence[str], order: str = "id") -> list[Row]:
    """The whole table, as the database gives it: this is done after every step, and models would
    take ten times as long.
    """
    table = model._meta.db_table
    with connections[
        "sandbox" if model._meta.app_label == "sandbox" else "default"
    ].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {order}")
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def is_money(payment: Row) -> bool:
    return payment["status"] == "paid" or (
        payment["status"] == "cancelled" and payment["cancel_amount"] > 0
    )


def is_right(payment: Row, row: Row) -> bool:
    return (
        payment["amount"] == row["amount"]
        and payment["currency"] == "KRW"
        and (conf.BILLING_ACCEPT_TEST_CHANNEL or not payment["sandbox"])
    )


def left(payment: Row) -> Any:
    return payment["amount"] - payment["cancel_amount"]


def check(now: Books, before: Books | None) -> None:
    """Everything that must hold at this moment, and between the moment before and this one."""
    _balances(now)
    for row in now.rows.values():
        _row(now, row)
    for cancel in now.cancels.values():
        _our_cancel(now, cancel) if cancel["kind"] == "cancel" else _return(now, cancel)
    if before is not None:
        assert now.entries[: len(before.entries)] == before.entries, (
            "I8: an entry was changed or has gone"
        )
        for pk, row in before.rows.items():
            _passage(now, row, now.rows[pk])


def _balances(now: Books) -> None:
    """I1, I9, and that staff hear of a console's cancel that made a balance negative."""
    running: defaultdict[int, int] = defaultdict(int)
    for entry in now.entries:
        running[entry.owner_id] += entry.delta
        after = running[entry.owner_id]
        if entry.delta < 0 and after < 0:
            assert entry.kind not in ("spend", "adjust"), f"I9: {entry} makes it {after}"
            assert entry.by_name in ("", BOLD), (
                f"{entry} takes points that were spent, and nobody allowed it"
            )
            if not entry.by_name:
                told = [params.get("balance") for _, params in now.notes[entry.txn_id or 0]]
                assert after in told, f"I3: nobody was told of {entry}"
    for owner, balance in now.balances.items():
        assert balance == running[owner], (
            f"I1: the balance is {balance}, the entries add up to {running[owner]}"
        )


def _row(now: Books, row: Row) -> None:
    entries = [entry for entry in now.entries if entry.txn_id == row["id"]]
    assert row["credited"] == sum(entry.delta for entry in entries), f"{row} and {entries}"
    assert all(entry.owner_id == row["owner_id"] for entry in entries)
    cancel = now.open_cancel(row)
    goal = int(cancel["base"] + cancel["amount"]) if cancel else 0
    assert row["cancel_goal"] == goal, f"{row} and its open cancel {cancel}"
    payment = now.payments.get(row["imp_uid"] or "")
    assert (payment is None) == (row["imp_uid"] is None), (
        f"I4: {row['imp_uid']} is not at the gateway"
    )
    assert payment is None or payment["merchant_uid"] == row["merchant_uid"]
    if row["credited_at"] is None:
        assert not entries, f"I5: an unbound row has {entries}"
        assert row["status"] != "paid", "a row without money says paid"
        assert payment is None or (payment["amount"], payment["currency"]) == (
            row["amount"],
            "KRW",
        ), f"{row} shows {payment}"
        return
    assert payment is not None
    assert is_money(payment), f"I4: {row} is bound to {payment}"
    assert is_right(payment, row), f"I5: {row} is bound to {payment}"
    assert row["credited"] == row["amount"] - max(row["cancel_amount"], goal), f"{row}"
    assert row["cancel_amount"] <= payment["cancel_amount"], (
        f"{row} knows of more than the gateway has cancelled: {payment}"
    )
    assert row["status"] == ("cancelled" if row["cancel_amount"] else "paid"), f"{row}"


def _our_cancel(now: Books, cancel: Row) -> None:
    """I10: at most once, at most as much, and never after we said that it did not happen."""
    effect, given_up = now.effects[f"#{cancel['id']}"], cancel["error_code"] == "given_up"
    assert effect <= cancel["amount"], f"I10: {effect} came back by {cancel}"
    assert cancel["state"] != "refused" or given_up or not effect, (
        f"I10: {effect} came back, and the points too: {cancel}"
    )
    payment = now.payments[cancel["imp_uid"]]
    assert (
        cancel["state"] != "done" or payment["cancel_amount"] >= cancel["base"] + cancel["amount"]
    ), f"A4: {cancel} but {payment}"


def _return(now: Books, back: Row) -> None:
    """I5: only wrong money, and staff know of it."""
    row = now.rows[back["txn_id"]]
    assert back["imp_uid"] != row["imp_uid"] or row["credited_at"] is None, (
        f"I5: the credited payment is sent back: {back}"
    )
    told = [params["imp_uid"] for _, params in now.notes[row["id"]] if "paid" in params]
    assert back["imp_uid"] in told, f"I5: nobody was told of {back}"
    assert back["state"] != "done" or not left(now.payments[back["imp_uid"]]), f"{back} is not back"
    assert back["state"] != "refused" or back["error_code"] == "given_up", (
        f"V3: {back} was left alone"
    )


def _passage(now: Books, was: Row, row: Row) -> None:
    """I6: from one moment to the next, per imp_uid."""
    if was["credited_at"] is not None:
        assert (row["imp_uid"], row["credited_at"]) == (was["imp_uid"], was["credited_at"]), (
            f"{was} turned into {row}"
        )
        assert row["cancel_amount"] >= was["cancel_amount"], (
            f"I6: a cancel was undone: {was} turned into {row}"
        )
    elif row["credited_at"] is None:
        if row["imp_uid"] == was["imp_uid"]:
            assert RANK[Status(row["status"])] >= RANK[Status(was["status"])], (
                f"I6: {was} turned into {row}"
            )
        elif was["imp_uid"] is not None:
            newer, older = now.payments[row["imp_uid"]], now.payments[was["imp_uid"]]
            assert newer["started_at"] > older["started_at"], f"I6: {was} turned into {row}"
