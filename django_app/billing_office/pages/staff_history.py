"""What staff did to a row, read back from Django's admin log: every line in the reader's language.
Written by `audit_log.py`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.support.people import login_name
from billing_office import error_messages, masking, review_notes
from billing_office.actions import registry
from billing_office.formatting import moment, money, points

MOST_LINES = 200  # lines of one row
SEEN = gettext_lazy("Looked at personal data in full")  # a page, no action


def entries_of(row: Model) -> QuerySet[LogEntry]:
    """What staff did to this row, newest first."""
    kind = ContentType.objects.get_for_model(type(row))
    return (
        LogEntry.objects.filter(content_type=kind, object_id=str(row.pk))
        .select_related("user")
        .order_by("-action_time", "-pk")
    )


def lines(row: Model, *, in_full: bool = False) -> list[tuple[str, str, str]]:
    """(when, by whom, what) of the newest entries about this row."""
    return [
        (moment(entry.action_time), login_name(entry.user), words(entry, in_full=in_full))
        for entry in entries_of(row)[:MOST_LINES]
    ]


def words(entry: LogEntry, *, in_full: bool = False) -> str:
    """One line in the reader's language, what staff wrote in it masked unless in full; what
    `audit_log.py` did not write is shown as it is.
    """
    try:
        facts = json.loads(entry.change_message)
        texts = {**registry.audit_texts(), "seen": SEEN}
        template = texts.get(f"{facts['what']} {facts.get('kind')}") or texts.get(facts["what"])
        if template is None:
            return entry.get_change_message()
        line = str(template) % _values(facts, in_full)
        if facts.get("error") or facts.get("error_code"):
            return f"{line} ({_error(facts, in_full)})"
        return line
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return entry.get_change_message()


def _values(facts: dict[str, Any], in_full: bool) -> dict[str, Any]:
    return {
        "amount": money(Decimal(str(facts.get("amount") or 0)), facts.get("currency") or "KRW"),
        "points": points(facts.get("points") or 0, signed=True),
        "result": _results().get(facts.get("result") or "done", facts.get("result")),
        "note": masking.shown(facts.get("note") or "", in_full=in_full),
        "imp_uid": facts.get("imp_uid") or "",
    }


def _error(facts: dict[str, Any], in_full: bool) -> str:
    """What went wrong; a sentence of the time before codes as it was written."""
    code, detail = facts.get("error_code") or "", facts.get("error") or ""
    known = error_messages.refusal(code)
    return known or review_notes.error_words(code, detail, in_full=in_full)


def _results() -> dict[str, str]:
    return {
        "nothing": _("nothing new"),
        "changed": _("the transaction was changed"),
        "charged": _("points were credited"),
        "cancelled": _("points were taken back"),
        "return": _("wrong money is sent back"),
        "pending": _("still pending"),
        "ignored": _("ignored"),
        "dead": _("given up"),
        "done": _("done"),
        "accepted": _("accepted, not done yet"),
        "unknown": _("unknown"),
        "requested": _("not sent yet"),
        "refused": _("refused"),
        "failed": _("the gateway gave no usable answer"),
    }
