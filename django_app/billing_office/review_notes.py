"""Lines that the program wrote into the rows, in English, as staff read them: in their language,
members' login names masked.

Rows keep one language, so that logs, searches and people who write tickets mean the same line. What
is not known here (people's own notes, the gateway's words) is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from billing.states import Review, Status
from billing_office import masking

LINES = [
    gettext_noop(
        "%(imp_uid)s paid %(paid)s through a test channel; the row asks for %(amount)s KRW once"
    ),
    gettext_noop("%(imp_uid)s paid %(paid)s; the row asks for %(amount)s KRW once"),
    gettext_noop("%(imp_uid)s: %(why)s, so staff send it back"),
    gettext_noop("%(imp_uid)s: sending the wrong money back: %(why)s"),
    gettext_noop("%(imp_uid)s: the cancel of %(amount)s won: %(why)s"),
    gettext_noop(
        "%(imp_uid)s is cancelled at the gateway, with nothing paid back: account closed by "
        "%(staff)s"
    ),
    gettext_noop("%(imp_uid)s is cancelled at the gateway, with nothing paid back"),
    gettext_noop(
        "%(imp_uid)s registered a card and is %(status)s: no money to us; see at the gateway "
        "whether it was charged"
    ),
    gettext_noop("%(imp_uid)s: %(points)s points were cancelled, the balance is %(balance)s"),
    gettext_noop("%(imp_uid)s: %(points)s points were credited to a member who has left"),
    gettext_noop("%(imp_uid)s: cancel #%(number)s %(what)s"),
    gettext_noop("%(imp_uid)s: return #%(number)s %(what)s"),
    gettext_noop("%(imp_uid)s: closing of the account asked for by %(staff)s"),
    gettext_noop("adopted for %(member)s by %(staff)s"),
    gettext_noop("resolved by %(staff)s: %(note)s"),
    gettext_noop("sent again by %(staff)s"),
    gettext_noop("left waiting by %(staff)s"),
    gettext_noop("given up by %(staff)s"),
    gettext_noop("given up after %(days)s days: %(why)s"),
    gettext_noop("returns are left to staff here"),
    gettext_noop("accepted more than 7 days ago, and not done"),
    gettext_noop("tried %(tries)s times"),
    gettext_noop("refused %(tries)s times: %(why)s"),
    gettext_noop("not sent %(tries)s times: %(why)s"),
    gettext_noop("sent, and nobody knows whether it was registered"),
    gettext_noop("sent %(tries)s times without an answer"),
    gettext_noop("the gateway has cancelled a part, and nobody knows whose part it is"),
    gettext_noop("cancelled in part at the gateway's console meanwhile"),
    gettext_noop("a refund account is needed"),
    gettext_noop("it is not whole won"),
    gettext_noop("wrong money: %(code)s"),
    gettext_noop("no such merchant_uid"),
    gettext_noop("asked too often this hour"),
    gettext_noop("%(why)s, and others wait already"),
    gettext_noop("%(why)s; others wait already"),
    gettext_noop("GatewayUnreachable: %(why)s"),
    gettext_noop("GatewayRejected: %(why)s"),
    gettext_noop("GatewayPaymentNotFound: %(why)s"),
    gettext_noop("the gateway gave no answer (%(kind)s)"),
    gettext_noop("the gateway answered HTTP %(status)s"),
    gettext_noop("the gateway does not know it"),
    gettext_noop("a payment that no transaction has cannot be read, and is left alone: %(why)s"),
]


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(line)), re.DOTALL)


_PATTERNS = [(_pattern(line), line) for line in LINES]


def in_words(line: str) -> str:
    """`line` in the active language; unchanged where this file does not know it."""
    for pattern, known in _PATTERNS:
        if match := pattern.fullmatch(line):
            return _(known) % {
                name: _PART.get(name, str)(value) for name, value in match.groupdict().items()
            }
    return line


def shown(line: str, *, in_full: bool = False) -> str:
    """`line` as a page shows it: in words, and what people wrote into it masked, unless in full."""
    return in_words(line) if in_full else masking.free_text(in_words(line))


_PART: dict[str, Callable[[str], str]] = {
    "why": in_words,
    "what": in_words,
    "member": masking.login,
    "status": lambda value: str(dict(Status.choices).get(value, value)),
    "code": lambda value: str(dict(Review.choices).get(value, value)),
}
