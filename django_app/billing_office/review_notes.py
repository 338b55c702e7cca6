"""Notes and errors of rows, which are data, in the reader's language: amounts with thousands
separators, what people wrote masked unless in full.

To add a note: a code in `billing/note_codes.py` (a review: in `billing/states.py`), and its words
here. A code without words fails `test_review_notes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import PointCancellation, TransactionNote, WebhookEvent
from billing.note_codes import ErrorCode, NoteCode, Why
from billing.states import Review, Status
from billing_office import masking

WRONG_MONEY = gettext_lazy("%(imp_uid)s paid %(paid)s; the row asks for %(amount)s KRW once")
WRONG_MONEY_BY_TEST_CHANNEL = gettext_lazy(
    "%(imp_uid)s paid %(paid)s through a test channel; the row asks for %(amount)s KRW once"
)
NOTES: dict[str, Any] = {
    **dict.fromkeys(
        (
            Review.WRONG_AMOUNT,
            Review.WRONG_CURRENCY,
            Review.TEST_CHANNEL,
            Review.SECOND_PAYMENT,
            Review.MONEY_AFTER_CANCEL,
        ),
        WRONG_MONEY,
    ),
    Review.CLOSED_ACCOUNT: gettext_lazy(
        "%(imp_uid)s is cancelled at the gateway, with nothing paid back"
    ),
    Review.NEGATIVE_BALANCE: gettext_lazy(
        "%(imp_uid)s: %(points)s points were cancelled, the balance is %(balance)s"
    ),
    Review.CARD_REGISTRATION: gettext_lazy(
        "%(imp_uid)s registered a card and is %(status)s: no money to us; see at the gateway "
        "whether it was charged"
    ),
    Review.CANCEL_UNCLEAR: gettext_lazy("%(imp_uid)s: the cancel of %(amount)s won: %(why)s"),
    Review.MEMBER_LEFT: gettext_lazy(
        "%(imp_uid)s: %(points)s points were credited to a member who has left"
    ),
    Review.RETURN_STUCK: gettext_lazy("%(imp_uid)s: sending the wrong money back: %(why)s"),
    NoteCode.REFUND_BY_STAFF: gettext_lazy("%(imp_uid)s: %(why)s, so staff send it back"),
    NoteCode.CLAIMED: gettext_lazy("adopted for %(member)s by %(staff)s"),
    NoteCode.ACCOUNT_CLOSE_REQUESTED: gettext_lazy(
        "%(imp_uid)s: closing of the account asked for by %(staff)s"
    ),
    NoteCode.ACCOUNT_CLOSED: gettext_lazy(
        "%(imp_uid)s is cancelled at the gateway, with nothing paid back: account closed by "
        "%(staff)s"
    ),
    NoteCode.SENT_AGAIN: gettext_lazy("sent again by %(staff)s"),
    NoteCode.LEFT_WAITING: gettext_lazy("left waiting by %(staff)s"),
    NoteCode.GIVEN_UP: gettext_lazy("given up by %(staff)s"),
    NoteCode.RESOLVED: gettext_lazy("resolved by %(staff)s: %(reason)s"),
    NoteCode.LEGACY: "%(text)s",
}
# Before a note about one cancel or mismatch refund.
ABOUT = {
    PointCancellation.Kind.CANCEL: gettext_lazy("%(imp_uid)s: cancel #%(number)s %(what)s"),
    PointCancellation.Kind.MISMATCH_REFUND: gettext_lazy(
        "%(imp_uid)s: return #%(number)s %(what)s"
    ),
}
WHYS: dict[str, Any] = {
    Why.SETTING: gettext_lazy("returns are left to staff here"),
    Why.NOT_WHOLE_WON: gettext_lazy("it is not whole won"),
    Why.ACCOUNT_NEEDED: gettext_lazy("a refund account is needed"),
    Why.ACCEPTED_TOO_LONG: gettext_lazy("accepted more than 7 days ago, and not done"),
    Why.PART_CANCELLED: gettext_lazy(
        "the gateway has cancelled a part, and nobody knows whose part it is"
    ),
    Why.MAYBE_REGISTERED: gettext_lazy("sent, and nobody knows whether it was registered"),
    Why.NO_ANSWER: gettext_lazy("sent %(tries)s times without an answer"),
    Why.TRIED: gettext_lazy("tried %(tries)s times"),
    Why.REJECTED: gettext_lazy("refused %(tries)s times: %(detail)s"),
    Why.GATEWAY_TROUBLE: "%(trouble)s",
}
ERRORS: dict[str, Any] = {
    ErrorCode.GATEWAY_UNREACHABLE: gettext_lazy("the gateway gave no answer (%(detail)s)"),
    ErrorCode.GATEWAY_REJECTED: "%(detail)s",
    ErrorCode.INVALID_GATEWAY_RESPONSE: gettext_lazy(
        "the gateway's answer cannot be understood (%(detail)s)"
    ),
    ErrorCode.PAYMENT_NOT_FOUND: gettext_lazy("the gateway does not know it"),
    ErrorCode.REJECTED_THEN_SILENT: gettext_lazy(
        "%(detail)s; asked again, the gateway gave no answer"
    ),
    ErrorCode.REJECTED_OLD_ANSWER: gettext_lazy(
        "%(detail)s; asked again, the gateway told how it was before"
    ),
    ErrorCode.CANCELLED_AT_CONSOLE: gettext_lazy(
        "cancelled in part at the gateway's console meanwhile"
    ),
    ErrorCode.CONTRADICTS: gettext_lazy("the answer contradicts this payment (%(detail)s)"),
    ErrorCode.GIVEN_UP: gettext_lazy("given up by %(detail)s"),
    ErrorCode.UNKNOWN_ORDER: gettext_lazy("no such merchant_uid"),
    ErrorCode.ASKED_TOO_OFTEN: gettext_lazy("asked too often this hour"),
    ErrorCode.LEGACY: "%(detail)s",
}


def note_words(note: TransactionNote, *, in_full: bool = False) -> str:
    """One line of what staff should know."""
    params = note.params if isinstance(note.params, dict) else {}
    template = NOTES.get(note.code, note.code)
    if template is WRONG_MONEY and params.get("test"):
        template = WRONG_MONEY_BY_TEST_CHANNEL
    words = template % _Values(params, staff=note.by_name)
    if note.code in (NoteCode.SENT_AGAIN, NoteCode.LEFT_WAITING, NoteCode.GIVEN_UP):
        words = ABOUT.get(params.get("kind", ""), ABOUT[PointCancellation.Kind.CANCEL]) % _Values(
            params, what=words
        )
    return words if in_full else masking.free_text(words)


def error_words(code: str, detail: str, *, in_full: bool = False) -> str:
    """What went wrong, in a line; "" where nothing did."""
    if not code and not detail:
        return ""
    words = ERRORS.get(code, "%(detail)s") % _Values({"detail": detail or "?"})
    return words if in_full else masking.free_text(words)


def trouble_of(row: PointCancellation | WebhookEvent, *, in_full: bool = False) -> str:
    """What went wrong with the last try about this row."""
    words = error_words(row.error_code, row.error, in_full=in_full)
    if isinstance(row, WebhookEvent):
        if row.outcome == WebhookEvent.Outcome.DEAD:
            return _("given up after %(days)s days: %(why)s") % {"days": 7, "why": words}
        closed_early = (ErrorCode.ASKED_TOO_OFTEN, ErrorCode.PAYMENT_NOT_FOUND)
        if row.outcome == WebhookEvent.Outcome.IGNORED and row.error_code in closed_early:
            return _("%(why)s, and others wait already") % {"why": words}
    return words


def reason_words(one: PointCancellation, *, in_full: bool = False) -> str:
    """Why money goes back: of wrong money the review, else what staff or the member wrote."""
    if one.reason_code:
        return _("wrong money: %(code)s") % {"code": _review(one.reason_code)}
    return one.reason if in_full else masking.free_text(one.reason)


def _review(code: str) -> str:
    return str(dict(Review.choices).get(code, code))


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _paid(params: Mapping[str, Any]) -> str:
    try:
        return f"{Decimal(str(params.get('paid', ''))):,f} {params.get('currency', '')}"
    except InvalidOperation:
        return str(params.get("paid", ""))


# How a template's word is made of the params.
WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "paid": _paid,
    "amount": lambda params: _number(params.get("asked", params.get("amount", ""))),
    "why": lambda params: (
        str(WHYS.get(params.get("why", ""), params.get("why", ""))) % _Values(params)
    ),
    "trouble": lambda params: error_words(
        params.get("code", ""), params.get("detail", ""), in_full=True
    ),
    "status": lambda params: str(dict(Status.choices).get(params.get("status", ""), "")),
    "member": lambda params: masking.login(str(params.get("member", ""))),
}


class _Values(dict[str, Any]):
    """Params as a template asks for them; a word that is missing is empty, never an error: old
    rows and other programs may have written them.
    """

    def __init__(self, params: Mapping[str, Any], **more: Any) -> None:
        super().__init__(more)
        self._params = params

    def __missing__(self, name: str) -> str:
        if name in WORDS:
            return WORDS[name](self._params)
        return _number(self._params.get(name, ""))
