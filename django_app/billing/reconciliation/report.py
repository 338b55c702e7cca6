"""What a reconcile found, as plain data: for the summary, for `--json`, for the row of the run.
Bounded, however much there is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from billing.gateway.payment import Payment, clean_text
from billing.gateway.payment_list import UnreadablePayment

MOST_NAMED = 100  # rows that differ, and troubles, that are named one by one
MOST_COUNTED_ONCE = 10_000  # of those found by several sweeps; beyond, each is counted again
MOST_UNMATCHED = 1_000  # payments of nobody here that are kept
MOST_UNRESOLVED = 1_000  # payments that could not be compared or applied, kept for the next run
MOST_UNREAD = 100  # seconds of a list that could not be read, kept for the next run

CLEAN, DRIFT, COULD_NOT_ASK = 0, 1, 2


@dataclass
class SweepStats:
    """One sweep in numbers.

    rows: of ours that were looked at. calls: questions to the gateway, repeats included. payments:
    in its answers. differ: payments whose row is not as they say. repaired: of those, applied.
    failed: could not be read, compared or applied. finished: whether it came to its end.
    """

    rows: int = 0
    calls: int = 0
    payments: int = 0
    differ: int = 0
    repaired: int = 0
    failed: int = 0
    finished: bool = False


@dataclass
class Report:
    """One reconcile. `exit_code` sums it up: CLEAN, DRIFT where something remains to be repaired,
    COULD_NOT_ASK.
    """

    repair: bool
    started: datetime
    finished: datetime | None = None
    windows_from: datetime | None = None
    watermark: datetime | None = None
    skipped: str = ""  # another run is at it: why nothing was done
    stopped: str = ""  # why it ended before its time
    unreachable_calls: int = 0  # questions that got no usable answer
    drift_count: int = 0  # payments, however many sweeps found them
    drift: list[dict[str, Any]] = field(default_factory=list)
    unmatched_count: int = 0
    unmatched: list[dict[str, Any]] = field(default_factory=list)
    undecided: int = 0  # payments of no row that nobody has decided yet, from earlier runs too
    # Of a report alone: imp_uids that it met.
    undecided_met: set[str] = field(default_factory=set, repr=False)
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sweeps: dict[str, SweepStats] = field(default_factory=dict)
    # Imp_uids that an earlier run left unresolved, and this one has not met yet.
    carried_over: dict[str, None] = field(default_factory=dict)
    # Imp_uids that this run could not resolve.
    unresolved_payments: dict[str, None] = field(default_factory=dict)
    has_overflowed: bool = False  # there were more of them, or of unread seconds, than are kept
    # (status, unix second) of a list; an earlier run's, until it is read.
    unread: dict[tuple[str, int], None] = field(default_factory=dict)
    # Payments of nobody that cannot be read, which an earlier run has named.
    unreadable_before: frozenset[str] = frozenset()
    unreadable_unmatched: dict[str, None] = field(default_factory=dict)  # and those of this one
    _drifted: set[str] = field(default_factory=set, repr=False)

    @property
    def remaining(self) -> int:
        """How much is known to differ and was not repaired."""
        failed = sum(stats.failed for stats in self.sweeps.values())
        return failed if self.repair else failed + self.drift_count

    @property
    def exit_code(self) -> int:
        """Not being able to ask weighs most: nobody knows then what differs. A run that another
        machine does is no trouble.
        """
        if self.unreachable_calls:
            return COULD_NOT_ASK
        return DRIFT if self.remaining else CLEAN

    def add_drift(self, payment: Payment, columns: tuple[str, ...]) -> None:
        """Note a row that is not as the gateway says, once."""
        if payment.imp_uid in self._drifted:
            return
        if len(self._drifted) < MOST_COUNTED_ONCE:
            self._drifted.add(payment.imp_uid)
        self.drift_count += 1
        if len(self.drift) < MOST_NAMED:
            self.drift.append(
                {
                    "merchant_uid": payment.merchant_uid,
                    "imp_uid": payment.imp_uid,
                    "columns": list(columns),
                }
            )

    def mark_unresolved(self, imp_uid: str) -> None:
        """Keep a payment for the next run, until it is resolved: its window is not read again
        once the watermark has passed it.
        """
        self.carried_over.pop(imp_uid, None)
        if (
            len(self.unresolved_payments) + len(self.carried_over) < MOST_UNRESOLVED
        ):  # those not met yet keep their places
            self.unresolved_payments[imp_uid] = None
        elif imp_uid not in self.unresolved_payments:
            self.has_overflowed = True

    def mark_resolved(self, imp_uid: str) -> None:
        """Compared, and applied where that was asked for."""
        self.carried_over.pop(imp_uid, None)
        self.unresolved_payments.pop(imp_uid, None)

    def mark_unread(self, status: str, second: int) -> None:
        """Keep a second of a list for the next run, until it is read."""
        if len(self.unread) < MOST_UNREAD:
            self.unread[status, second] = None
        elif (status, second) not in self.unread:
            self.has_overflowed = True

    def mark_read(self, status: str, begin: int, end: int) -> None:
        """Every second of the list from begin to end, both included."""
        for key in [key for key in self.unread if key[0] == status and begin <= key[1] <= end]:
            del self.unread[key]

    def add_unreadable(self, payment: UnreadablePayment) -> None:
        """Name a payment that cannot be read and is none of ours, in the notes, and not again while
        windows overlap. It is no drift: nobody here could end such an alarm.
        """
        self.mark_resolved(payment.imp_uid)
        name = payment.imp_uid or payment.merchant_uid
        if (
            name not in self.unreadable_before | self.unreadable_unmatched.keys()
            and len(self.notes) < MOST_NAMED
        ):
            self.notes.append(
                clean_text(
                    "a payment that no transaction has cannot be read, and is left alone: "
                    f"{payment.words}",
                    300,
                )
            )
        if len(self.unreadable_unmatched) < MOST_UNMATCHED:
            self.unreadable_unmatched[name] = None

    def add_unmatched(self, payment: Payment) -> None:
        """Note a payment that none of our rows knows. It is never touched: shops share merchant
        accounts.
        """
        self.unmatched_count += 1
        if len(self.unmatched) < MOST_UNMATCHED:
            self.unmatched.append(
                {
                    "imp_uid": payment.imp_uid,
                    "merchant_uid": payment.merchant_uid,
                    "amount": f"{payment.amount.normalize():f}",
                    "currency": payment.currency,
                    "status": payment.status,
                }
            )

    def add_trouble(self, words: str) -> None:
        """Note what went wrong, in words; those of the gateway may hold what no database stores."""
        if len(self.troubles) < MOST_NAMED:
            self.troubles.append(clean_text(words, 300))

    def as_json(self) -> dict[str, Any]:
        """Everything, for `--json` and for ReconcileRun.result. Times are ISO 8601."""
        times = {name: time.isoformat() if time else None for name, time in self._times().items()}
        return {
            "mode": "repair" if self.repair else "report",
            **times,
            "exit_code": self.exit_code,
            "skipped": self.skipped,
            "stopped": self.stopped,
            "remaining": self.remaining,
            "calls_without_answer": self.unreachable_calls,
            "sweeps": {name: asdict(stats) for name, stats in self.sweeps.items()},
            "drift": {"count": self.drift_count, "payments": self.drift},
            "unknown": {"count": self.unmatched_count, "payments": self.unmatched},
            "undecided": self.undecided,
            "unsettled": [*self.unresolved_payments, *self.carried_over],
            "unread": [list(key) for key in self.unread],
            # A run that did not read its windows has not met them again.
            "unreadable_of_nobody": list(
                self.unreadable_unmatched
                if self.watermark
                else self.unreadable_unmatched | dict.fromkeys(sorted(self.unreadable_before))
            ),
            "troubles": self.troubles,
            "notes": self.notes,
        }

    def _times(self) -> dict[str, datetime | None]:
        return {
            "started": self.started,
            "finished": self.finished,
            "windows_from": self.windows_from,
            "watermark": self.watermark,
        }
