"""How the back office writes: badges with a sign and a word, money, points, moments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.models import PointCancellation, PointTransaction, UnmatchedPayment, WebhookEvent
from billing.states import Status

NOTHING = "–"

# value → (tone, sign): the colour never stands alone
SIGNS: Mapping[str, tuple[str, str]] = {
    Status.READY: ("plain", "○"),
    Status.PAID: ("good", "✓"),
    Status.FAILED: ("bad", "✕"),
    Status.CANCELLED: ("warn", "↩"),
    PointCancellation.State.REQUESTED: ("info", "…"),
    PointCancellation.State.ACCEPTED: ("info", "◔"),
    PointCancellation.State.UNKNOWN: ("warn", "?"),
    PointCancellation.State.DONE: ("good", "✓"),
    PointCancellation.State.REFUSED: ("bad", "✕"),
    WebhookEvent.Outcome.PENDING: ("warn", "…"),
    WebhookEvent.Outcome.IGNORED: ("plain", "○"),
    WebhookEvent.Outcome.DEAD: ("bad", "✕"),
}


def badge(word: Any, tone: str, sign: str) -> SafeString:
    """tone: good, bad, warn, info or plain."""
    return format_html(
        '<span class="bo-badge bo-{}"><span aria-hidden="true">{}</span> {}</span>',
        tone,
        sign,
        word,
    )


def choice_badge(value: str, word: Any) -> SafeString:
    """The badge of a status, state or outcome."""
    return badge(word, *SIGNS.get(value, ("plain", "○")))


def _is_part(txn: PointTransaction | UnmatchedPayment) -> bool:
    return bool(txn.status == Status.CANCELLED and 0 < txn.cancel_amount < txn.amount)


def status_word(txn: PointTransaction) -> str:
    """A transaction's status without a badge: for files."""
    return _("Cancelled in part") if _is_part(txn) else str(txn.get_status_display())


def status_badge(txn: PointTransaction | UnmatchedPayment) -> SafeString:
    """A transaction's or payment's status; a part cancel is no full one."""
    if _is_part(txn):
        return badge(_("Cancelled in part"), "warn", "◐")
    return choice_badge(txn.status, txn.get_status_display())


def review_badge(txn: PointTransaction) -> str | SafeString:
    return badge(txn.get_review_display(), "bad", "!") if txn.review else ""


def open_cancel_badge(txn: PointTransaction) -> str | SafeString:
    """That a cancel of ours has not ended: money may be on its way back although the status does
    not say so yet.
    """
    return badge(_("Cancel open"), "warn", "?") if txn.pending_cancel_total else ""


def won(amount: int | Decimal) -> str:
    """10,000 won"""
    return _("%(amount)s won") % {"amount": f"{amount:,.0f}"}


def money(amount: Decimal | int, currency: str) -> str:
    """Money of any currency."""
    return won(amount) if currency == "KRW" else f"{Decimal(amount).normalize():,f} {currency}"


def points(number: int, *, signed: bool = False) -> str:
    return f"{number:+,}P" if signed else f"{number:,}P"


def moment(when: datetime | None) -> str:
    """2026-11-26 23:59:01, in the site's time zone; a dash where there is none."""
    return formats.date_format(timezone.localtime(when), "Y-m-d H:i:s") if when else NOTHING
