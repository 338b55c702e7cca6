"""What staff did: written to Django's admin log, which the time line reads, and to the log
`billing.staff`. Who, what, and on which row.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from billing.errors import BillingError, GatewayUnreachable, InvalidGatewayResponse
from billing.models import PointCancellation
from billing_office import review_notes
from billing_office.formatting import moment, money, points

logger = logging.getLogger("billing.staff")

MOST = 200  # lines of one row's story


def record(request: HttpRequest, row: Model, what: str, **facts: Any) -> None:
    """Write down what this user just did to `row`. facts: JSON values, no personal data. Twice: two
    lines.
    """
    user: Any = request.user
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(type(row)),
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=CHANGE,
        change_message=json.dumps({"what": what, **facts}, ensure_ascii=False),
    )
    logger.info(
        "%s: %s %s %s",
        user.get_username(),
        what,
        row._meta.label,
        json.dumps({"pk": str(row.pk), **facts}),
    )


@contextmanager
def logged_action(
    request: HttpRequest, row: Model, what: str, **facts: Any
) -> Iterator[dict[str, Any]]:
    """Write down this deed of staff once it has ended, whichever way: `result` and more are added
    to the facts that this yields.

    A BillingError is written down as refused, or as failed where the gateway gave no usable answer,
    and raised again.
    """
    try:
        yield facts
    except BillingError as error:
        silent = isinstance(error, GatewayUnreachable | InvalidGatewayResponse)
        record(
            request,
            row,
            what,
            **{**facts, "result": "failed" if silent else "refused", "error": str(error)},
        )
        raise
    record(request, row, what, **facts)


def money_facts(one: PointCancellation) -> dict[str, str]:
    """The facts that tell a cancel or return in a line."""
    return {"amount": f"{one.amount.normalize():f}", "currency": one.currency, "kind": one.kind}


def record_export(request: HttpRequest, model: type[Model], **facts: Any) -> None:
    """Write down that this user took a list, or figures, with them. facts: JSON values, no personal
    data.
    """
    user: Any = request.user
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(model),
        object_repr=str(model._meta.verbose_name_plural)[:200],
        action_flag=CHANGE,
        change_message=json.dumps({"what": "export", **facts}, ensure_ascii=False),
    )
    logger.info(
        "%s: export %s %s",
        user.get_username(),
        model._meta.label,
        json.dumps(facts, ensure_ascii=False),
    )


def of(row: Model) -> QuerySet[LogEntry]:
    """What staff did to this row, newest first."""
    kind = ContentType.objects.get_for_model(type(row))
    return (
        LogEntry.objects.filter(content_type=kind, object_id=str(row.pk))
        .select_related("user")
        .order_by("-action_time", "-pk")
    )


def lines(row: Model, *, in_full: bool = False) -> list[tuple[str, str, str]]:
    """(when, who, what) of the newest deeds of staff about this row."""
    return [
        (moment(entry.action_time), entry.user.get_username(), words(entry, in_full=in_full))
        for entry in of(row)[:MOST]
    ]


def words(entry: LogEntry, *, in_full: bool = False) -> str:
    """One line in the reader's language, what staff wrote in it masked unless in full; what this
    file did not write is shown as it is.
    """
    try:
        facts = json.loads(entry.change_message)
        texts = _texts()
        template = texts.get(f"{facts['what']} {facts.get('kind')}") or texts.get(facts["what"])
        if template is None:
            return entry.get_change_message()
        said = template % {
            "amount": money(Decimal(str(facts.get("amount") or 0)), facts.get("currency") or "KRW"),
            "points": points(facts.get("points") or 0, signed=True),
            "result": _results().get(facts.get("result") or "done", facts.get("result")),
            "note": review_notes.shown(facts.get("note") or "", in_full=in_full),
            "imp_uid": facts.get("imp_uid") or "",
        }
        return (
            f"{said} ({review_notes.shown(facts['error'], in_full=in_full)})"
            if facts.get("error")
            else said
        )
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return entry.get_change_message()


def _texts() -> dict[str, str]:
    return {
        "sync": _("Asked the gateway and took its answer over: %(result)s"),
        "replay": _("Replayed a delivery: %(result)s"),
        "cancel": _("Cancel of %(amount)s: %(result)s · “%(note)s”"),
        "finish": _("Asked how the cancel of %(amount)s ended: %(result)s"),
        "finish return": _("Asked how the return of %(amount)s ended: %(result)s"),
        "send_again": _("Decided to send %(amount)s back again: %(result)s"),
        "wait": _("Decided to wait for %(amount)s: %(result)s"),
        "give_up": _("Gave up sending %(amount)s back: %(result)s"),
        "close_account": _("Closed the virtual account: %(result)s"),
        "resolve": _("Resolved the review: %(result)s · “%(note)s”"),
        "adopt": _("Adopted the payment %(imp_uid)s: %(result)s"),
        "not_ours": _("Said that the payment %(imp_uid)s is not ours · “%(note)s”"),
        "adjust": _("Corrected the balance by %(points)s: %(result)s · “%(note)s”"),
        "leave": _("Let the member leave: personal data scrubbed"),
        "seen": _("Looked at personal data in full"),
    }


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
