"""decide(): every pair of row and answer. Pure, no database."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.errors import InvalidGatewayResponse
from billing.services.decide import decide
from billing.states import Credit, NoChange, RefundMismatch, Review, Status, UpdateFacts

T1, T2, T3 = (datetime(2026, 11, 23, 10, minute, tzinfo=UTC) for minute in (1, 2, 3))
AMOUNT = 10_000


@dataclass(frozen=True)
class Row:
    imp_uid: str | None = None
    amount: int = AMOUNT
    status: str = "ready"
    cancel_amount: int = 0
    credited_at: datetime | None = None
    started_at: datetime | None = None


@dataclass(frozen=True)
class Answer:
    imp_uid: str = "imp_1"
    status: str = "paid"
    amount: Decimal = Decimal(AMOUNT)
    cancel_amount: Decimal = Decimal(0)
    currency: str = "KRW"
    test_channel: bool = False
    registers_card: bool = False
    started_at: datetime | None = T2


def cancelled(amount: int, **more) -> Answer:
    return Answer(status="cancelled", cancel_amount=Decimal(amount), **more)


ROWS = {
    "fresh": Row(),
    "failed before the gateway": Row(status="failed"),
    "ready 1": Row("imp_1", status="ready", started_at=T2),
    "failed 1": Row("imp_1", status="failed", started_at=T2),
    "closed 1": Row("imp_1", status="cancelled", started_at=T2),
    "ready other, earlier": Row("imp_9", status="ready", started_at=T1),
    "failed other, later": Row("imp_9", status="failed", started_at=T3),
    "paid 1": Row("imp_1", status="paid", credited_at=T2, started_at=T2),
    "part 1": Row("imp_1", status="cancelled", cancel_amount=4_000, credited_at=T2, started_at=T2),
    "whole 1": Row(
        "imp_1", status="cancelled", cancel_amount=AMOUNT, credited_at=T2, started_at=T2
    ),
    "paid other": Row("imp_9", status="paid", credited_at=T2, started_at=T2),
    "whole other": Row(
        "imp_9", status="cancelled", cancel_amount=AMOUNT, credited_at=T2, started_at=T2
    ),
}
ANSWERS = {
    "ready": Answer(status="ready"),
    "failed": Answer(status="failed"),
    "closed": cancelled(0),
    "paid": Answer(),
    "part": cancelled(4_000),
    "more": cancelled(7_000),
    "whole": cancelled(AMOUNT),
}
READY, FAILED, PAID, CANCELLED = Status.READY, Status.FAILED, Status.PAID, Status.CANCELLED
IGN, FLAG = NoChange(), NoChange(Review.CLOSED_ACCOUNT)
BINDS = {
    "paid": Credit(PAID, 0),
    "part": Credit(CANCELLED, 4_000),
    "more": Credit(CANCELLED, 7_000),
    "whole": Credit(CANCELLED, AMOUNT),
}
WHOLE_FACTS = {
    "ready": UpdateFacts(READY, 0, whole=True),
    "failed": UpdateFacts(FAILED, 0, whole=True),
    "closed": UpdateFacts(CANCELLED, 0, whole=True, review=Review.CLOSED_ACCOUNT),
}
CLOSED = UpdateFacts(CANCELLED, 0, review=Review.CLOSED_ACCOUNT)


def second(left: int) -> RefundMismatch:
    return RefundMismatch(Review.SECOND_PAYMENT, Decimal(left))


def late(left: int) -> RefundMismatch:
    return RefundMismatch(Review.MONEY_AFTER_CANCEL, Decimal(left))


EXPECTED = {
    "fresh": {**WHOLE_FACTS, **BINDS},
    "failed before the gateway": {**WHOLE_FACTS, **BINDS},
    "ready 1": {"ready": UpdateFacts(READY, 0), "failed": UpdateFacts(FAILED, 0), "closed": CLOSED, **BINDS},
    "failed 1": {"ready": IGN, "failed": UpdateFacts(FAILED, 0), "closed": CLOSED, **BINDS},
    "closed 1": {"ready": IGN, "failed": IGN, "closed": CLOSED, **BINDS},
    "ready other, earlier": {**WHOLE_FACTS, **BINDS},
    "failed other, later": {"ready": IGN, "failed": IGN, "closed": IGN, **BINDS},
    "paid 1": {
        "ready": IGN, "failed": IGN, "closed": FLAG, "paid": IGN,
        "part": UpdateFacts(CANCELLED, 4_000), "more": UpdateFacts(CANCELLED, 7_000),
        "whole": UpdateFacts(CANCELLED, AMOUNT),
    },
    "part 1": {"ready": IGN, "failed": IGN, "closed": FLAG, "paid": IGN, "part": IGN,
        "more": UpdateFacts(CANCELLED, 7_000), "whole": UpdateFacts(CANCELLED, AMOUNT)},
    "whole 1": {"ready": IGN, "failed": IGN, "closed": FLAG, "paid": IGN, "part": IGN, "more": IGN,
        "whole": IGN},
    "paid other": {"ready": IGN, "failed": IGN, "closed": IGN, "paid": second(10_000),
        "part": second(6_000), "more": second(3_000), "whole": IGN},
    "whole other": {"ready": IGN, "failed": IGN, "closed": IGN, "paid": late(10_000),
        "part": late(6_000), "more": late(3_000), "whole": IGN},
}  # fmt: skip
PAIRS = [(row, answer) for row in ROWS for answer in ANSWERS]


@pytest.mark.parametrize(("row", "answer"), PAIRS)
def test_every_pair(row, answer):
    assert decide(ROWS[row], ANSWERS[answer], accept_test_channel=False) == EXPECTED[row][answer]


def test_the_table_is_whole():
    assert {(row, answer) for row in EXPECTED for answer in EXPECTED[row]} == set(PAIRS)
    assert len(PAIRS) == 84


WRONG = {
    "less": ({"amount": Decimal(9_000)}, Review.WRONG_AMOUNT),
    "more": ({"amount": Decimal(10_001)}, Review.WRONG_AMOUNT),
    "a fraction of a won": ({"amount": Decimal("10000.5")}, Review.WRONG_AMOUNT),
    "dollars": ({"currency": "USD"}, Review.WRONG_CURRENCY),
    "play money": ({"test_channel": True}, Review.TEST_CHANNEL),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("row", [name for name, row in ROWS.items() if row.credited_at is None])
@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_money_is_never_bound(row, answer, wrong):
    changes, review = WRONG[wrong]
    payment = replace(ANSWERS[answer], **changes)
    decision = decide(ROWS[row], payment, accept_test_channel=False)
    left = payment.amount - payment.cancel_amount
    if answer in ("paid", "part", "more", "whole") and left > 0:
        assert decision == RefundMismatch(review, left)
    elif answer in ("paid", "part", "more", "whole"):
        assert decision == NoChange()
    elif review is Review.TEST_CHANNEL:  # an attempt without money may be shown
        assert decision == EXPECTED[row][answer]
    else:
        assert decision == NoChange()


@pytest.mark.parametrize("accept_test_channel", [False, True])
@pytest.mark.parametrize(
    "wrong", [{}, {"amount": Decimal(9_000)}, {"currency": "USD"}, {"test_channel": True}]
)
@pytest.mark.parametrize(
    ("row", "answer"),
    [
        (row, answer)
        for row, answer in PAIRS
        if not (ROWS[row].credited_at and ROWS[row].imp_uid == "imp_1")
    ],
)
def test_a_registered_card_is_never_money_and_never_takes_a_row(
    row, answer, wrong, accept_test_channel
):
    payment = replace(ANSWERS[answer], registers_card=True, **wrong)
    decision = decide(ROWS[row], payment, accept_test_channel=accept_test_channel)
    assert decision == (NoChange(Review.CARD_REGISTRATION) if answer in BINDS else NoChange())


@pytest.mark.parametrize("row", ["paid 1", "part 1", "whole 1"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_what_was_credited_before_cards_were_told_apart_is_taken_back_as_ever(row, answer):
    assert (
        decide(ROWS[row], replace(ANSWERS[answer], registers_card=True), accept_test_channel=False)
        == EXPECTED[row][answer]
    )


@pytest.mark.parametrize("answer", ["part", "more"])
def test_a_fraction_of_a_won_cancelled_is_wrong_money(answer):
    payment = replace(ANSWERS[answer], cancel_amount=Decimal("0.5"))
    assert decide(ROWS["fresh"], payment, accept_test_channel=False) == RefundMismatch(
        Review.WRONG_AMOUNT, Decimal("9999.5")
    )


@pytest.mark.parametrize("answer", ["paid", "part", "whole", "closed"])
@pytest.mark.parametrize(
    "changes", [{"amount": Decimal(9_999)}, {"amount": Decimal(20_000)}, {"currency": "USD"}]
)
@pytest.mark.parametrize("row", ["paid 1", "part 1", "whole 1"])
def test_a_bound_payment_that_changes_its_amount_is_nonsense(row, answer, changes):
    payment = replace(ANSWERS[answer], **changes)
    with pytest.raises(InvalidGatewayResponse):
        decide(ROWS[row], payment, accept_test_channel=False)


@pytest.mark.parametrize("answer", BINDS)
def test_a_test_channel_counts_only_where_it_is_accepted(answer):
    payment = replace(ANSWERS[answer], test_channel=True)
    assert decide(ROWS["fresh"], payment, accept_test_channel=True) == BINDS[answer]


def test_a_bound_test_channel_payment_stays_what_it_is_when_the_setting_changes():
    payment = replace(ANSWERS["part"], test_channel=True)
    assert decide(ROWS["paid 1"], payment, accept_test_channel=False) == UpdateFacts(
        CANCELLED, 4_000
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "replaces"),
    [
        (T1, T2, True),
        (T2, T2, False),
        (T2, T1, False),
        (None, T1, True),
        (T1, None, False),
        (None, None, False),
    ],
)
def test_another_attempt_replaces_only_if_it_began_later(mine, theirs, replaces):
    row = Row("imp_9", status="failed", started_at=mine)
    decision = decide(row, Answer(status="ready", started_at=theirs), accept_test_channel=False)
    assert decision == (UpdateFacts(READY, 0, whole=True) if replaces else NoChange())
