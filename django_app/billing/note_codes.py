"""Codes for what staff read about a row. The words are the back office's (`review_notes.py` there):
nothing decides or translates by reading a sentence back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from billing.states import Review


class NoteCode(StrEnum):
    """Of notes that open no review, each with its params; one that does has the review's code."""

    REFUND_BY_STAFF = "refund_by_staff"  # imp_uid, why
    CLAIMED = "claimed"  # member: the login name
    ACCOUNT_CLOSE_REQUESTED = "account_close_requested"  # imp_uid
    ACCOUNT_CLOSED = "account_closed"  # imp_uid
    SENT_AGAIN = "sent_again"  # imp_uid, kind, number
    LEFT_WAITING = "left_waiting"  # imp_uid, kind, number
    GIVEN_UP = "given_up"  # imp_uid, kind, number
    RESOLVED = "resolved"  # reason
    LEGACY = "legacy"  # text: a line of the time before codes


class Why(StrEnum):
    """Why a cancel or mismatch refund waits for staff: `why` of a note."""

    SETTING = "setting"
    NOT_WHOLE_WON = "not_whole_won"
    ACCOUNT_NEEDED = "account_needed"
    ACCEPTED_TOO_LONG = "accepted_too_long"
    PART_CANCELLED = "part_cancelled"
    MAYBE_REGISTERED = "maybe_registered"
    NO_ANSWER = "no_answer"  # tries
    TRIED = "tried"  # tries
    REJECTED = "rejected"  # tries, detail: the gateway's words
    GATEWAY_TROUBLE = "gateway_trouble"  # error: an ErrorCode, detail


class ErrorCode(StrEnum):
    """What went wrong with a delivery, or with a try to send money back. Beside it stands a detail:
    the gateway's own words, or what kind of silence it was.
    """

    GATEWAY_UNREACHABLE = "gateway_unreachable"
    GATEWAY_REJECTED = "gateway_rejected"
    INVALID_GATEWAY_RESPONSE = "invalid_gateway_response"
    PAYMENT_NOT_FOUND = "payment_not_found"
    REJECTED_THEN_SILENT = "rejected_then_silent"  # it said no, and could not be asked again
    REJECTED_OLD_ANSWER = "rejected_old_answer"  # it said no, and then told what was before
    CANCELLED_AT_CONSOLE = "cancelled_at_console"  # a part, meanwhile
    CONTRADICTS = "contradicts"  # the answer contradicts the row
    GIVEN_UP = "given_up"  # by staff; detail: who
    UNKNOWN_ORDER = "unknown_order"
    ASKED_TOO_OFTEN = "asked_too_often"
    LEGACY = "legacy"  # detail: a sentence of the time before codes


@dataclass(frozen=True)
class Trouble:
    """What went wrong. code: an ErrorCode, "" where nothing did. detail: see there."""

    code: str = ""
    detail: str = ""

    def columns(self, length: int = 500) -> dict[str, str]:
        """As a row keeps it; of the detail, the first `length` characters."""
        return {"error_code": self.code, "error": self.detail[:length]}


NO_TROUBLE = Trouble()


@dataclass(frozen=True)
class Note:
    """One thing that staff should know about a row. by: the member of staff who did it."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)
    by: Any = None

    @property
    def review(self) -> Review | None:
        """The review that it opens; None where it only tells."""
        return Review(self.code) if self.code in Review.values else None
